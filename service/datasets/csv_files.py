"""CSV files, read in pieces: a column is typed by its first rows, and then kept to it."""

import csv
import itertools
import math
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from service.datasets.meaning import FileLimits, FileMeaning
from service.datasets.problems import FileError, TooLargeError, shown
from service.datasets.tables import MISSING, Column, Table, checked_names

_SEPARATORS = (",", ";", "\t", "|")
_SNIFFED_ROWS = 50
#: Rows by which a column is typed.
_PIECE_ROWS = 20_000
#: A column with a smaller share of other texts is one of numbers with mistakes in it.
_MISTAKES = 0.1
#: Longest text of one cell.
_LONGEST_CELL = 100_000
#: Larger numbers have no float32.
LARGEST_NUMBER = 3e38

_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read_csv(path: Path, meaning: FileMeaning, limits: FileLimits) -> Table:
    """Return the table of a CSV file.

    Raises:
        FileError: it cannot be read; the sentence has line and column.
        TooLargeError: it has too many rows or columns.
    """
    csv.field_size_limit(_LONGEST_CELL)
    encoding = _encoding(path, meaning)
    separator = _separator(path, encoding)
    with path.open(encoding=encoding, newline="") as file:
        rows = _rows(file, separator)
        first = next(rows, None)
        if first is None:
            raise FileError("The file is empty: it needs a row of names, and rows below it.")
        has_names = not all(_number(cell, separator) is not None for cell in first[1])
        written = first[1] if has_names else [""] * len(first[1])
        names = checked_names(written, limits.max_upload_columns)
        body = rows if has_names else itertools.chain([first], rows)
        reader = _TableReader(names, separator, {*meaning.categorical, *meaning.leave_out})
        for piece in _pieces(body, limits.max_upload_rows):
            reader.take(piece)
    details: dict[str, str | bool] = {
        "encoding": encoding.removesuffix("-sig"),
        "separator": separator,
        "names_in_first_row": has_names,
    }
    return Table(reader.columns(), np.array(reader.lines, np.int64), details)


def _encoding(path: Path, meaning: FileMeaning) -> str:
    with path.open("rb") as file:
        head = file.read(4)
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    if meaning.encoding is not None:
        return marked or {"utf-16": "utf-16-le"}.get(meaning.encoding, meaning.encoding)
    if marked is None and b"\x00" in head:
        raise FileError(
            "The file looks like UTF-16 without its mark. Say encoding=utf-16.", "encoding"
        )
    return marked or "utf-8"


def _separator(path: Path, encoding: str) -> str:
    """Return the separator that divides the first rows into equal numbers of fields, the most."""
    with path.open(encoding=encoding, newline="") as file:
        head = list(itertools.islice(_decoded(file), _SNIFFED_ROWS))
    best, most = ",", 1
    for separator in _SEPARATORS:
        try:
            widths = {len(row) for row in csv.reader(head, delimiter=separator) if row}
        except csv.Error:
            continue
        if len(widths) == 1 and (width := widths.pop()) > most:
            best, most = separator, width
    return best


