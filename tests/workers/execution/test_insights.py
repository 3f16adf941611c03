"""Layer statistics and diagnoses of real trainings, as they are stored."""

import pytest
import torch
from sqlalchemy import select

from service.database.tables import Layers
from service.histories import diagnoses, layer_statistics
from service.specs.spec import RunConfig
from tests.support.small_experiments import submit
from workers.datasets.loading import load
from workers.diagnostics.diagnosis import Diagnostician
from workers.execution.checkpoints import Checkpoints
from workers.execution.runner import train_waiting_runs
from workers.training.assembly import build_network
from workers.training.streams import Streams

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


@pytest.fixture
def inside(sessions):
    """A run's stored statistics by epoch, and its diagnosis."""

    def inside(run_id):
        with sessions() as session:
            rows = session.execute(
                select(Layers.epoch, Layers.payload)
                .where(Layers.run_id == run_id)
                .order_by(Layers.epoch)
            ).all()
            session.rollback()
            return {
                epoch: layer_statistics.decode(payload) for epoch, payload in rows
            }, diagnoses.read_diagnosis(session, run_id)

    return inside


def test_a_training_leaves_its_statistics_and_a_diagnosis(submitted, train, look, inside):
    run_id = submitted(epochs=3, layer_statistics={"every": 2, "samples": 100})
    assert train() == "completed"
    found, diagnosis = inside(run_id)
    assert list(found) == [0, 2, 3]
    assert {statistics["samples"] for statistics in found.values()} == {100}
    names = [layer["name"] for layer in found[0]["layers"]]
    assert names == ["conv_1", "conv_2", "dense_1", "output"]
    assert found[3]["loss"] < found[0]["loss"]
    assert (diagnosis.verdict, look.run(run_id).verdict) == ("healthy", "healthy")
    config = RunConfig.model_validate(look.run(run_id).config)
    network = build_network(config, load(config.dataset), Streams(0))
    weight = network.conv_2.weight.detach().double()
    shown = found[0]["layers"][1]["weight"]
    assert shown["mean"] == pytest.approx(weight.mean().item(), rel=1e-4)
    assert shown["std"] == pytest.approx(weight.std(correction=0).item(), rel=1e-6)
    assert shown["max"] == pytest.approx(weight.max().item(), rel=1e-8)


def test_initialization_alone_is_diagnosed(submitted, train, look, inside):
    run_id = submitted(epochs=0, initializer={"name": "normal", "stddev": 10.0})
    assert train() == "completed"
    found, diagnosis = inside(run_id)
    assert list(found) == [0]
    assert diagnosis.verdict == "exploding"
    assert look.run(run_id).status == "completed"
    assert look.events(run_id) == ["run.started", "run.finished"]


def test_a_divergence_is_an_outcome_and_its_cause_the_verdict(submitted, train, look, inside):
    run_id = submitted(epochs=5, optimizer={"name": "sgd", "learning_rate": 1000.0})
    assert train() == "diverged"
    found, diagnosis = inside(run_id)
    assert (diagnosis.outcome, diagnosis.verdict) == ("diverged", "step_size")
    assert look.run(run_id).outcome == "diverged"
    first = diagnosis.findings[0]
    assert (first["kind"], first["epoch"]) == ("step_size", 1)
    assert first["value"] > 0.1
    assert "learning rate" in first["advice"]
    (event,) = (finding for finding in diagnosis.findings if finding["kind"] == "diverged")
    assert event["epoch"] == max(found)
    assert event["value"] in {"NaN", "Infinity"}
    # Of a network full of NaN nothing is said of dead units.
    assert not {"dead", "dying"} & {finding["kind"] for finding in diagnosis.findings}


def test_without_statistics_there_is_an_outcome_and_no_verdict(submitted, train, look, inside):
    run_id = submitted(epochs=6, layer_statistics="off")
    assert train() == "completed"
    found, diagnosis = inside(run_id)
    assert (found, diagnosis.verdict, diagnosis.findings) == ({}, None, [])
    assert diagnosis.outcome in {"still_learning", "learned"}


