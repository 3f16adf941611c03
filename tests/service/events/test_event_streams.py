"""Streams of one experiment and of one run: every event once and in order, and how they end."""

import contextlib
import threading
import time
import uuid
from itertools import islice

from sqlalchemy import delete, text

from service.database.tables import Experiment
from service.runs import leases
from tests.support.processes import wait_for
from tests.support.scripted_worker import METRICS
from tests.support.served_api import serving
from tests.support.sse_reader import collect, open_stream


def _path(experiment_id):
    return f"/v1/experiments/{experiment_id}/events"


def test_a_stream_begins_with_all_that_happened_and_ends_with_the_experiment(served, lab):
    experiment_id = lab.submit(seeds=2)
    lab.train(lab.taken(), val_loss=float("nan"))
    with open_stream(served, _path(experiment_id)) as events:
        seen = [next(events) for _ in range(5)]
        lab.train_all()
        seen += events
    assert [event.type for event in seen] == [
        "experiment.created",
        *("run.started", "run.epoch", "run.epoch", "run.finished") * 2,
        "experiment.finished",
    ]
    assert [event.id for event in seen] == lab.event_numbers(experiment_id)
    epoch = seen[2].data
    assert epoch["experiment_id"] == str(experiment_id)
    assert epoch["run_id"] == str(lab.runs(experiment_id)[0].id)
    assert str(epoch["created_at"]).endswith("Z")
    assert epoch["metrics"] == {**METRICS, "val_loss": "NaN"}


def test_a_number_beyond_64_bits_stops_no_stream(served, lab):
    experiment_id = lab.submit(epochs=1)
    with (
        open_stream(served, "/v1/events") as everything,
        open_stream(served, _path(experiment_id)) as events,
    ):
        assert next(everything).type == "stream.opened"
        seen = [next(events)]
        lab.train_all(val_loss=3.27e24)
        seen += events
        of_all = list(islice(everything, 4))
    assert seen[-1].type == "experiment.finished"
    for found in (seen[1:], of_all):
        assert [event.type for event in found][1] == "run.epoch"
        assert found[1].data["metrics"]["val_loss"] == 3.27e24


def test_a_run_has_a_stream_of_its_own(served, lab):
    run_id = str(lab.runs(lab.submit(seeds=2))[0].id)
    with open_stream(served, f"/v1/runs/{run_id}/events") as events:
        lab.train_all()
        seen = list(events)
    assert {event.data["run_id"] for event in seen} == {run_id}
    assert [event.type for event in seen] == [
        "run.started",
        "run.epoch",
        "run.epoch",
        "run.finished",
    ]


def test_a_cut_stream_goes_on_where_it_broke(served, lab):
    experiment_id = lab.submit(epochs=6)

    def train_slowly():
        claim = lab.taken()
        for epoch in range(1, 7):
            lab.epoch(claim, epoch, "completed" if epoch == 6 else None)
            time.sleep(0.05)

    writer = threading.Thread(target=train_slowly)
    with open_stream(served, _path(experiment_id)) as events:
        writer.start()
        seen = [next(events) for _ in range(4)]
    while seen[-1].type != "experiment.finished":
        with open_stream(served, _path(experiment_id), after=seen[-1].id) as events:
            seen += islice(events, 2)
    writer.join()
    assert [event.id for event in seen] == lab.event_numbers(experiment_id)


def test_the_last_event_can_be_named_in_the_query_too(served, lab):
    path = _path(experiment_id := lab.submit(epochs=1))
    lab.train_all()
    numbers = lab.event_numbers(experiment_id)
    after_second = collect(served, f"{path}?last_event_id={numbers[1]}")
    assert [event.id for event in after_second] == numbers[2:]
    both = collect(served, f"{path}?last_event_id={numbers[1]}", after=numbers[2])
    assert [event.id for event in both] == numbers[3:]


