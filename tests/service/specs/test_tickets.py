"""Lottery tickets at the door: what a configuration has of them, and what has to be the same."""

from typing import Any

import pytest

from service.specs.expansion import PlannedRun, SpecError, expand
from service.specs.limits import Limits
from service.specs.packing import pack_key
from service.specs.spec import ExperimentSpec, RunConfig
from service.specs.ticket_rules import runs_of
from service.specs.tickets import TicketFacts

RUN = "019ac4f2-9a1c-7b52-8d0e-4f1c2a6b7d30"
BASE = {
    "dataset": {"name": "digits", "train_size": 64},
    "model": {"name": "mlp", "hidden_units": [8]},
    "activation": "relu",
    "seeds": [3],
    "batch_size": 16,
}


def planned(sources: dict[str, TicketFacts | str] | None = None, **fields: Any) -> PlannedRun:
    spec = ExperimentSpec.model_validate(BASE | fields)
    (run,) = expand(spec, Limits(), tickets=sources or {})
    return run


def facts(seed: int = 11, **fields: Any) -> dict[str, TicketFacts | str]:
    """What is stored of a run of these fields, whose weights another run wrote."""
    run = planned(**fields)
    return {RUN: TicketFacts("a" * 36, 2, "ab" * 32, seed, run.configuration.values)}


def refused(sources: dict[str, TicketFacts | str], **fields: Any) -> tuple[Any, str]:
    with pytest.raises(SpecError) as found:
        planned(sources, **fields)
    (error,) = found.value.errors
    return error.location, error.detail


def test_a_configuration_is_told_by_the_weights_and_the_seed_of_the_first_ones() -> None:
    run = planned(facts(), ticket={"run": RUN.upper(), "keep": 0.25})
    assert run.configuration.values["ticket"] == {
        "run": "a" * 36,
        "attempt": 2,
        "sha256": "ab" * 32,
        "seed": 11,
        "keep": 0.25,
        "scope": "layer",
    }
    assert RunConfig.model_validate(run.configuration.values) == run.config
    assert pack_key(run.configuration) is None
    others = [
        planned(),
        planned(facts(), ticket={"run": RUN}),
        planned(facts(12), ticket={"run": RUN, "keep": 0.25}),
        planned(facts(), ticket={"run": RUN, "keep": 0.25, "scope": "global"}),
        planned(facts(), ticket={"run": RUN, "keep": 0.25, "redraw": True}),
    ]
    assert len({run.config_hash, *(other.config_hash for other in others)}) == 6
    assert others[-1].configuration.values["ticket"]["seed"] is None
    assert "ticket" not in others[0].configuration.values


def test_a_ticket_of_a_ticket_begins_as_the_first_run_did() -> None:
    def second(**ticket: Any) -> int | None:
        first = planned(facts(), ticket={"run": RUN, **ticket}).configuration.values
        source = {RUN: TicketFacts("b" * 36, 1, "cd" * 32, 99, first)}
        resolved = planned(source, ticket={"run": RUN, "keep": 0.04}).config.ticket
        assert resolved is not None
        return resolved.seed

    assert second() == 11
    assert second(redraw=True) == 99  # drawn by that run's own seed


def test_variants_have_tickets_of_their_own() -> None:
    variants = [
        {"label": "whole"},
        {"label": "ticket", "ticket": {"run": RUN}},
        {"label": "redrawn", "ticket": {"run": RUN, "redraw": True}},
    ]
    spec = ExperimentSpec.model_validate(BASE | {"variants": variants})
    assert runs_of(spec) == [RUN]
    runs = expand(spec, Limits(), tickets=facts())
    assert [run.config.ticket and run.config.ticket.seed for run in runs] == [None, 11, None]
    assert len({run.config_hash for run in runs}) == 3
    location, _ = refused({}, variants=variants[1:2])
    assert location == ("variants", 0, "ticket", "run")


def test_a_run_that_cannot_be_used_is_told_at_the_run() -> None:
    ticket = {"run": RUN}
    assert refused({}, ticket=ticket) == (("ticket", "run"), f"There is no run {RUN}.")
    assert refused({RUN: "It is gone."}, ticket=ticket) == (("ticket", "run"), "It is gone.")


LSUV = {"initializer": "lsuv"}


@pytest.mark.parametrize(
    ("before", "now", "other"),
    [
        ({}, {"model": {"name": "mlp", "hidden_units": [9]}}, "model"),
        ({}, {"dataset": "ball"}, "model"),  # of two classes: another head
        ({}, {"dataset": "mnist"}, "shape of inputs and outputs"),
        ({}, {"activation": "maxout", "initializer": "he_normal"}, "shape of inputs and outputs"),
        ({}, {"initializer": "glorot_normal"}, "initializer"),
        ({}, {"output_initializer": "zeros"}, "output initializer"),
        ({}, {"bias_initializer": "ones"}, "bias initializer"),
        (LSUV, LSUV | {"dataset": {"name": "digits", "train_size": 32}}, "dataset"),
        (LSUV, LSUV | {"activation": "tanh"}, "activation"),
    ],
)
def test_what_decides_the_first_weights_is_the_same(
    before: dict[str, Any], now: dict[str, Any], other: str
) -> None:
    location, detail = refused(facts(**before), **now, ticket={"run": RUN})
    assert location == ("ticket", "run")
    assert f"has another {other}, and" in detail


def test_all_else_is_free_and_with_redraw_the_initializers_are_too() -> None:
    free = {
        "dataset": {"name": "digits", "train_size": 32},
        "activation": "tanh",
        "initializer": "he_uniform",  # auto's of relu
        "normalization": "batch",
        "optimizer": "sgd",
        "epochs": 3,
    }
    assert planned(facts(), **free, ticket={"run": RUN}).config.ticket
    redrawn = {"run": RUN, "redraw": True}
    assert planned(facts(), **free | {"initializer": "zeros"}, ticket=redrawn).config.ticket


def test_a_control_is_not_drawn_by_the_seed_of_the_first_weights() -> None:
    """It would have the ticket's own weights; one of a ticket those of the first run."""
    redrawn = {"run": RUN, "redraw": True}
    location, detail = refused(facts(3), ticket=redrawn)
    assert location == ("ticket", "redraw")
    assert "drawn by the seed 3, and with this seed" in detail
    assert detail.endswith("Use other seeds, as seeds: [0].")
    variants = [{"label": "ticket", "ticket": {"run": RUN}}, {"label": "b", "ticket": redrawn}]
    location, detail = refused(facts(1), variants=variants, seeds=3)
    assert location == ("variants", 1, "ticket", "redraw")
    assert detail.endswith("as seeds: [0, 2, 3].")
    first = planned(facts(3), ticket={"run": RUN}, seeds=[5]).configuration.values
    of_ticket = {RUN: TicketFacts("b" * 36, 1, "cd" * 32, 5, first)}
    assert refused(of_ticket, ticket=redrawn)[0] == ("ticket", "redraw")
    assert planned(of_ticket, ticket=redrawn, seeds=[5]).seed == 5
    assert planned(facts(3), ticket={"run": RUN}).seed == 3


def test_weight_normalization_trains_no_single_weights() -> None:
    location, detail = refused(facts(), normalization="weight", ticket={"run": RUN})
    assert location == ("ticket",)
    assert "weight normalization" in detail
