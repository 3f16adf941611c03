"""Layer statistics and diagnoses of real trainings, as they are stored."""

import pytest
from sqlalchemy import select

from service.database.tables import Layers
from service.histories import diagnoses, layer_statistics
from service.specs.spec import RunConfig
from tests.support.small_experiments import submit
from workers.datasets.loading import load
from workers.execution.checkpoints import Checkpoints
from workers.training.assembly import build_network
from workers.training.streams import Streams


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


def test_a_divergence_is_the_verdict(submitted, train, inside):
    run_id = submitted(epochs=5, optimizer={"name": "sgd", "learning_rate": 1000.0})
    assert train() == "diverged"
    found, diagnosis = inside(run_id)
    assert diagnosis.verdict == "diverged"
    first = diagnosis.findings[0]
    assert (first["kind"], first["epoch"]) == ("diverged", max(found))
    assert first["value"] in {"NaN", "Infinity"}


def test_without_statistics_there_is_no_verdict(submitted, train, look, inside):
    run_id = submitted(epochs=1, layer_statistics="off")
    assert train() == "completed"
    found, diagnosis = inside(run_id)
    assert (found, diagnosis.verdict, diagnosis.findings) == ({}, None, [])


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
