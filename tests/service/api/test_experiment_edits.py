"""Changing a stored experiment over HTTP: merge patches, conditions, events, the archive."""

import uuid

import pytest

from service.api.schemas.experiments import ExperimentAnswer

SPEC = {"activation": "relu", "epochs": 1, "seeds": 1, "name": "n", "tags": {"a": "1", "b": "2"}}
MERGE_PATCH = {"content-type": "application/merge-patch+json"}


@pytest.fixture
def path(api):
    return api.post("/v1/experiments", json=SPEC).json()["links"]["self"]


def listed(api, **query):
    return [found["name"] for found in api.get("/v1/experiments", params=query).json()["items"]]


def test_what_a_patch_names_is_changed_and_the_rest_stays(api, path):
    before = api.get(path).json()
    patch = {"name": "m", "note": "odd\n", "tags": {"a": None, "c:d": "3"}}
    answer = api.patch(path, json=patch)
    after = ExperimentAnswer.model_validate_json(answer.content)
    assert (after.name, after.note, after.tags) == ("m", "odd\n", {"b": "2", "c:d": "3"})
    assert answer.json() == before | patch | {"tags": {"b": "2", "c:d": "3"}}
    assert (after.spec["name"], after.spec["tags"]) == ("n", SPEC["tags"])
    assert api.get(path).json() == answer.json()
    removed = api.patch(path, content=b'{"name":null,"tags":null,"note":null}', headers=MERGE_PATCH)
    assert removed.json() == before | {"name": None, "tags": {}}
    assert api.get("/v1/experiments", params={"tag": "b:2"}).json()["items"] == []


def test_each_change_is_one_event_and_no_change_is_none(api, lab, path):
    experiment_id = uuid.UUID(path.rsplit("/", 1)[1])
    for patch in ({"note": "x", "archived": True}, {"note": "x", "tags": {"a": "1"}}, {}):
        assert api.patch(path, json=patch).status_code == 200
    lab.train_all()
    api.patch(path, json={"archived": False})
    kinds = [kind for kind, _ in lab.events(experiment_id)]
    assert kinds.count("experiment.updated") == 2
    assert kinds.count("experiment.finished") == 1
    assert kinds[-1] == "experiment.updated"
    answer = api.get(f"{path}/events", headers={"accept": "text/event-stream"})
    assert '"fields":["note","archived"]' in answer.text


def test_a_patch_of_another_version_is_refused(api, path):
    tag = api.get(path).headers["etag"]
    changed = api.patch(path, json={"note": "1"}, headers={"if-match": f'"other", {tag}'})
    assert changed.status_code == 200
    assert changed.headers["etag"] == api.get(path).headers["etag"] != tag
    weak = f"W/{changed.headers['etag']}"
    digest = changed.headers["etag"].partition("-")[2]
    for condition in (tag, weak, "nonsense", "", f'"{digest}', '"', '"-"'):
        answer = api.patch(path, json={"note": "2"}, headers={"if-match": condition})
        assert (answer.status_code, answer.json()["title"]) == (412, "Changed meanwhile"), condition
        assert api.delete(path, headers={"if-match": condition}).status_code in {409, 412}
        edited = "Somebody edited" in answer.json()["detail"]
        assert edited == (condition == tag), answer.json()["detail"]
    assert api.get(path).json()["note"] == "1"
    assert api.patch(path, json={"note": "2"}, headers={"if-match": "*"}).json()["note"] == "2"


def test_training_does_not_stand_in_the_way_of_a_conditional_patch(api, lab, path):
    """What is counted and forecast changes with each read, and nobody edits it."""
    lab.seen()
    claim = lab.claim()
    first = api.get(path)
    lab.epoch(claim, 1)
    second = api.get(path, headers={"if-none-match": first.headers["etag"]})
    assert second.status_code == 200, "the progress is another one, so the answer is sent"
    assert second.json()["progress"] > first.json()["progress"]
    headers = {"if-match": first.headers["etag"]}
    assert api.patch(path, json={"note": "1"}, headers=headers).status_code == 200
    assert api.patch(path, json={"note": "2"}, headers=headers).status_code == 412
    headers = {"if-match": api.get(path).headers["etag"]}
    lab.finish(claim)
    ended = api.patch(path, json={"note": "2"}, headers=headers)
    assert (ended.status_code, ended.json()["status"]) == (200, "completed")


def test_an_experiment_that_somebody_edited_is_not_deleted_by_the_tag_before(api, lab, path):
    headers = {"if-match": api.get(path).headers["etag"]}
    assert api.delete(path, headers=headers).status_code == 409, "a run is queued"
    lab.train_all()
    api.patch(path, json={"note": "Keep it."})
    answer = api.delete(path, headers=headers)
    assert (answer.status_code, answer.json()["title"]) == (412, "Changed meanwhile")
    assert api.get(path).json()["note"] == "Keep it."
    api.patch(path, json={"note": None})
    assert api.delete(path, headers=headers).status_code == 204
    assert api.get(path).status_code == 404


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"nmae": "x"}, "/nmae"),
        ({"spec": {}}, "/spec"),
        ({"archived": None}, "/archived"),
        ({"archived": "yes"}, "/archived"),
        ({"name": "x" * 201}, "/name"),
        ({"note": "\x00"}, "/note"),
        ({"tags": {"k": 1}}, "/tags/k"),
        ({"tags": {f"k{number}": "" for number in range(49)}}, "/tags"),
        ([], ""),
    ],
)
def test_a_patch_that_cannot_be_used_is_refused_where_it_is_wrong(api, path, patch, pointer):
    before = api.get(path).json()
    answer = api.patch(path, json=patch)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert api.get(path).json() == before


def test_other_methods_take_no_merge_patch(api):
    answer = api.post("/v1/experiments", content=b"{}", headers=MERGE_PATCH)
    assert answer.status_code == 415


def test_what_is_not_there_cannot_be_changed(api):
    missing = uuid.uuid4()
    answer = api.patch(f"/v1/experiments/{missing}", json={"note": "x"})
    assert answer.status_code == 404
    assert str(missing) in answer.json()["detail"]


def test_lists_leave_out_what_is_archived_unless_they_are_asked_for_it(api, path):
    api.post("/v1/experiments", json=SPEC | {"name": "other"})
    assert api.patch(path, json={"archived": True}).json()["archived"]
    assert listed(api) == ["other"]
    assert listed(api, archived="true") == ["n"]
    assert listed(api, archived="any", limit=2) == ["other", "n"]
    assert api.get("/v1/experiments", params={"archived": "yes"}).status_code == 422
    api.patch(path, json={"archived": False})
    assert listed(api) == ["other", "n"]
