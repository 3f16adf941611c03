"""Parsing: from a file of any format to the canonical file. It runs in a process of its own."""

import zipfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from service.datasets import archives
from service.datasets.csv_files import read_csv
from service.datasets.idx_files import is_idx, read_idx_archive
from service.datasets.image_archives import SUFFIXES, read_image_archive
from service.datasets.images import Images
from service.datasets.meaning import FileLimits, FileMeaning
from service.datasets.npz_files import read_npz
from service.datasets.parquet_files import read_parquet
from service.datasets.problems import FileError
from service.datasets.tables import Table, joined
from service.datasets.understanding import understand_images, understand_table
from service.datasets.understood import Understood

_ZIP, _GZIP, _PARQUET = b"PK\x03\x04", b"\x1f\x8b", b"PAR1"
_IDX = b"\x00\x00\x08"
_TABLES = {".csv": read_csv, ".tsv": read_csv, ".data": read_csv, ".parquet": read_parquet}
_PIECE_BYTES = 1 << 20


def parse(path: Path, meaning: FileMeaning, limits: FileLimits, output: Path) -> Understood:
    """Write a file's data set in the canonical form, and return what was understood.

    The format is told by the file's first bytes. A zip has images in a folder per class, the files
    of IDX, arrays of NumPy (NPZ), one table, or two tables named train and test.

    Raises:
        FileError: the file cannot become a data set.
    """
    with TemporaryDirectory(dir=output.parent) as scratch:
        found, kind = _read(path, meaning, limits, Path(scratch))
    if isinstance(found, Table):
        data, understood = understand_table(found, meaning, kind)
    else:
        data, understood = understand_images(found, meaning, kind)
    return understood.model_copy(update={"sha256": data.write(output)})


def _read(
    path: Path, meaning: FileMeaning, limits: FileLimits, scratch: Path
) -> tuple[Table | Images, str]:
    head = _head(path)
    if not head:
        raise FileError("The file is empty.")
    if head.startswith(_GZIP):
        path = _inflated(path, scratch / "inflated", limits)
        head = _head(path)
    if head.startswith(_ZIP) or (head.startswith(b"PK") and zipfile.is_zipfile(path)):
        return _read_archive(path, meaning, limits, scratch)
    if head.startswith(_PARQUET):
        return read_parquet(path, meaning, limits), "parquet"
    if head.startswith(_IDX):
        raise FileError(
            "This is one file of IDX: a data set has two, images and labels. Put them into one "
            "zip, four where there are test images."
        )
    return read_csv(path, meaning, limits), "csv"


def _read_archive(
    path: Path, meaning: FileMeaning, limits: FileLimits, scratch: Path
) -> tuple[Table | Images, str]:
    with archives.opened(path, limits) as archive:
        infos = archives.members(archive)
        names = [info.filename for info in infos]
        suffixes = {PurePosixPath(name).suffix.lower() for name in names}
        if suffixes and suffixes <= set(_TABLES):
            return _read_tables(archive, infos, meaning, limits, scratch)
    if names and suffixes == {".npy"}:
        return read_npz(path, meaning, limits), "npz"
    if names and all(map(is_idx, names)):
        return read_idx_archive(path, meaning, limits), "idx"
    if suffixes & SUFFIXES:
        return read_image_archive(path, meaning, limits), "images"
    raise FileError(
        "The zip file has none of what a data set can be: images in a folder per class, files of "
        "IDX, one table (CSV, Parquet), or two tables named train and test."
    )


def _read_tables(
    archive: zipfile.ZipFile,
    infos: list[zipfile.ZipInfo],
    meaning: FileMeaning,
    limits: FileLimits,
    scratch: Path,
) -> tuple[Table, str]:
    by_stem = {PurePosixPath(info.filename).stem.lower(): info for info in infos}
    if len(infos) > 1 and (len(infos) > 2 or set(by_stem) != {"train", "test"}):
        raise FileError(
            f"The zip file has {len(infos)} tables: it can have one, or two named train and test."
        )
    names = ["train", "test"] if len(infos) == 2 else list(by_stem)
    tables, kinds = [], []
    for number, name in enumerate(names):
        suffix = PurePosixPath(by_stem[name].filename).suffix.lower()
        unpacked = archives.unpacked(archive, by_stem[name], scratch, f"table_{number}")
        tables.append(_TABLES[suffix](unpacked, meaning, limits))
        kinds.append("parquet" if suffix == ".parquet" else "csv")
    return (joined(*tables) if len(tables) == 2 else tables[0]), kinds[0]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _inflated(path: Path, to: Path, limits: FileLimits) -> Path:
    """Unpack a gzipped file, up to the limit of an upload."""
    with path.open("rb") as source, to.open("wb") as target:
        pieces = iter(lambda: source.read(_PIECE_BYTES), b"")
        target.writelines(archives.inflated(pieces, "The gzipped file", limits))
    return to
