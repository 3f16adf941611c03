"""A claimed run: real training on real images, and every way it can end."""

import math
import os
import time
from functools import partial

import pytest
import torch
from safetensors.torch import load
from sqlalchemy import event, func, text, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from service.database.engine import create_database_engine, session_factory
from service.database.tables import Run
from service.runs import claims, endings
from service.weights.storage import open_storage, weights_name
from tests.support.small_experiments import submit
from workers.datasets import loading
from workers.datasets.fashion_mnist import fashion_mnist
from workers.execution.runner import train_waiting_runs
from workers.training import devices

CPU = torch.device("cpu")

#: Four steps an epoch, of no time at all.
QUICK = {
    "dataset": {"name": "digits", "train_size": 256, "test_size": 64},
    "model": {"name": "mlp", "hidden_units": [16]},
    "epochs": 3,
}


@pytest.fixture
def meanwhile(look):
    """Let something happen while a run trains, once; the worker never has to stop."""

    def meanwhile(run_id, happening, epoch=1):
        once = iter([happening])

        def stopping():
            if look.run(run_id).epoch >= epoch:
                next(once, lambda: None)()
            return False

        return stopping

    return meanwhile


def end_lease(sessions, settings, run_id):
    """Let a run's lease run out and the scheduler take it back."""
    with sessions() as session:
        with session.begin():
            session.execute(update(Run).where(Run.id == run_id).values(lease_expires_at=func.now()))
        attempt = session.scalar(
            text("SELECT attempt FROM runs WHERE id = :id").bindparams(id=run_id)
        )
        session.rollback()
        assert endings.recover(session, run_id, attempt, settings)


def test_a_run_is_trained_to_its_end(submitted, train, look):
    run_id = submitted()
    assert train() == "completed"
    run = look.run(run_id)
    history = look.history(run_id)
    assert (run.status, run.epoch, run.failures) == ("completed", 2, 0)
    assert [row[0] for row in history] == [1, 2]
    assert (run.loss, run.accuracy, run.val_loss, run.val_accuracy) == history[-1][1:5]
    assert run.best_val_accuracy == max(row[4] for row in history) > 0.2
    assert look.outcomes(run_id) == ["completed"]
    assert look.events(run_id) == ["run.started", "run.epoch", "run.epoch", "run.finished"]
    assert run.engine["device"] == "cpu"
    assert run.engine["threads"] == 1


def test_a_run_that_stops_early_is_completed_with_what_it_has(submitted, train, look):
    """A rate of zero never improves: one epoch sets the mark, two more wait for another."""
    still = {"name": "sgd", "learning_rate": 0.0}
    run_id = submitted(epochs=9, optimizer=still, early_stopping={"patience": 2})
    assert train() == "completed"
    run = look.run(run_id)
    history = look.history(run_id)
    assert (run.status, run.epoch, run.epochs, len(history)) == ("completed", 3, 9, 3)
    assert (run.loss, run.val_loss) == (history[-1][1], history[-1][3])
    assert run.outcome is not None
    assert look.outcomes(run_id) == ["completed"]


def test_a_run_given_back_stops_at_the_same_epoch(submitted, train, look):
    spec = {
        "epochs": 9,
        "optimizer": {"name": "sgd", "learning_rate": 0.0},
        "early_stopping": {"metric": "val_accuracy", "patience": 3},
    }
    run_id = submitted(**spec)
    assert train(stopping=lambda: look.run(run_id).epoch >= 2) == "released"
    assert train() == "completed"
    assert look.run(run_id).epoch == 4


def test_initialization_only_ends_without_an_epoch(submitted, train, look):
    run_id = submitted(epochs=0)
    assert train() == "completed"
    assert look.run(run_id).status == "completed"
    assert look.history(run_id) == []


def test_a_divergence_is_a_result_with_its_history(submitted, train, look):
    run_id = submitted(epochs=5, optimizer={"name": "sgd", "learning_rate": 1000.0})
    assert train() == "diverged"
    run = look.run(run_id)
    history = look.history(run_id)
    assert (run.status, run.error, run.failures) == ("diverged", None, 0)
    assert run.epoch == len(history) < 5
    assert not all(math.isfinite(loss) for loss in (history[-1][1], history[-1][3]))


