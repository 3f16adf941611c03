"""Alternatives: the values that an entry of a spec stands for where its parameters have several."""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from service.formulas.expression import Constants
from service.specs.choices import Choice
from service.specs.parameter_values import ParameterRange

#: The index that was taken from each parameter with several values, by the parameter's path; a
#: layer of a list is named by its index.
Indexes = Mapping[tuple[str | int, ...], int]


def count(entry: Choice) -> int:
    """Return how many values an entry stands for, without multiplying them out."""
    return math.prod(_count(value) for value in entry.parameters.values())


def _count(value: Any) -> int:
    match value:
        case ParameterRange():
            return value.count
        case tuple():
            return sum(map(_count, value))
        case Constants():
            return math.prod(map(_count, value.values()))
        case Choice():
            return count(value)
        case [Choice(), *_]:
            return math.prod(map(_count, value))
        case _:
            return 1


def alternatives(entry: Choice) -> Iterator[tuple[Indexes, Choice]]:
    """Return the values that an entry stands for; its last parameter varies fastest.

    Each comes with the indexes that were taken, by which an error finds its place in the spec.
    """
    model = entry.one or type(entry)
    for indexes, values in _products(entry.parameters):
        yield indexes, model.model_validate({"name": entry.name, **values})


def _products(named: Mapping[Any, Any]) -> Iterator[tuple[Indexes, dict[Any, Any]]]:
    """Return every combination of the alternatives of named values."""
    for taken in itertools.product(*map(_alternatives, named.values())):
        indexes = {
            (name, *path): index
            for name, (own, _) in zip(named, taken, strict=True)
            for path, index in own.items()
        }
        yield indexes, {name: value for name, (_, value) in zip(named, taken, strict=True)}


def _alternatives(value: Any) -> Iterator[tuple[Indexes, Any]]:
    match value:
        case ParameterRange():
            yield from (({}, number) for number in value.values())
        case tuple():
            for index, item in enumerate(value):
                for indexes, found in _alternatives(item):
                    yield {(): index, **indexes}, found
        case Constants():
            yield from _products(value)
        case Choice():
            yield from alternatives(value)
        case [Choice(), *_]:  # layers
            for indexes, found in _products(dict(enumerate(value))):
                yield indexes, list(found.values())
        case _:
            yield {}, value
