"""Parquet files, read row group by row group."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from service.datasets.csv_files import LARGEST_NUMBER
from service.datasets.meaning import FileLimits, FileMeaning
from service.datasets.problems import FileError, TooLargeError, shown
from service.datasets.tables import MISSING, Column, Table, checked_names

_INDEX = "__index_level_"


def read_parquet(path: Path, meaning: FileMeaning, limits: FileLimits) -> Table:
    """Return the table of a Parquet file; the index that pandas adds is left out.

    Raises:
        FileError: it cannot be read, or a column has values of another kind.
        TooLargeError: it has too many rows or columns.
    """
    import pyarrow as pa  # noqa: PLC0415 - takes a fifth of a second, and other files need none
    from pyarrow import parquet  # noqa: PLC0415

    try:
        file = parquet.ParquetFile(path, memory_map=False)
        rows = file.metadata.num_rows
        if rows > limits.max_upload_rows:
            raise TooLargeError(
                f"The file has {rows:,} rows, over the limit max_upload_rows = "
                f"{limits.max_upload_rows:,}."
            )
        fields = [field for field in file.schema_arrow if not field.name.startswith(_INDEX)]
        names = checked_names([field.name for field in fields], limits.max_upload_columns)
        for field in fields:
            _check_kind(field, pa)
        read = file.read([field.name for field in fields])
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"The Parquet file cannot be read: {_first_line(error)}.") from None
    as_texts = {*meaning.categorical, *meaning.leave_out}
    columns = tuple(
        _column(name, chunked, name in as_texts)
        for name, chunked in zip(names, read.columns, strict=True)
    )
    if not columns:
        raise FileError("The file has no columns.")
    return Table(columns, None, {})


def _check_kind(field: Any, pa: Any) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if not texts and not numbers and not pa.types.is_decimal(kind) and not pa.types.is_null(kind):
        raise FileError(
            f"Column {shown(field.name)} has values of the type {field.type}; columns are numbers, "
            "texts or booleans. Take it out, or write it as one of these."
        )


def _column(name: str, chunked: Any, as_texts: bool) -> Column:
    values = chunked.to_pylist() if _is_text(chunked) else None
    if values is not None:
        return _text_column(name, values)
    numbers = chunked.cast("float64").to_numpy(zero_copy_only=False).astype(np.float64)
    beyond = np.flatnonzero(np.abs(numbers) > LARGEST_NUMBER)
    if len(beyond):
        raise FileError(
            f"Row {beyond[0] + 1}, column {shown(name)}: {numbers[beyond[0]]} is no finite number "
            "of single precision."
        )
    column = Column(name, numbers)
    return column.as_texts() if as_texts else column


def _is_text(chunked: Any) -> bool:
    import pyarrow as pa  # noqa: PLC0415

    kind = chunked.type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind)
    )


def _text_column(name: str, values: list[Any]) -> Column:
    texts: dict[str, int] = {}
    codes = np.full(len(values), -1, np.int32)
    for row, value in enumerate(values):
        # str: pandas writes booleans into a CSV as True and False.
        text = "" if value is None else str(value).strip()
        if isinstance(value, float) and math.isnan(value):
            text = ""
        if text.lower() not in MISSING:
            codes[row] = texts.setdefault(text, len(texts))
    return Column(name, None, codes, tuple(texts))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
