"""Converting CSV lines to a Parquet file, piece by piece."""

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def write_parquet(batches: Iterator[bytes], types: Mapping[str, str]) -> Iterator[bytes]:
    """Yield one Parquet file, piece by piece, with a row group per batch.

    An empty field becomes null; ``NaN`` and ``Infinity`` become these floats.

    Args:
        batches: CSV lines without a header; an empty batch makes no row group.
        types: pyarrow's name of each column's type, in the order of the columns.
    """
    import pyarrow as pa  # noqa: PLC0415 - takes a quarter of a second to import
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in types.items()])
    sink = _Sink()
    with pq.ParquetWriter(sink, schema) as writer:
        for lines in batches:
            if lines:
                writer.write_table(_table(lines, schema))
                yield sink.take()
    yield sink.take()


def _table(lines: bytes, schema: "pa.Schema") -> Any:
    from pyarrow import csv  # noqa: PLC0415

    return csv.read_csv(
        io.BytesIO(lines),
        csv.ReadOptions(column_names=schema.names),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


class _Sink(io.RawIOBase):
    """A write-only file that keeps only what has not been taken yet."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._written += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._written

    def take(self) -> bytes:
        """Return and forget the bytes written since the last call."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