def test_progress_inside_an_epoch_is_sent_and_not_stored(served, lab, session, settings):
    experiment_id = lab.submit(epochs=3)
    run_id = lab.runs(experiment_id)[0].id
    with (
        open_stream(served, _path(experiment_id)) as events,
        open_stream(served, f"/v1/runs/{run_id}/events") as events_of_run,
    ):
        claim = lab.taken()
        assert [next(events).type for _ in range(2)] == ["experiment.created", "run.started"]
        assert next(events_of_run).type == "run.started"
        leases.renew(session, [(claim, 1, 0.25)], settings)
        for event in (next(events), next(events_of_run)):
            assert event.id is None
            assert event.type == "run.progress"
            progress = {name: event.data[name] for name in ("epoch", "epochs", "fraction")}
            assert progress == {"epoch": 1, "epochs": 3, "fraction": 0.25}
            assert event.data["run_id"] == str(run_id)
    assert len(lab.event_numbers(experiment_id)) == 2


def test_a_finished_stream_asked_for_again_answers_204(served, lab):
    experiment_id = lab.submit(epochs=1)
    lab.train_all()
    last = str(lab.event_numbers(experiment_id)[-1])
    run_id = lab.runs(experiment_id)[0].id
    for path in (_path(experiment_id), f"/v1/runs/{run_id}/events"):
        response = served.client.get(path, headers={"Last-Event-ID": last})
        assert response.status_code == 204


def test_a_stream_ends_when_its_experiment_is_deleted(served, lab, session):
    experiment_id = lab.submit()
    with open_stream(served, _path(experiment_id)) as events:
        next(events)
        with session.begin():
            session.execute(delete(Experiment).where(Experiment.id == experiment_id))
        assert list(events) == []


def test_a_client_that_went_away_is_noticed(served, lab, open_streams):
    with open_stream(served, _path(lab.submit())) as events:
        next(events)
        assert open_streams() == 1
    wait_for(lambda: open_streams() == 0, what="the stream is closed")


def test_silence_is_filled_with_comments(served, lab):
    with served.client.stream("GET", _path(lab.submit())) as response:
        lines = response.iter_lines()
        comments = [line for line in islice(lines, 8) if line.startswith(":")]
    assert len(comments) >= 2


def test_a_stopping_server_does_not_wait_for_its_listeners(lab, settings):
    experiment_id = lab.submit()
    with contextlib.ExitStack() as stack:
        stopping = stack.enter_context(contextlib.ExitStack())
        served = stopping.enter_context(serving(settings, grace_seconds=600))
        events = stack.enter_context(open_stream(served, _path(experiment_id)))
        next(events)
        stopping.close()  # fails where it waits for its grace to end
        assert list(events) == []


def test_a_malformed_last_event_id_is_refused(served, lab):
    path = _path(lab.submit())
    for malformed in ("x", "-1", "1.5", str(2**63)):
        response = served.client.get(path, headers={"Last-Event-ID": malformed})
        assert response.status_code == 422
        assert response.json()["errors"][0]["header"] == "Last-Event-ID"
        response = served.client.get(path, params={"last_event_id": malformed})
        assert response.status_code == 422
        assert response.json()["errors"][0]["parameter"] == "last_event_id"


def test_what_does_not_exist_has_no_stream(served):
    for kind in ("experiments", "runs"):
        response = served.client.get(f"/v1/{kind}/{uuid.uuid4()}/events")
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"


def test_an_id_that_no_event_has_is_refused_with_the_newest(served, lab, session):
    """As a client has it that saw events of a time before the database was restored."""
    experiment_id = lab.submit()
    run_id = lab.runs(experiment_id)[0].id
    newest = session.scalar(text("SELECT max(id) FROM events"))
    for path in ("/v1/events", _path(experiment_id), f"/v1/runs/{run_id}/events"):
        for number in (newest + 1, 2**63 - 1):
            response = served.client.get(path, headers={"Last-Event-ID": str(number)})
            assert response.status_code == 422
            (problem,) = response.json()["errors"]
            assert problem["header"] == "Last-Event-ID"
            assert f"the newest is {newest}." in problem["detail"]
            response = served.client.get(path, params={"last_event_id": number})
            assert response.json()["errors"][0]["parameter"] == "last_event_id"
    with open_stream(served, f"{_path(experiment_id)}?last_event_id={newest}") as events:
        lab.taken()
        assert next(events).type == "run.started"


def test_an_id_stays_known_when_its_event_is_removed(served, lab, session):
    experiment_id = lab.submit()
    newest = session.scalar(text("SELECT max(id) FROM events"))
    session.execute(text("DELETE FROM events"))
    session.commit()
    with open_stream(served, f"{_path(experiment_id)}?last_event_id={newest}") as events:
        lab.taken()
        assert next(events).type == "run.started"