@pytest.mark.parametrize("epochs", [0, 1, 2])
def test_a_run_that_is_given_back_goes_on_as_if_nothing_had_been(submitted, train, look, epochs):
    twin = submitted(epochs=3)
    assert train() == "completed"
    run_id = submitted(epochs=3)
    assert train(stopping=lambda: look.run(run_id).epoch >= epochs) == "released"
    run = look.run(run_id)
    begun = look.history(run_id)
    assert (run.status, run.failures, run.epoch) == ("queued", 0, len(begun))
    assert epochs <= len(begun) < 3
    assert train() == "completed"
    assert look.history(run_id)[: len(begun)] == begun
    assert look.history(run_id) == look.history(twin)
    assert look.outcomes(run_id) == ["released", "completed"]
    assert look.run(run_id).failures == 0


def test_a_cancel_ends_the_run_with_what_it_has(submitted, train, look, session, meanwhile):
    run_id = submitted(epochs=50)
    cancel = meanwhile(run_id, lambda: endings.cancel(session, run_id))
    outcome = train(stopping=cancel, renew_seconds=0.01)
    assert outcome == "cancelled"
    run = look.run(run_id)
    assert run.status == "cancelled"
    assert 0 < run.epoch == len(look.history(run_id)) < 10
    assert look.outcomes(run_id) == ["cancelled"]
    assert look.events(run_id)[-1] == "run.finished"


def test_a_cancel_is_noticed_while_the_data_set_is_loading(
    submitted, train, look, session, meanwhile, tmp_path
):
    """From a disk that does not answer, which a pipe that nobody writes to is a good one of."""
    (tmp_path / "mnist").mkdir()
    pipe = tmp_path / "mnist" / "train-images-idx3-ubyte.gz"
    os.mkfifo(pipe)
    run_id = submitted()
    cancel = meanwhile(run_id, lambda: endings.cancel(session, run_id), epoch=0)
    try:
        assert train(stopping=cancel, renew_seconds=0.01, data_dir=tmp_path) == "cancelled"
    finally:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))  # the reader ends
    assert look.run(run_id).status == "cancelled"


def test_a_run_given_back_goes_on_in_the_epoch_it_was_in(
    submitted, train, look, settings, monkeypatch
):
    monkeypatch.setattr("workers.training.solo.PULSE_SECONDS", 0.0)
    twin = submitted(**QUICK, normalization="batch")
    assert train() == "completed"
    run_id = submitted(**QUICK, normalization="batch")
    pulses = iter(range(100))
    assert train(stopping=lambda: next(pulses) == 15) == "released"
    left = (settings.home / "training" / "checkpoints").iterdir()
    places = [path.name.removesuffix(".safetensors").split("-")[6:] for path in left]
    epoch, step = max((int(epoch), int(step)) for epoch, step in places)
    assert step > 0  # in the middle of an epoch
    with capture_logs() as logs:
        assert train() == "completed"
    (line,) = [line for line in logs if line["event"] == "Went on from a checkpoint"]
    assert (line["epoch"], line["step"]) == (epoch, step)
    assert look.history(run_id) == look.history(twin)
    assert list((settings.home / "training" / "checkpoints").iterdir()) == []
    final = [open_storage(settings).open(weights_name(twin, 1, "final")).read()]
    final += [open_storage(settings).open(weights_name(run_id, 2, "final")).read()]
    one, other = map(load, final)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_keeps_its_number_of_threads(submitted, train, look, sessions, settings):
    convolutional = {
        "dataset": {"name": "mnist", "train_size": 256, "test_size": 64},
        "model": {"name": "mnist_cnn", "channels": [4, 4], "units": [8]},
        "epochs": 3,
    }
    twin = submitted(**convolutional)
    assert train() == "completed"
    run_id = submitted(**convolutional)
    assert train(stopping=lambda: look.run(run_id).epoch >= 1) == "released"
    begun = look.history(run_id)
    changed = settings.model_copy(update={"training_threads": 2})
    with sessions() as session:
        engine = devices.describe(CPU)
        (claim,) = claims.claim(session, worker="two", engine=engine, settings=changed)
    assert (claim.engine["threads"], claim.recorded_epochs) == (1, len(begun))
    with sessions() as session:
        endings.release(session, [claim], "Tried.", settings)
    assert train() == "completed"
    assert look.run(run_id).engine["threads"] == 1
    assert look.history(run_id) == look.history(twin)


def test_a_worker_that_lost_its_run_writes_nothing(
    submitted, train, look, claim, sessions, settings, meanwhile
):
    run_id = submitted(epochs=50)
    seen = {}

    def another_takes_over():
        end_lease(sessions, settings, run_id)
        seen["claim"] = claim("two")
        seen["run"], seen["history"] = look.run(run_id), look.history(run_id)

    with capture_logs() as logs:
        assert train(stopping=meanwhile(run_id, another_takes_over)) == "lost"
    assert "error" not in {log["log_level"] for log in logs}
    run = look.run(run_id)
    assert (run.status, run.attempt, run.worker) == ("running", 2, "two")
    assert run.lease_expires_at == seen["run"].lease_expires_at
    assert look.history(run_id) == seen["history"]
    assert look.outcomes(run_id) == ["lost", None]
    assert seen["claim"].recorded_epochs == len(seen["history"]) > 0


