"""Rules of lottery tickets: the run they name, and what has to be as it was there."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from service.fields import FieldError
from service.specs.choices import choice
from service.specs.grid import PlacedValue
from service.specs.layer_rules import normalizations_of
from service.specs.planning import pieces_of
from service.specs.resolution import Resolution, input_shape, outputs_of
from service.specs.spec import ExperimentSpec
from service.specs.tickets import FoundTicket, ResolvedTicket, Ticket, TicketFacts, TicketSources

#: Initializers whose weights depend on data, and on what the layers make of them.
_ON_DATA = {"lsuv", "data_dependent"}


def runs_of(spec: ExperimentSpec) -> list[str]:
    """Return the ids of the runs that tickets of a spec name, each once, in lower case."""
    parts = (spec, *(spec.variants or ()))
    return list(dict.fromkeys(part.ticket.run.lower() for part in parts if part.ticket))


def ticket_looked_up(
    placed: PlacedValue, known: TicketSources
) -> tuple[list[FieldError], PlacedValue]:
    """Return a ticket with what is known of its run, and why it cannot be had.

    Args:
        placed: the ticket of a point; its value is None where there is none.
        known: the runs that tickets name.
    """
    asked: Ticket | None = placed.value
    if asked is None:
        return [], placed
    facts = known.get(asked.run.lower(), f"There is no run {asked.run}.")
    if not isinstance(facts, TicketFacts):
        return [FieldError(placed.parameter("run"), facts)], placed
    ticket = ResolvedTicket(
        run=facts.run,
        attempt=facts.attempt,
        sha256=facts.sha256,
        seed=None if asked.redraw else facts.first_seed,
        keep=asked.keep,
        scope=asked.scope,
    )
    found = FoundTicket(ticket, facts.config, facts.first_seed, asked.redraw)
    return [], PlacedValue(placed.location, found)


def ticket_errors(resolved: Resolution, seeds: Collection[int]) -> Iterator[FieldError]:
    """Yield why a point cannot begin with its ticket: one error, or none.

    Args:
        resolved: the point.
        seeds: of its runs.
    """
    placed = resolved.point["ticket"]
    found: FoundTicket | None = placed.value
    if found is None:
        return
    if any(normalization.name == "weight" for normalization in normalizations_of(resolved)):
        yield FieldError(
            placed.location,
            "A ticket takes single weights away, and weight normalization trains the length and "
            "the direction of all weights of a unit. Use another normalization.",
        )
        return
    if found.redraw and found.first_seed in seeds:
        yield FieldError(
            placed.parameter("redraw"),
            f"That run's first weights were drawn by the seed {found.first_seed}, and with this "
            "seed redraw: true would draw the same ones again. Use other seeds, as seeds: "
            f"[{_unused(seeds, found.first_seed)}].",
        )
        return
    other = next(_others(resolved, found), None)
    if other is not None:
        yield FieldError(
            placed.parameter("run"),
            f"That run has another {other}, and a ticket begins as it began. Use the same {other}, "
            f"{_way_out(other)}.",
        )


def _unused(seeds: Collection[int], first_seed: int) -> str:
    """Return as many seeds as there are, up to three, without the one of the first weights."""
    others = [seed for seed in range(4) if seed != first_seed]
    return ", ".join(map(str, others[: len(seeds)]))


def _way_out(other: str) -> str:
    fits_no_more = other in {"model", "shape of inputs and outputs"}
    return "or another run" if fits_no_more else "another run, or redraw: true"


def _others(resolved: Resolution, found: FoundTicket) -> Iterator[str]:
    """Yield in words what is not as in the earlier run, of all that decides its weights."""
    theirs, ours = found.config, _deciding(resolved)
    if ours["model"] != theirs["model"]:
        yield "model"
    if _shape(ours) != _shape(theirs):
        yield "shape of inputs and outputs"
    if found.redraw:
        return
    names = ["initializer", "output_initializer", "bias_initializer"]
    if _measures(resolved):
        names += ["dataset", "activation", "normalization"]
    for name in names:
        if ours[name] != theirs[name]:
            yield name.replace("_", " ")


def _deciding(resolved: Resolution) -> dict[str, Any]:
    """Return the JSON values of what decides the first weights of a point."""
    chosen = {
        "dataset": resolved.dataset,
        "model": resolved.model,
        "initializer": resolved.initializer("initializer"),
        "output_initializer": resolved.initializer("output_initializer"),
        **{
            name: resolved.chosen(name)
            for name in ("activation", "bias_initializer", "normalization")
        },
    }
    return {name: value.model_dump(mode="json") for name, value in chosen.items()}


def _measures(resolved: Resolution) -> bool:
    """Whether an initializer measures on data."""
    steps = resolved.plan.hidden if resolved.plan else ()
    stated = {step.initializer.name for step in steps if step.initializer is not None}
    axes = ("initializer", "output_initializer")
    return bool(_ON_DATA & (stated | {resolved.initializer(axis).name for axis in axes}))


def _shape(config: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """Return what decides the shapes of weights beside the model; None of an older catalog."""
    try:
        dataset = choice("dataset", config["dataset"])
        model = choice("model", config["model"])
        activation = choice("activation", config["activation"])
    except ValidationError:
        return None
    return input_shape(dataset), outputs_of(dataset, model), pieces_of(activation)
