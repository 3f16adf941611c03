"""Weights over HTTP, as workers leave them, and how long they are there."""

import json
import time
import uuid

import numpy as np
import pytest
from safetensors.numpy import load, save

from service.weights import files
from service.weights.checksums import with_checksum
from service.weights.storage import CHECKPOINTS, WEIGHTS, open_storage, weights_name
from tests.support.served_api import serving

FOREVER = "private, max-age=31536000, immutable"


@pytest.fixture
def storage(settings):
    return open_storage(settings)


@pytest.fixture
def leave(storage):
    """Leave weights that all have one value, as a worker would."""

    def leave(run_id, attempt, moment, value=1.0):
        metadata = {"run_id": str(run_id), "config": json.dumps({"value": value})}
        tensors = {"output.weight": np.full((300, 500), value, np.float32)}
        storage.write(weights_name(run_id, attempt, moment), with_checksum(save(tensors, metadata)))

    return leave


def value_of(answer):
    assert answer.status_code == 200, answer.text
    (tensor,) = load(answer.content).values()
    return float(tensor[0, 0])


def refusal(api, path):
    answer = api.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()["detail"]


@pytest.fixture
def finished(lab, leave):
    """A finished run with its weights."""
    lab.submit()
    claim = lab.taken()
    leave(claim.run_id, 1, "initial", 1.0)
    lab.train(claim)
    leave(claim.run_id, 1, "final", 2.0)
    return claim.run_id


def test_weights_are_downloaded(api, finished):
    path = f"/v1/runs/{finished}/weights"
    assert value_of(api.get(f"{path}?epoch=0")) == 1.0
    answer = api.get(f"{path}?epoch=last")
    assert value_of(answer) == value_of(api.get(path)) == 2.0
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="{finished}-epoch-last.safetensors"'
    )
    head = api.head(path)
    assert (head.status_code, head.headers["etag"]) == (200, answer.headers["etag"])
    assert api.get(f"{path}?epoch=1").status_code == 422


