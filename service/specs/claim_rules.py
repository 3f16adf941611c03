"""Rules of claims: every reason why a claim cannot be checked on an experiment."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from service.catalog.losses import task_of
from service.catalog.metrics import METRICS, main_metric, target_refusal
from service.fields import FieldError, Location, unknown
from service.specs.claims import SubmittedClaim
from service.specs.parameters import entry_parameter, parameters_of
from service.specs.selection import in_words, matches
from service.specs.spec import AXIS_FIELDS, axis_value
from service.specs.task_rules import other_task

#: A configuration's variant and its JSON values.
Labelled = tuple[str | None, Mapping[str, Any]]

#: What a group of configurations can be selected by.
_SELECTABLE = (*AXIS_FIELDS, "variant")
_SIDES = ("better", "than")


def claim_errors(
    claim: SubmittedClaim, configurations: Sequence[Labelled], place: Location = ()
) -> list[FieldError]:
    """Return why a claim cannot be checked on an experiment's configurations.

    Args:
        claim: the claim.
        configurations: all configurations of the experiment.
        place: the claim's place in the request.
    """
    errors = [error for side in _SIDES for error in _group_errors(claim, side, configurations)]
    if errors:
        return [FieldError((*place, *error.location), error.detail) for error in errors]
    better, than = (_selected(getattr(claim, side), configurations) for side in _SIDES)
    found = list(_metric_errors(claim, [configurations[index][1] for index in better | than]))
    common = len(better & than)
    if common:
        detail = f"{common} configurations are in both groups. Choose groups with none in common."
        found.append(FieldError(("than",), detail))
    return [FieldError((*place, *error.location), error.detail) for error in found]


def _group_errors(
    claim: SubmittedClaim, side: str, configurations: Sequence[Labelled]
) -> Iterator[FieldError]:
    where = getattr(claim, side)
    for axis, asked in where.items():
        if axis not in _SELECTABLE:
            yield FieldError((side, axis), unknown("axis", axis, _SELECTABLE))
            return
        if axis == "variant" and all(label is None for label, _ in configurations):
            yield FieldError((side, axis), "The experiment has no variants.")
            return
        wrong = _unknown_parameter(axis, asked, configurations)
        if wrong:
            yield FieldError((side, axis), wrong)
            return
    if not _selected(where, configurations):
        yield _nothing(side, where, configurations)


def _unknown_parameter(axis: str, asked: Any, configurations: Sequence[Labelled]) -> str | None:
    """Return that no entry on an axis has a parameter that is asked for; None where one has."""
    if not isinstance(asked, Mapping):
        return None
    values = [axis_value(config, axis) for _, config in configurations]
    entries = [value for value in values if isinstance(value, Mapping)]
    for name in asked:
        if entries and all(name not in parameters_of(axis, entry) for entry in entries):
            known = sorted({known for entry in entries for known in parameters_of(axis, entry)})
            return unknown(f"parameter of {axis}", name, known)
    return None


def _selected(where: Mapping[str, Any], configurations: Sequence[Labelled]) -> set[int]:
    return {
        index
        for index, (label, config) in enumerate(configurations)
        if matches(config, label, where)
    }


def _nothing(side: str, where: Mapping[str, Any], configurations: Sequence[Labelled]) -> FieldError:
    """Return that no configuration is selected, with what there is."""
    sentence = f"No configuration of the experiment is {in_words(where)}."
    for axis, asked in where.items():
        if not _selected({axis: asked}, configurations):
            values = (
                label if axis == "variant" else _short(axis, axis_value(config, axis), asked)
                for label, config in configurations
            )
            written = list(dict.fromkeys(map(str, values)))
            listed = f"Its values of {axis} are {'; '.join(written)}."
            if isinstance(asked, str) and asked in written and axis != "variant":
                listed = f"{listed} Write {asked} as a number, without quotes."
            return FieldError((side, axis), f"{sentence} {listed}")
    return FieldError((side,), f"{sentence} It has these values, but not together.")


def _short(axis: str, value: Any, asked: Any) -> Any:
    """Return an entry's name, with those of the parameters asked for that it has."""
    if not isinstance(value, Mapping):
        return value
    shown = {
        name: found
        for name in (asked if isinstance(asked, Mapping) else ())
        if name != "name" and (found := entry_parameter(axis, value, name)) is not None
    }
    return in_words({axis: value["name"], **shown})


def _metric_errors(
    claim: SubmittedClaim, chosen: Sequence[Mapping[str, Any]]
) -> Iterator[FieldError]:
    yield from _target_errors(claim)
    losses = {config["loss"]["name"] for config in chosen}
    yield from _task_errors(claim, chosen[0], losses)
    measured = METRICS[claim.metric]
    epochs = chosen[0]["epochs"]
    if measured.when == "target":
        if claim.at != "final":
            yield FieldError(("at",), f"{claim.metric} is one number of a run: choose final.")
    elif measured.when == "end" and claim.at != "final":
        yield FieldError(
            ("at",), f"{claim.metric} is measured once, after the last epoch: choose final."
        )
    elif isinstance(claim.at, int) and not 1 <= claim.at <= epochs:
        yield FieldError(("at",), f"There is no epoch {claim.at}: the runs have {epochs}.")
    if measured.kind == "share" and claim.by_at_least >= 1:
        detail = f"{claim.metric} is between 0 and 1: write two points as 0.02."
        yield FieldError(("by_at_least",), detail)
    if measured.part == "test" and not all(map(_keeps_test, chosen)):
        yield FieldError(
            ("metric",),
            f"{claim.metric} is only measured where the data set has a validation_split or folds.",
        )


def _task_errors(
    claim: SubmittedClaim, config: Mapping[str, Any], losses: Collection[str]
) -> Iterator[FieldError]:
    """Yield which metrics the runs do not record; all configurations are of one task."""
    task = task_of(config["loss"]["name"])
    asked: dict[Location, str] = {("metric",): claim.metric}
    if claim.target is not None:
        asked["target", "metric"] = claim.target.metric
    for place, metric in asked.items():
        not_measured = other_task(metric, task) or _other_loss(metric, losses)
        if not_measured:
            yield FieldError(place, f"{not_measured} Name {main_metric(task).name}.")


def _other_loss(metric: str, losses: Collection[str]) -> str | None:
    """Return that runs of some losses do not record a metric; None where all do."""
    needed = METRICS[metric].recorded_with
    others = sorted({loss for loss in losses if needed not in {None, loss}})
    if not others:
        return None
    return f"{metric} is recorded with {needed} alone, and some runs have {' or '.join(others)}."


def _target_errors(claim: SubmittedClaim) -> Iterator[FieldError]:
    has_target = METRICS[claim.metric].when == "target"
    if claim.target is None:
        if has_target:
            yield FieldError(
                ("target",),
                f'{claim.metric} needs a target, as {{"metric": "val_accuracy", "value": 0.97}}.',
            )
        return
    if not has_target:
        yield FieldError(("target",), f"{claim.metric} has no target: epochs_to and seconds_to do.")
    out_of_range = target_refusal(claim.target.metric, claim.target.value)
    if out_of_range:
        yield FieldError(("target", "value"), out_of_range)


def _keeps_test(config: Mapping[str, Any]) -> bool:
    sizes = config["dataset"]
    return bool(sizes["validation_split"]) or sizes.get("folds") is not None
