"""Lottery tickets from one run to the next: weights, resume, reuse, and what is gone."""

import io
import uuid

import pytest
import torch
from safetensors.torch import load as load_tensors

from service.database.tables import Run
from service.specs.expansion import SpecError
from service.specs.spec import RunConfig
from service.weights import files
from service.weights.storage import open_storage, weights_name
from tests.support.small_experiments import submit
from workers.datasets.loading import load
from workers.execution.tickets import ticket_weights
from workers.nn.pruning import largest
from workers.training import solo
from workers.training.results import EpochResult, Pulse
from workers.training.solo import SoloTraining

NETWORK = {
    "dataset": {"name": "digits", "train_size": 96, "test_size": 32},
    "model": {"name": "mlp", "hidden_units": [10]},
    "activation": "relu",
    "batch_size": 16,
    "epochs": 3,
    "reuse": True,
    "layer_statistics": {"every": 1, "samples": 32},
}


@pytest.fixture
def weights(session, settings):
    def weights(run_id, at):
        found = files.find(session, run_id, at, settings)
        with found.file as file:
            return load_tensors(file.read())

    return weights


@pytest.fixture
def dense(submitted, train):
    """A completed run."""
    run_id = submitted(**NETWORK, seeds=[4])
    assert train() == "completed"
    return run_id


def test_a_ticket_begins_as_its_run_began_without_the_smallest_final_weights(
    dense, submitted, train, weights
):
    run_id = submitted(**NETWORK, seeds=[9], ticket={"run": str(dense), "keep": 0.25})
    assert train() == "completed"
    first, final = weights(dense, "0"), weights(dense, "last")
    begun, ended = weights(run_id, "0"), weights(run_id, "last")
    names = ["dense_1.weight", "output.weight"]
    kept = largest({name: final[name] for name in names}, 0.25, "layer")
    for name in names:
        assert torch.equal(begun[name], torch.where(kept[name], first[name], 0.0))
        assert not ended[name][~kept[name]].any()
        assert ended[name][kept[name]].all()
        assert not torch.equal(ended[name], begun[name])


def test_the_redrawn_control_has_the_same_places_and_other_weights(
    dense, submitted, train, weights
):
    ticket = {"run": str(dense), "keep": 0.25, "redraw": True}
    run_id = submitted(**NETWORK, seeds=[9], ticket=ticket)
    assert train() == "completed"
    final, begun = weights(dense, "last"), weights(run_id, "0")
    kept = largest({"dense_1.weight": final["dense_1.weight"]}, 0.25, "layer")["dense_1.weight"]
    assert torch.equal(begun["dense_1.weight"] != 0, kept)
    assert not torch.equal(
        begun["dense_1.weight"], weights(dense, "0")["dense_1.weight"].masked_fill(~kept, 0)
    )


def test_rounds_take_away_what_is_left_and_begin_with_the_first_weights(
    dense, submitted, train, weights
):
    once = submitted(**NETWORK, seeds=[9], ticket={"run": str(dense), "keep": 0.5})
    assert train() == "completed"
    twice = submitted(**NETWORK, seeds=[9], ticket={"run": str(once), "keep": 0.25})
    assert train() == "completed"
    name = "dense_1.weight"
    first, before, begun = weights(dense, "0")[name], weights(once, "0")[name], weights(twice, "0")
    left = begun[name] != 0
    assert left.sum() == round(0.25 * left.numel())
    assert not (left & (before == 0)).any()
    assert torch.equal(begun[name][left], first[left])


def test_the_same_ticket_is_trained_once(dense, submitted, train, look):
    first = submitted(**NETWORK, seeds=[9], ticket={"run": str(dense)})
    assert train() == "completed"
    again = submitted(**NETWORK, seeds=[9], ticket={"run": str(dense)})
    assert look.run(again).reused_from == first
    # A run that took over a history has the tickets of the one that was trained.
    twin = submitted(**NETWORK, seeds=[4])
    assert look.run(twin).reused_from == dense
    of_twin = submitted(**NETWORK, seeds=[9], ticket={"run": str(twin)})
    assert look.run(of_twin).reused_from == first


def test_a_ticket_goes_on_exactly_from_any_step(dense, submitted, look, settings, monkeypatch):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    run_id = submitted(**NETWORK, seeds=[9], ticket={"run": str(dense)})
    config = RunConfig.model_validate(look.run(run_id).config)
    final = ticket_weights(config.ticket, settings)

    def training():
        return SoloTraining(config, 9, load(config.dataset), torch.device("cpu"), final)

    def bits(result):
        metrics = {n: v.hex() for n, v in result.metrics.items() if n != "epoch_seconds"}
        return result.epoch, metrics, repr(result.statistics.as_dict())

    whole, states = training(), []
    expected = []
    for item in whole.run():
        states.append(whole.state())
        expected += [bits(item)] if isinstance(item, EpochResult) else []
    for state in states[2:-1:4]:
        resumed = training()
        resumed.restore(state)
        found = [bits(item) for item in resumed.run() if not isinstance(item, Pulse)]
        found = [result for result in found if result]
        assert found == expected[-len(found) :]
        assert all(torch.equal(whole.weights()[n], v) for n, v in resumed.weights().items())


def refusal(session, settings, **fields):
    with pytest.raises(SpecError) as found:
        submit(session, settings, **NETWORK | fields)
    (error,) = found.value.errors
    assert error.location == ("ticket", "run")
    return error.detail


def test_a_run_without_final_weights_has_no_ticket(
    session, settings, submitted, train, dense, look
):
    unknown = str(uuid.uuid4())
    assert refusal(session, settings, ticket={"run": unknown}) == f"There is no run {unknown}."
    waiting = submitted(**NETWORK, seeds=[5])
    detail = refusal(session, settings, ticket={"run": str(waiting)})
    assert "is queued; a ticket is made of a run that has completed" in detail
    assert train() == "completed"
    name = weights_name(dense, look.run(dense).attempt, "final")
    open_storage(settings).remove(name)
    assert "are gone" in refusal(session, settings, ticket={"run": str(dense)})


def test_a_ticket_whose_weights_went_meanwhile_fails_with_a_sentence(
    dense, submitted, train, look, settings
):
    run_id = submitted(**NETWORK, seeds=[9], ticket={"run": str(dense)})
    name = weights_name(dense, look.run(dense).attempt, "final")
    storage = open_storage(settings)
    content = storage.open(name).read()
    storage.remove(name)
    assert train() == "error"
    assert "are gone, and the ticket is made of them" in look.attempts(run_id)[0].reason
    damaged = io.BytesIO(content).getvalue()[:-4] + b"\0\0\0\1"
    storage.write(name, [damaged])
    config = RunConfig.model_validate(look.run(run_id).config)
    with pytest.raises(Exception, match="does not match its sha256"):
        ticket_weights(config.ticket, settings)


def test_weights_that_a_waiting_ticket_needs_are_not_removed(
    dense, submitted, sessions, session, settings
):
    needed = submitted(**NETWORK, seeds=[9], ticket={"run": str(dense)})
    short = settings.model_copy(update={"weights_retention_days": 1e-9})
    assert files.purge(session, short) == 0
    with sessions.begin() as changing:
        changing.get(Run, needed).status = "cancelled"
    assert files.purge(session, short) > 0