def test_our_failure_is_tried_again_and_then_told(submitted, train, look, tmp_path):
    run_id = submitted(max_attempts=2)
    assert train(data_dir=tmp_path) == "error"
    run = look.run(run_id)
    assert (run.status, run.failures, run.error) == ("queued", 1, None)
    assert run.not_before is not None
    time.sleep(0.25)  # the pause before the next attempt, which the database's clock measures
    assert train(data_dir=tmp_path) == "error"
    run = look.run(run_id)
    assert (run.status, run.failures) == ("failed", 2)
    assert run.error.startswith("DatasetError: ")
    assert str(tmp_path) in run.error
    assert "\n" not in run.error
    assert look.outcomes(run_id) == ["error", "error"]


def test_data_that_no_mirror_has_cost_one_attempt(submitted, train, look, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    nowhere = partial(fashion_mnist, mirrors=())
    monkeypatch.setitem(loading.DATASETS, "fashion_mnist", nowhere)
    data = {"name": "fashion_mnist", "train_size": 128, "test_size": 64}
    run_id = submitted(max_attempts=3, dataset=data)
    assert train(data_dir=tmp_path) == "error"
    run = look.run(run_id)
    assert (run.status, run.failures) == ("failed", 1)
    assert run.error.startswith("Fashion-MNIST is not on this machine")
    assert "docker compose run --rm fetch" in run.error


def test_cut_connections_cost_a_run_nothing(submitted, train, look, sessions):
    run_id = submitted(epochs=6)

    def cut():
        with sessions() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

    def stopping():
        cut()
        return False

    assert train(stopping=stopping, renew_seconds=0.001) == "completed"
    assert [row[0] for row in look.history(run_id)] == [1, 2, 3, 4, 5, 6]
    assert look.outcomes(run_id) == ["completed"]


def test_a_commit_whose_answer_was_lost_is_recognised(submitted, train, look, engine):
    """The transaction counted, and the connection broke before the worker heard of it."""
    run_id = submitted(epochs=3)
    deaf = session_factory(engine)
    commits = iter(range(100))

    @event.listens_for(deaf, "after_commit")
    def lose_the_answer(_session):
        if next(commits) % 2 == 0:
            raise OperationalError("COMMIT", {}, Exception("server closed the connection"))

    assert train(sessions=deaf, renew_seconds=60.0) == "completed"
    assert look.run(run_id).status == "completed"
    assert [row[0] for row in look.history(run_id)] == [1, 2, 3]
    assert look.events(run_id).count("run.epoch") == 3
    assert look.outcomes(run_id) == ["completed"]


def test_a_stopping_worker_does_not_wait_for_postgres_for_long(submitted, train, look, settings):
    run_id = submitted()
    away = create_database_engine(
        settings.model_copy(update={"database_url": "postgresql://postgres@127.0.0.1:1/none"})
    )
    began = time.monotonic()
    outcome = train(
        stopping=lambda: True, sessions=session_factory(away), soft_shutdown_seconds=1.0
    )
    assert outcome == "lost"
    assert time.monotonic() - began < 20
    assert look.run(run_id).status == "running"  # until its lease is over


def test_a_worker_trains_all_that_waits(session, sessions, settings, look):
    low = submit(session, settings, seeds=2, epochs=1)
    high = submit(session, settings, epochs=1, priority=5)
    train_waiting_runs(sessions, settings, worker="one", device=CPU, stopping=lambda: False)
    assert {look.run(run_id).status for run_id in [*low, *high]} == {"completed"}
    first = min([*low, *high], key=lambda run_id: look.run(run_id).started_at)
    assert first == high[0]


def test_a_stopped_worker_takes_nothing(submitted, sessions, settings, look):
    run_id = submitted()
    train_waiting_runs(sessions, settings, worker="one", device=CPU, stopping=lambda: True)
    assert look.run(run_id).status == "queued"


def test_a_worker_is_quiet_while_postgres_is_away(settings):
    away = create_database_engine(
        settings.model_copy(update={"database_url": "postgresql://postgres@127.0.0.1:1/none"})
    )
    train_waiting_runs(
        session_factory(away), settings, worker="one", device=CPU, stopping=lambda: False
    )
