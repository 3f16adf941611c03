"""Targets: from a column to classes, or to numbers that are predicted as they are."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from service.datasets.csv_files import LARGEST_NUMBER
from service.datasets.features import category_order
from service.datasets.meaning import FileMeaning
from service.datasets.problems import FileError, shown
from service.datasets.tables import Column, number_text

MOST_CLASSES = 1_000

#: A target of more different numbers is a quantity if some have fractions, or if there are fewer
#: rows of each than this on average: ages in years are one, the numbers of ten classes are not.
_MOST_CLASS_NUMBERS = 20
_ROWS_PER_CLASS = 20


@dataclass(frozen=True)
class Targets:
    """What is to be predicted.

    Attributes:
        values: (rows,): int64, the class of each row; or float64, its number.
        classes: the names of the classes; empty where targets are numbers.
        notes: what was guessed, in sentences.
    """

    values: NDArray[np.int64] | NDArray[np.float64]
    classes: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def strata(self) -> NDArray[np.int64]:
        """The class of each row, by which a split is stratified; one where targets are numbers."""
        if self.classes:
            return self.values.astype(np.int64)
        return np.zeros(len(self.values), np.int64)


def targets_of(column: Column, meaning: FileMeaning) -> Targets:
    """Return the targets of a column without missing values.

    The task is the client's, else it is guessed (``_is_quantity``) and a note tells so.

    Raises:
        FileError: the column has one class or one number, or is not what the client says.
    """
    if meaning.task == "regression":
        return Targets(_numbers(column))
    if meaning.task is None and column.name not in meaning.categorical and _is_quantity(column):
        numbers = _numbers(column)
        notes = [
            f"The target has {len(np.unique(numbers)):,} different numbers, so it is taken as a "
            "quantity: the task is regression.",
            "With task=classification each of its numbers is a class.",
        ]
        return Targets(numbers, notes=notes)
    classes, values = class_numbers(column)
    if meaning.task == "binary" and len(classes) != 2:
        raise FileError(f"A binary task has two classes, and there are {len(classes)}.", "task")
    return Targets(values, classes)


def class_numbers(column: Column) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the names of the classes in order, and the class of each row.

    Raises:
        FileError: the column has one class, or is no column of classes.
    """
    name = shown(column.name)
    is_numeric = column.numbers is not None
    column = column.as_texts()
    codes = np.asarray(column.codes)
    present = np.unique(codes)
    texts = category_order([column.texts[code] for code in present])
    if len(texts) < 2:
        raise FileError(f"All rows are of one class ({shown(texts[0])}); two are needed.", "target")
    if len(texts) > min(MOST_CLASSES, max(2, len(codes) // 2)):
        way_out = "Say task=regression, or name" if is_numeric else "Name"
        raise FileError(
            f"Column {name} has {len(texts):,} different values in {len(codes):,} rows: too many "
            f"to be classes. {way_out} the column of the classes.",
            "target",
        )
    places = {text: place for place, text in enumerate(texts)}
    moved = np.array([places.get(text, -1) for text in column.texts], np.int64)
    return tuple(text[:200] for text in texts), moved[codes]


def _is_quantity(column: Column) -> bool:
    """Whether a column looks like numbers to be predicted, rather than numbers of classes."""
    if column.numbers is None:
        return False
    values = np.unique(column.numbers)
    if len(values) <= _MOST_CLASS_NUMBERS:
        return False
    has_fractions = bool((values != np.floor(values)).any())
    return has_fractions or len(column.numbers) < _ROWS_PER_CLASS * len(values)


def _numbers(column: Column) -> NDArray[np.float64]:
    name = shown(column.name)
    if column.numbers is None:
        raise FileError(
            f"Column {name} has texts, as {shown(column.texts[0])}: the target of a regression is "
            "a number. Name another target, or say task=classification.",
            "task",
        )
    numbers = column.numbers
    if (np.abs(numbers) > LARGEST_NUMBER).any():
        raise FileError(f"Column {name} has a number beyond those of single precision.", "target")
    if (numbers == numbers[0]).all():
        raise FileError(
            f"All rows have the target {number_text(float(numbers[0]))}: there is nothing to "
            "predict.",
            "target",
        )
    return numbers + 0.0  # minus zero becomes zero
