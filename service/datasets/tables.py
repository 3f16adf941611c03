"""Tables as they are read from a file of any format: typed columns, and the place of each row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.datasets.problems import FileError, TooLargeError, shown

#: Texts that stand for a missing value.
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})

#: Names of a column that holds the classes.
TARGET_NAMES = ("target", "label", "class", "y")


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: as the file has it.
        numbers: float64 (rows,), NaN where a value is missing; None of a column of texts.
        codes: int32 (rows,), an index of ``texts``, -1 where a value is missing; None of numbers.
        texts: the different texts, in the order of their first row.
    """

    name: str
    numbers: NDArray[np.float64] | None = None
    codes: NDArray[np.int32] | None = None
    texts: tuple[str, ...] = ()

    @property
    def missing(self) -> NDArray[np.bool_]:
        """Whether a value is missing, (rows,)."""
        if self.numbers is not None:
            return np.isnan(self.numbers)
        assert self.codes is not None  # noqa: S101 - a column has one of the two
        return self.codes < 0

    def as_texts(self) -> "Column":
        """Return a column of texts; whole numbers are written without a point."""
        if self.numbers is None:
            return self
        present = ~np.isnan(self.numbers)
        values, codes = np.unique(self.numbers[present], return_inverse=True)
        whole = np.full(len(self.numbers), -1, np.int32)
        whole[present] = codes
        return Column(self.name, None, whole, tuple(map(number_text, values.tolist())))

    def taken(self, rows: NDArray[np.bool_]) -> "Column":
        """Return the column with some of its rows."""
        numbers = None if self.numbers is None else self.numbers[rows]
        codes = None if self.codes is None else self.codes[rows]
        return Column(self.name, numbers, codes, self.texts)


@dataclass(frozen=True)
class Table:
    """Columns of equal length.

    Attributes:
        columns: in the order of the file.
        lines: the line of each row, of a CSV; None where rows have only numbers.
        details: what was found out about the file, for the answer.
        test: whether a row is of a second file, which is the test part; None of one file.
    """

    columns: tuple[Column, ...]
    lines: NDArray[np.int64] | None
    details: dict[str, str | bool]
    test: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        column = self.columns[0]
        values = column.numbers if column.numbers is not None else column.codes
        return 0 if values is None else len(values)

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def place(self, row: int) -> str:
        """Return where a row is: ``line 17``, or ``row 16``."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"

    def taken(self, rows: NDArray[np.bool_]) -> "Table":
        """Return the table with some of its rows."""
        return Table(
            tuple(column.taken(rows) for column in self.columns),
            None if self.lines is None else self.lines[rows],
            self.details,
            None if self.test is None else self.test[rows],
        )


def number_text(value: float) -> str:
    """Return a number as the name of a class or a category: ``3`` for 3.0."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(value)


def joined(train: Table, test: Table) -> Table:
    """Return the rows of two files, of which the second is the test part.

    Raises:
        FileError: their columns differ.
    """
    if train.names != test.names:
        different = sorted(set(train.names) ^ set(test.names)) or ["their order"]
        raise FileError(
            "The training and the test file need the same columns in the same order; they differ "
            f"in {', '.join(map(shown, different[:5]))}."
        )
    columns = tuple(map(_one_after_another, train.columns, test.columns))
    parts = np.concatenate([np.zeros(len(train), bool), np.ones(len(test), bool)])
    return Table(columns, None, train.details, parts)


def _one_after_another(first: Column, second: Column) -> Column:
    if first.numbers is not None and second.numbers is not None:
        return Column(first.name, np.concatenate([first.numbers, second.numbers]))
    first, second = first.as_texts(), second.as_texts()
    texts = tuple(dict.fromkeys((*first.texts, *second.texts)))
    places = {text: place for place, text in enumerate(texts)}
    moved = np.array([*(places[text] for text in second.texts), -1], np.int32)
    codes = np.concatenate([first.codes, moved[second.codes]])
    return Column(first.name, None, codes, texts)


def checked_names(names: Sequence[str], most: int) -> tuple[str, ...]:
    """Return the names of columns; one without a name is called by its number.

    Raises:
        FileError: a name occurs twice.
        TooLargeError: there are more columns than ``most``.
    """
    if len(names) > most:
        raise TooLargeError(
            f"The file has {len(names):,} columns, over the limit max_upload_columns = {most:,}."
        )
    named = tuple(
        name.strip()[:200] or f"column_{number}" for number, name in enumerate(names, start=1)
    )
    seen: dict[str, int] = {}
    for number, name in enumerate(named, start=1):
        if name in seen:
            raise FileError(
                f"Columns {seen[name]} and {number} are both named {shown(name)}. Each column "
                "needs a name of its own."
            )
        seen[name] = number
    return named
