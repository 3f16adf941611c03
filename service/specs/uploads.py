"""Uploaded data sets in a spec: what an id stands for in the configurations of its runs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from service.fields import FieldError
from service.specs.choices import Choice, choice
from service.specs.grid import PlacedValue
from service.specs.spec import ExperimentSpec

UPLOADED = "uploaded"

#: The share of the training samples that is held out where a spec says nothing.
VALIDATION_SHARE = 0.2


@dataclass(frozen=True)
class UploadedFacts:
    """What the rules and the configurations have of an uploaded data set.

    Attributes:
        sha256: of its canonical form.
        input_shape: of one sample.
        classes: how many there are; 0 where targets are numbers.
        largest_value: of a pixel; None of a table.
        largest_class: the share of the largest class in the test part; None without classes.
        target_deviation: where targets are numbers, the root mean squared error on the test part
            of predicting the training mean.
        target_absolute_deviation: the mean absolute error of the same.
        train_count: training samples.
        test_count: test samples.
    """

    sha256: str
    input_shape: tuple[int, ...]
    classes: int
    largest_value: float | None
    largest_class: float | None
    train_count: int
    test_count: int
    target_deviation: float | None = None
    target_absolute_deviation: float | None = None


NO_UPLOADS: Mapping[str, UploadedFacts] = MappingProxyType({})


def ids_of(spec: ExperimentSpec) -> set[str]:
    """Return the ids of the uploaded data sets that a spec names, in lower case."""
    return {
        written.lower()
        for axes in (spec, *(spec.variants or ()))
        for entry in axes.dataset or ()
        if entry.name == UPLOADED
        for written in _each(entry.parameters["id"])
    }


def looked_up(
    placed: PlacedValue, known: Mapping[str, UploadedFacts]
) -> tuple[list[FieldError], PlacedValue]:
    """Return a data set with its facts, and what is wrong with it; others are returned as they are.

    Args:
        placed: a data set of a spec, one value of each parameter.
        known: the uploaded data sets by id.
    """
    asked: Choice = placed.value
    if asked.name != UPLOADED:
        return [], placed
    wanted = asked.parameters
    facts = known.get(str(wanted["id"]).lower())
    if facts is None:
        detail = f"There is no data set {wanted['id']}; `GET /v1/datasets` lists them."
        return [FieldError(placed.parameter("id"), detail)], placed
    errors = list(_size_errors(placed, wanted, facts))
    if errors:
        return errors, placed
    resolved = choice("dataset", _resolved(wanted, facts))
    return [], PlacedValue(placed.location, resolved, placed.indexes)


def _size_errors(
    placed: PlacedValue, wanted: Mapping[str, Any], facts: UploadedFacts
) -> Iterator[FieldError]:
    for name, most in (("train_size", facts.train_count), ("test_size", facts.test_count)):
        if (wanted[name] or 0) > most:
            detail = f"The data set has {most:,} samples in this part, not {wanted[name]:,}."
            yield FieldError(placed.parameter(name), detail)


def _resolved(wanted: Mapping[str, Any], facts: UploadedFacts) -> dict[str, Any]:
    content = asdict(facts) | {"input_shape": list(facts.input_shape), "name": UPLOADED}
    train, test = content.pop("train_count"), content.pop("test_count")
    split = wanted["validation_split"]
    if split is None:
        split = VALIDATION_SHARE if wanted["folds"] is None else 0.0
    usual = "standardize" if facts.largest_value is None else "scale"
    return content | {
        "train_size": wanted["train_size"] or train,
        "test_size": wanted["test_size"] or test,
        "validation_split": split,
        "folds": wanted["folds"],
        "fold": wanted["fold"],
        "preprocessing": wanted["preprocessing"] or usual,
    }


def _each(value: Any) -> Iterator[str]:
    if isinstance(value, tuple):
        for item in value:
            yield from _each(item)
    else:
        yield str(value)
