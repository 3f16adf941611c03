"""Writing an HDF5 file batch by batch, in bounded memory.

HDF5 is written back and forth, so the file is made on disk and sent once it is whole.
"""

import io
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.weights.storage import check_space

if TYPE_CHECKING:
    import h5py

#: Rows that HDF5 keeps together.
_CHUNK_ROWS = 512
_PIECE_BYTES = 2**18

#: Numpy's type for each of pyarrow's, and what stands for a value that was not recorded.
_TYPES: Mapping[str, tuple[str, Any]] = {
    "int32": ("i4", 0),
    "int64": ("i8", 0),
    "double": ("f8", math.nan),
    "bool": ("?", False),
}


@dataclass(frozen=True)
class Hdf5Group:
    """Some rows of a group.

    Attributes:
        name: of the group; rows of a name that was there before are added to it.
        attributes: of the group.
        rows: by column.
        histograms: by the name of what they are of, one for each row: edges and counts.
        series: by name, numbers of one length for each row, or None; rows of a group that came
            without are like None.
    """

    name: str
    attributes: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]
    histograms: Mapping[str, Sequence[Mapping[str, Any]]]
    series: Mapping[str, Sequence[Sequence[float] | None]]


def write_hdf5(
    pieces: Iterator[Hdf5Group], types: Mapping[str, str], folder: Path
) -> Iterator[bytes]:
    """Make one HDF5 file, and return its bytes, piece by piece.

    Args:
        pieces: rows of its groups.
        types: pyarrow's name of each column's type.
        folder: has the file, without a name, until its last byte is read or nobody asks for more.

    Raises:
        OSError: the folder cannot be written, or too little space is left on its disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - read later
    try:
        _write(_Kept(file), _with_space(pieces, folder), types)
    except BaseException:
        file.close()
        raise
    return _read(file)


def _with_space(pieces: Iterator[Hdf5Group], folder: Path) -> Iterator[Hdf5Group]:
    """Yield all pieces; raise ``OSError`` before one for which a disk has too little space."""
    for piece in pieces:
        check_space(folder, 0)
        yield piece


class _Kept:
    """A file for HDF5 that remembers why a write failed, for HDF5 must not hear of it.

    An error inside the calls of its library ends in a crash of the whole process.
    """

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.error: OSError | None = None
        self.seek, self.tell = file.seek, file.tell
        self.read, self.readinto = file.read, file.readinto

    def write(self, content: memoryview) -> int:
        """Write all of it, if that is possible."""
        rest = content
        with self._remembering():
            while rest:
                rest = rest[self._file.write(rest) :]
        return len(content)

    def truncate(self, size: int) -> int:
        """Set the size, if that is possible."""
        with self._remembering():
            self._file.truncate(size)
        return size

    def flush(self) -> None:
        """Do nothing: there is no buffer."""

    @contextmanager
    def _remembering(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = self.error or error


def _read(file: io.FileIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while content := file.read(_PIECE_BYTES):
            yield content


def _write(file: _Kept, pieces: Iterator[Hdf5Group], types: Mapping[str, str]) -> None:
    """Write all pieces.

    Raises:
        OSError: a write failed; HDF5's own complaints about what was lost are left out.
    """
    import h5py  # noqa: PLC0415 - takes a tenth of a second to import

    series: dict[str, set[str]] = {}  # of each group, the names that came so far
    try:
        # The latest format keeps no times, so that the same rows give the same bytes.
        with h5py.File(file, "w", libver="latest") as written:
            for piece in pieces:
                _add(written, piece, types, series.setdefault(piece.name, set()))
                if file.error is not None:
                    break
    except Exception:
        if file.error is None:
            raise
    if file.error is not None:
        raise file.error


def _add(
    written: "h5py.File", piece: Hdf5Group, types: Mapping[str, str], series: set[str]
) -> None:
    """Add the rows of a piece to its group; ``series`` are the names that it had so far."""
    group = written.require_group(piece.name)
    group.attrs.update(piece.attributes)
    _append_rows(group, piece.rows, types)
    for name, histograms in piece.histograms.items():
        _append_histograms(group, name, histograms)
    series.update(piece.series)
    for name in sorted(series):
        nothing: list[None] = [None] * len(piece.rows)
        rows = piece.series.get(name, nothing)
        _append_series(group, name, rows, len(group[next(iter(types))]))


def _append_rows(
    group: "h5py.Group", rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]
) -> None:
    for name, kind in types.items():
        values = [row[name] for row in rows]
        if kind == "string":
            _append(group, name, [value or "" for value in values], "string")
        else:
            numpy_type, missing = _TYPES[kind]
            # Numbers that are not finite are stored as words.
            numbers = [missing if value is None else value for value in values]
            _append(
                group, name, [float(v) if isinstance(v, str) else v for v in numbers], numpy_type
            )


def _append_histograms(
    group: "h5py.Group", name: str, histograms: Sequence[Mapping[str, Any]]
) -> None:
    """Add counts and outer edges; a layer without finite values has zeros and NaN."""
    dataset = f"{name}_histogram"
    known = group[dataset].shape[1] if dataset in group else 0
    bins = known or max(len(histogram["counts"]) for histogram in histograms) or 1
    counts = [histogram["counts"] or [0] * bins for histogram in histograms]
    _append(group, dataset, counts, "i8", bins)
    for suffix, at in (("low", 0), ("high", -1)):
        edges = [histogram["edges"] for histogram in histograms]
        _append(group, f"{dataset}_{suffix}", [e[at] if e else math.nan for e in edges], "f8")


def _append_series(
    group: "h5py.Group", name: str, series: Sequence[Sequence[float] | None], rows: int
) -> None:
    """Add the last of so many rows of numbers; a row without any, now or before, is NaN."""
    found = group.get(name)
    written = 0 if found is None else len(found)
    length = next((len(row) for row in series if row is not None), 0) or found.shape[1]
    missing = [math.nan] * length
    skipped = [missing] * (rows - len(series) - written)
    _append(group, name, [*skipped, *(row or missing for row in series)], "f8", length)


def _append(
    group: "h5py.Group", name: str, values: Sequence[Any], kind: str, columns: int | None = None
) -> None:
    """Add values to the end of a dataset, which is made with its first ones."""
    import h5py  # noqa: PLC0415
    import numpy as np  # noqa: PLC0415

    width = () if columns is None else (columns,)
    if name not in group:
        group.create_dataset(
            name,
            shape=(0, *width),
            maxshape=(None, *width),
            chunks=(_CHUNK_ROWS, *width),
            dtype=h5py.string_dtype() if kind == "string" else np.dtype(kind),
            compression="gzip",
            compression_opts=1,
        )
    dataset = group[name]
    before = len(dataset)
    dataset.resize(before + len(values), axis=0)
    dataset[before:] = values
