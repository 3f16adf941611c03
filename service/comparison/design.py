"""The design of a comparison: what makes the groups, what is tuned, what is averaged over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from service.comparison.scores import Score, one_of_each, refusal, varying_axes
from service.fields import unknown
from service.specs.labels import Label, axis_labels
from service.specs.parameters import parameter_value, varying_parameters
from service.specs.spec import AXIS_FIELDS
from service.specs.written_values import value_text

#: How a group is written on an axis or a parameter.
Level = Label | float

#: What is tuned where nothing else is asked for: a comparison at one rate tells who likes that one.
_TUNED = "optimizer.learning_rate"
#: What only draws or splits the data anew.
DATA = ("dataset.seed", "dataset.fold")


@dataclass(frozen=True)
class Design:
    """What a comparison does with each axis that varies; names are axes or dotted parameters.

    Attributes:
        by: what makes the groups.
        tune: what each group has at its best value, chosen on the other seeds.
        average: what each group is averaged over, within each seed.
    """

    by: tuple[str, ...]
    tune: tuple[str, ...]
    average: tuple[str, ...]


@dataclass(frozen=True)
class Placed:
    """A run's score with its levels on the three parts of the design."""

    score: Score
    by: tuple[Level, ...]
    tune: tuple[Level, ...]
    average: tuple[Level, ...]


def design_of(
    scores: Sequence[Score],
    by: Sequence[str] = (),
    tune: Sequence[str] = (),
    average: Sequence[str] = (),
) -> Design:
    """Return the design that was asked for, completed.

    Without ``by`` groups are made by what varies; by the variant, too, where variants differ in
    what is no axis, as in their lottery tickets. There, unless asked otherwise, the learning rate
    is tuned where something else varies, too. Whatever else varies within groups is tuned, but the
    data are averaged over: who chose data would choose the easiest. Of an optimizer it is the
    learning rate that is tuned, where nothing else of it varies.

    Raises:
        InvalidError: no configuration has such a parameter.
    """
    scores = one_of_each(scores)
    varying = varying_parameters(list(_configs(scores).values()))
    for parameter, names in (("by", by), ("tune", tune), ("average", average)):
        check_names(scores, parameter, names)
    redrawn = [name for name in DATA if name in varying and "dataset" not in by]
    average = tuple(dict.fromkeys([*average, *redrawn]))
    average = tuple(name for name in average if name not in by and name not in tune)
    beside = ["variant"] if _differ_beside_axes(scores) else []
    axes = [*varying_axes(scores), *beside]
    others = {*axes} - {"optimizer", "dataset"}
    if not by and not tune and _TUNED in varying and others and _TUNED not in average:
        tune = (_TUNED,)
    if not by:
        without = (*tune, *average)
        by = [axis for axis in axes if len({*levels(scores, axis, without)}) > 1]
        by = [axis for axis in by if axis not in without]
    chosen = Design(tuple(dict.fromkeys(by)), tuple(dict.fromkeys(tune)), average)
    rows = placed(scores, chosen)
    for axis in (*AXIS_FIELDS, *beside):
        if not _decided(rows, axis):
            chosen = _deciding(scores, chosen, axis, _TUNED if _TUNED in varying else None)
            rows = placed(scores, chosen)
    return chosen


def _deciding(scores: Sequence[Score], design: Design, axis: str, rate: str | None) -> Design:
    """Return a design that decides an axis, too: by the learning rate alone where it varies alone.

    Args:
        scores: each kind once.
        design: which does not.
        axis: the axis.
        rate: the learning rate's name; None where it does not vary.
    """
    if axis == "dataset":
        return replace(design, average=(*design.average, axis))
    if axis == "optimizer" and rate:
        by_rate = replace(design, tune=(*design.tune, rate))
        if _decided(placed(scores, by_rate), axis):
            return by_rate
    return replace(design, tune=(*design.tune, axis))


def placed(scores: Sequence[Score], design: Design) -> list[Placed]:
    """Return each score with its levels, in the same order."""
    without = (*design.tune, *design.average)
    kinds = one_of_each(scores)
    parts = [
        [levels(kinds, name, without) for name in names]
        for names in (design.by, design.tune, design.average)
    ]
    found = {
        each.kind: tuple(tuple(column[index] for column in part) for part in parts)
        for index, each in enumerate(kinds)
    }
    return [Placed(score, *found[score.kind]) for score in scores]


def check_names(scores: Sequence[Score], parameter: str, names: Sequence[str]) -> None:
    """Check that each dotted name is a parameter of some configuration.

    Raises:
        InvalidError: one is not; the sentence names the nearest ones.
    """
    configs = list(_configs(scores).values())
    for name in names:
        if "." in name and all(parameter_value(config, name) is None for config in configs):
            what = "parameter of these configurations"
            raise refusal(parameter, unknown(what, name, _parameters(configs)))


def _parameters(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the dotted names of all parameters that some configuration has."""
    names = {
        f"{axis}.{name}": None
        for config in configs
        for axis in AXIS_FIELDS
        if isinstance(config.get(axis), Mapping)
        for name in config[axis]
        if name != "name"
    }
    return list(names)


def _configs(scores: Sequence[Score]) -> dict[str, Mapping[str, Any]]:
    return {score.config_hash: score.configured.values for score in scores}


def levels(scores: Sequence[Score], name: str, without: Sequence[str] = ()) -> list[Level]:
    """Return each score's level on an axis, or of a parameter.

    The level on an axis leaves out those of its parameters that are tuned or averaged over.
    """
    if "." in name:
        by_config = {
            key: _as_level(parameter_value(config, name))
            for key, config in _configs(scores).items()
        }
        return [by_config[score.config_hash] for score in scores]
    omitted = [dotted.partition(".")[2] for dotted in without if dotted.startswith(f"{name}.")]
    if not omitted:
        return [score.place[name] for score in scores]
    values = {
        key: orjson.dumps(_without(config[name], omitted), option=orjson.OPT_SORT_KEYS)
        for key, config in _configs(scores).items()
    }
    labels = axis_labels(name, values.values())
    return [labels[values[score.config_hash]] for score in scores]


def _without(entry: Any, omitted: Sequence[str]) -> Any:
    return {name: value for name, value in entry.items() if name not in omitted}


def _as_level(value: Any) -> Level:
    if isinstance(value, Mapping) and "name" in value:
        return str(value["name"])
    return value if isinstance(value, str | int | float | None) else value_text(value)


def _differ_beside_axes(scores: Sequence[Score]) -> bool:
    """Whether variants with the same levels on all axes are not the same configuration."""
    by_axes = [tuple(score.place[axis] for axis in AXIS_FIELDS) for score in scores]
    labels = {(place, score.place["variant"]) for place, score in zip(by_axes, scores, strict=True)}
    hashes = {(place, score.config_hash) for place, score in zip(by_axes, scores, strict=True)}
    several = len({*by_axes})
    return len(labels) > several and len(hashes) > several


def _decided(rows: Sequence[Placed], axis: str) -> bool:
    """Whether the levels of a design decide the label on an axis; each kind of score once.

    Of a variant, whether they decide what its configurations differ in.
    """
    groups = {(row.by, row.tune, row.average) for row in rows}
    finer = {(row.by, row.tune, row.average, _told(row.score, axis)) for row in rows}
    return len(finer) == len(groups)


def _told(score: Score, axis: str) -> Label:
    """Return what an axis tells of a score; a variant all that its configuration is."""
    return score.config_hash if axis == "variant" else score.place[axis]