def test_a_training_at_chance_is_not_healthy(submitted, train, inside):
    run_id = submitted(epochs=2, optimizer={"name": "sgd", "learning_rate": 1e-9})
    assert train() == "completed"
    _, diagnosis = inside(run_id)
    assert (diagnosis.outcome, diagnosis.verdict) == ("at_chance", "step_size")


def test_a_training_that_learns_takes_back_what_it_began_with(submitted, train, inside):
    run_id = submitted(
        epochs=8,
        optimizer={"name": "adam", "learning_rate": 0.003},
        initializer={"name": "normal", "stddev": 0.004},
    )
    assert train() == "completed"
    _, diagnosis = inside(run_id)
    assert diagnosis.outcome in {"still_learning", "learned", "overfits"}
    assert diagnosis.verdict == "healthy"
    assert "vanishing" in {finding["kind"] for finding in diagnosis.findings}


#: Its gradients are exactly zero from some epoch on.
WITHOUT_GRADIENT = {
    "dataset": {"name": "circles", "train_size": 1, "test_size": 4},
    "model": {"name": "mlp", "hidden_units": [8]},
    "batch_size": 1,
    "initializer": {"name": "normal", "stddev": 100.0},
    "epochs": 20,
    "optimizer": {"name": "adamw", "learning_rate": 0.5, "weight_decay": 0.5},
}


@pytest.mark.parametrize("seeds", [1, 5])
def test_a_training_without_a_gradient_completes(session, sessions, settings, look, inside, seeds):
    run_ids = submit(session, settings, **WITHOUT_GRADIENT, seeds=seeds)
    train_waiting_runs(sessions, settings, worker="one", device=CPU, stopping=lambda: False)
    for run_id in run_ids:
        assert (look.run(run_id).status, look.run(run_id).failures) == ("completed", 0)
        assert inside(run_id)[1].outcome is not None


def test_a_diagnosis_that_fails_ends_no_run(submitted, train, inside, monkeypatch):
    def fail(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr(Diagnostician, "see_layers", fail)
    run_id = submitted(epochs=6)
    assert train() == "completed"
    found, diagnosis = inside(run_id)
    assert list(found) == [0, 6]
    assert diagnosis.outcome in {"still_learning", "learned", "overfits"}


@pytest.mark.parametrize("from_checkpoint", [True, False])
@pytest.mark.parametrize("stop_after", [0, 1, 2])
def test_a_run_taken_up_again_comes_to_the_same(
    submitted, train, look, inside, monkeypatch, from_checkpoint, stop_after
):
    fields = {
        "epochs": 3,
        "layer_statistics": {"every": 1, "samples": 64},
        "initializer": {"name": "normal", "stddev": 0.3},
        "clipping": {"name": "value", "threshold": 0.01},
    }
    twin = submitted(**fields)
    assert train() == "completed"
    run_id = submitted(**fields)
    if not from_checkpoint:
        monkeypatch.setattr(Checkpoints, "resume", lambda *_: False)
    stored = []

    def stopping():
        stored.append(inside(run_id)[0])
        return 0 in stored[-1] and look.run(run_id).epoch >= stop_after

    assert train(stopping=stopping) == "released"
    assert train() == "completed"
    assert inside(run_id) == inside(twin)
    found, diagnosis = inside(run_id)
    assert list(found) == [0, 1, 2, 3]
    assert "clipping_active" in {finding["kind"] for finding in diagnosis.findings}


def test_a_reused_run_is_diagnosed_as_its_original(session, settings, submitted, train, inside):
    first = submitted(epochs=1)
    assert train() == "completed"
    (second,) = submit(session, settings, epochs=1, reuse=True)
    assert inside(second) == inside(first)