def _decoded(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a file.

    Raises:
        FileError: a line is not text in this encoding, or has a zero byte.
    """
    number = 0
    source = iter(lines)
    while True:
        number += 1
        try:
            line = next(source)
        except StopIteration:
            return
        except UnicodeDecodeError as error:
            raise FileError(
                f"Near line {number} the file is not {error.encoding}: {error.reason}. Say its "
                "encoding, as encoding=gb18030 or encoding=latin-1.",
                "encoding",
            ) from None
        if "\x00" in line:
            column = line.index("\x00") + 1
            raise FileError(f"Line {number}, column {column} is a zero byte: this is no text file.")
        yield line


def _rows(lines: Iterable[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line on which a row begins, and its fields; empty lines are passed over."""
    reader = csv.reader(_decoded(lines), delimiter=separator, strict=True)
    width = None
    while True:
        begin = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise FileError(f"Line {begin} cannot be read: {error}.") from None
        if not row or (len(row) == 1 and not row[0].strip()):
            continue
        width = width or len(row)
        if len(row) != width:
            raise FileError(
                f"Line {begin} has {len(row)} fields, and the first row has {width} (separated by "
                f"{separator!r})."
            )
        yield begin, row


def _pieces(
    rows: Iterable[tuple[int, list[str]]], most: int
) -> Iterator[list[tuple[int, list[str]]]]:
    source, taken = iter(rows), 0
    while piece := list(itertools.islice(source, _PIECE_ROWS)):
        taken += len(piece)
        if taken > most:
            raise TooLargeError(f"The file has more rows than max_upload_rows = {most:,}.")
        yield piece


def _number(cell: str, separator: str) -> float | None:
    """Return the number that a cell is; None of a text. Behind semicolons 1,5 is a number."""
    if "_" in cell:  # Python reads 1_000 as a number, and nothing else does
        return None
    try:
        return float(cell)
    except ValueError:
        if separator == ";" and "," in cell and "." not in cell:
            try:
                return float(cell.replace(",", "."))
            except ValueError:
                return None
        return None


class _TableReader:
    """Collects the columns of a table, piece by piece."""

    def __init__(self, names: Sequence[str], separator: str, as_texts: Collection[str]) -> None:
        self.lines = array("q")
        self._names = names
        self._separator = separator
        self._numbers: list[array[float] | None] = [
            None if name in as_texts else array("d") for name in names
        ]
        self._codes = [array("i") for _ in names]
        self._texts: list[dict[str, int]] = [{} for _ in names]

    def take(self, piece: Sequence[tuple[int, list[str]]]) -> None:
        """Add rows, each with its line."""
        first = not self.lines
        lines = [line for line, _ in piece]
        self.lines.extend(lines)
        for place, cells in enumerate(zip(*(row for _, row in piece), strict=True)):
            numbers = self._numbers[place]
            if numbers is not None and not self._take_numbers(place, numbers, lines, cells, first):
                self._numbers[place] = None
            if self._numbers[place] is None:
                self._take_texts(place, cells)

    def columns(self) -> tuple[Column, ...]:
        """Return the columns."""
        return tuple(
            Column(name, np.array(numbers, np.float64))
            if numbers is not None
            else Column(name, None, np.array(codes, np.int32), tuple(texts))
            for name, numbers, codes, texts in zip(
                self._names, self._numbers, self._codes, self._texts, strict=True
            )
        )

    def _take_numbers(
        self,
        place: int,
        numbers: "array[float]",
        lines: Sequence[int],
        cells: Sequence[str],
        first: bool,
    ) -> bool:
        """Add cells to a column of numbers; False where the first rows show that it has texts."""
        values = [self._value(cell) for cell in cells]
        wrong = [row for row, value in enumerate(values) if value is None]
        if wrong and first and len(wrong) > _MISTAKES * len(cells):
            return False
        name = self._names[place]
        if wrong:
            raise FileError(
                f"Line {lines[wrong[0]]}, column {place + 1} ({shown(name)}): "
                f"{shown(cells[wrong[0]])} is not a number, and the column's others are. Correct "
                f"it, or name {shown(name)} in categorical or leave_out.",
                "categorical",
            )
        for row, value in enumerate(values):
            if value is not None and abs(value) > LARGEST_NUMBER:
                raise FileError(
                    f"Line {lines[row]}, column {place + 1} ({shown(name)}): {shown(cells[row])} "
                    "is no finite number of single precision."
                )
        numbers.extend(values)  # type: ignore[arg-type]
        return True

    def _value(self, cell: str) -> float | None:
        value = _number(cell, self._separator)
        if value is None and cell.strip().lower() in MISSING:
            return math.nan
        return value

    def _take_texts(self, place: int, cells: Iterable[str]) -> None:
        texts, codes = self._texts[place], self._codes[place]
        for cell in cells:
            text = cell.strip()
            missing = text.lower() in MISSING
            codes.append(-1 if missing else texts.setdefault(text, len(texts)))