def test_weights_may_be_kept_for_good(api, finished):
    path = f"/v1/runs/{finished}/weights"
    first, last = api.get(f"{path}?epoch=0"), api.get(path)
    assert first.headers["etag"] != last.headers["etag"]
    assert first.headers["cache-control"] == last.headers["cache-control"] == FOREVER
    again = api.get(path, headers={"If-None-Match": last.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = api.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_a_run_says_why_it_has_no_weights(api, lab, leave):
    missing = uuid.uuid4()
    assert str(missing) in refusal(api, f"/v1/runs/{missing}/weights")
    (run,) = lab.runs(lab.submit())
    path = f"/v1/runs/{run.id}/weights"
    assert "has not begun" in refusal(api, path)
    assert "has not begun" in refusal(api, f"{path}?epoch=0")
    claim = lab.taken()
    leave(run.id, 1, "initial", 5.0)
    leave(run.id, 1, "final", 6.0)  # its row is not committed yet
    assert "is in training" in refusal(api, path)
    answer = api.get(f"{path}?epoch=0")
    assert value_of(answer) == 5.0
    assert "immutable" not in answer.headers["cache-control"]
    lab.train(claim)
    assert value_of(api.get(path)) == 6.0


def test_a_cancelled_or_failed_run_has_what_it_began_with(api, lab, leave):
    cancelled, failed = lab.runs(lab.submit(seeds=2, max_attempts=1))
    for _ in range(2):
        leave(lab.taken().run_id, 1, "initial", 3.0)
    lab.execute("UPDATE runs SET status = 'cancelled', lease_expires_at = NULL WHERE seed = 0")
    lab.execute("UPDATE runs SET status = 'failed', lease_expires_at = NULL WHERE seed = 1")
    for run, word in ((cancelled, "was cancelled"), (failed, "was failed")):
        assert word in refusal(api, f"/v1/runs/{run.id}/weights")
        assert value_of(api.get(f"/v1/runs/{run.id}/weights?epoch=0")) == 3.0
    (never,) = lab.runs(lab.submit())
    lab.execute("UPDATE runs SET status = 'cancelled' WHERE id = :id", id=never.id)
    assert "has not begun" in refusal(api, f"/v1/runs/{never.id}/weights?epoch=0")


def test_only_the_attempt_that_counted_gives_the_last_weights(api, lab, leave):
    (run,) = lab.runs(lab.submit())
    lost = lab.taken("one")
    leave(run.id, 1, "initial", 1.0)
    lab.fail(lost)
    claim = lab.taken("two")
    lab.train(claim)
    leave(run.id, 1, "final", -1.0)  # by a worker that has lost the run
    leave(run.id, 2, "final", 2.0)
    assert value_of(api.get(f"/v1/runs/{run.id}/weights")) == 2.0
    assert value_of(api.get(f"/v1/runs/{run.id}/weights?epoch=0")) == 1.0


def test_a_reused_run_gives_the_weights_of_the_original(api, lab, finished):
    (copy,) = lab.runs(lab.submit())
    assert copy.reused_from == finished
    assert value_of(api.get(f"/v1/runs/{copy.id}/weights")) == 2.0
    assert value_of(api.get(f"/v1/runs/{copy.id}/weights?epoch=0")) == 1.0


def test_initialization_only_is_its_own_end(api, lab, leave):
    (run,) = lab.runs(lab.submit(epochs=0))
    claim = lab.taken()
    leave(run.id, 1, "initial", 4.0)
    lab.execute(
        "UPDATE runs SET status = 'completed', lease_expires_at = NULL WHERE id = :id",
        id=claim.run_id,
    )
    assert value_of(api.get(f"/v1/runs/{run.id}/weights")) == 4.0


def test_damaged_weights_are_not_served(api, finished, settings):
    (path,) = (settings.home / "training" / "weights").glob(f"{finished}-1-final*")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert "damaged" in refusal(api, f"/v1/runs/{finished}/weights")


def test_a_location_that_is_away_is_told(settings, finished):
    away = settings.model_copy(update={"checkpoint_dir": "nonsense://there"})
    with serving(away) as served:
        answer = served.client.get(f"/v1/runs/{finished}/weights")
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
    none = settings.model_copy(update={"checkpoint_dir": "/nowhere", "weights_retention_days": 0.0})
    with serving(none) as served:
        assert "RETENTION_DAYS is 0" in refusal(served.client, f"/v1/runs/{finished}/weights")


def runs_with_files(storage, folder):
    return {name.rpartition("/")[2][:36] for name in storage.names(folder)}


def test_files_of_runs_that_are_over_are_removed(lab, leave, storage, session, settings):
    old, recent, queued, running = (run.id for run in lab.runs(lab.submit(seeds=4, priority=-1)))
    gone = uuid.uuid4()
    everyone = (old, recent, queued, running, gone)
    for run_id in everyone:
        leave(run_id, 1, "initial")
        for end in ("1-5-0.safetensors", "1-6-0.safetensors.77.part"):
            storage.write(f"{CHECKPOINTS}/{run_id}-{end}", [b"x"])
    storage.write(f"{WEIGHTS}/a note of the operator", [b"x"])
    for run_id, status, days in ((old, "completed", 40), (recent, "failed", 20)):
        lab.execute(
            "UPDATE runs SET status = :status, finished_at = now() - make_interval(days => :days)"
            " WHERE id = :id",
            id=run_id,
            status=status,
            days=days,
        )
    lab.execute(
        "UPDATE runs SET status = 'running', lease_expires_at = now() WHERE id = :id", id=running
    )
    assert files.purge(session, settings) == 3 * 2 + 2
    assert runs_with_files(storage, CHECKPOINTS) == {str(queued), str(running)}
    left = runs_with_files(storage, WEIGHTS) - {"a note of the operator"}
    assert left == {str(each) for each in (recent, queued, running)}
    assert f"{WEIGHTS}/a note of the operator" in storage.names(WEIGHTS)
    assert files.purge(session, settings) == 0


def test_weights_stay_as_long_as_a_run_that_took_them(lab, finished, storage, session, settings):
    lab.execute("UPDATE runs SET finished_at = now() - interval '40 days'")
    (copy,) = lab.runs(lab.submit())
    assert copy.reused_from == finished
    assert files.purge(session, settings) == 0
    lab.execute("DELETE FROM runs WHERE id = :id", id=finished)
    assert files.purge(session, settings) == 0
    lab.execute("UPDATE runs SET finished_at = now() - interval '40 days'")
    assert files.purge(session, settings) == 2
    assert storage.names(WEIGHTS) == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_weights_outlive_every_run_that_passed_them_on(
    api, lab, leave, storage, session, settings, order
):
    """A reuse of a reuse, by the API and as MLflow's artifact, whoever is deleted first."""
    lab.submit()
    lost = lab.taken()
    lab.fail(lost)  # so that the attempt that counts is not the first
    claim = lab.taken()
    leave(claim.run_id, claim.attempt, "initial", 1.0)
    lab.train(claim)
    leave(claim.run_id, claim.attempt, "final", 2.0)
    passed_on = [claim.experiment_id]
    (copy,) = lab.runs(lab.submit())
    assert copy.reused_from == claim.run_id
    passed_on.append(copy.experiment_id)
    # Only the copy is left to be reused when the first one's row is gone.
    if order == (0, 1):
        assert api.delete(f"/v1/experiments/{passed_on.pop(0)}").status_code == 204
    last = lab.submit(name="last")
    for experiment_id in passed_on if order == (0, 1) else passed_on[::-1]:
        files.purge(session, settings)
        assert api.delete(f"/v1/experiments/{experiment_id}").status_code == 204
    files.purge(session, settings)
    (run,) = lab.runs(last)
    assert value_of(api.get(f"/v1/runs/{run.id}/weights")) == 2.0
    assert value_of(api.get(f"/v1/runs/{run.id}/weights?epoch=0")) == 1.0
    artifact = f"/api/2.0/mlflow-artifacts/artifacts/{last}/{run.id}/artifacts/weights.safetensors"
    assert value_of(api.get(artifact, follow_redirects=True)) == 2.0
    lab.execute("UPDATE runs SET finished_at = now() - interval '40 days'")
    assert files.purge(session, settings) == 2
    assert "are kept for 30 days" in refusal(api, f"/v1/runs/{run.id}/weights")


def test_weights_that_an_older_version_removed_are_told_so(api, lab, finished):
    (copy,) = lab.runs(lab.submit())
    lab.execute("UPDATE runs SET weights_attempt = NULL WHERE id = :id", id=copy.id)
    said = refusal(api, f"/v1/runs/{copy.id}/weights")
    assert f"were files of run {finished}" in said
    assert "deleted" in said


def test_a_location_that_is_away_does_not_stop_the_scheduler(session, settings):
    away = settings.model_copy(update={"checkpoint_dir": "nonsense://there"})
    assert files.purge(session, away) == 0


def _headed(header: bytes, length: int | None = None) -> bytes:
    """Return a file with this header, which may announce another length."""
    return (len(header) if length is None else length).to_bytes(8, "little") + header


DAMAGED = {
    "empty": b"",
    "half a length": b"\x08\x00",
    "no header": _headed(b"", 100),
    "half a header": _headed(b'{"__metadata__":', 200),
    "deep lists": _headed(b"[" * 1_000_000),
    "deep objects": _headed(b'{"a":' * 300_000),
    "deep metadata": _headed(b'{"__metadata__":' + b'{"a":' * 300_000),
    "not json": _headed(b"\xff\xfe" * 500),
    "not an object": _headed(b"[]"),
    "no metadata": _headed(b"{}"),
    "metadata are a list": _headed(b'{"__metadata__":[]}'),
    "metadata are numbers": _headed(b'{"__metadata__":{"sha256":1}}'),
    "no checksum": _headed(b'{"__metadata__":{}}'),
    "an endless header": _headed(b"{}", 2**63),
    "a header of 90 MB": _headed(b'{"__metadata__":{}}' + b" " * 90_000_000),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_weights_are_told_as_damaged(api, finished, settings, damage):
    (path,) = (settings.home / "training" / "weights").glob(f"{finished}-1-final*")
    path.write_bytes(DAMAGED[damage])
    began = time.process_time()
    detail = refusal(api, f"/v1/runs/{finished}/weights")
    assert time.process_time() - began < 10
    assert "damaged" in detail
    assert "gone" not in detail
