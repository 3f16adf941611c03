"""Zip and gzip files: names, sizes and encryption are looked at before anything is unpacked."""

import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from service.datasets.meaning import FileLimits
from service.datasets.problems import FileError, TooLargeError, shown

#: What may be in an archive beside the data: folders of macOS, hidden files, notes.
_PASSED_OVER = {".txt", ".md", ".json"}
_ENCRYPTED = 0x1
#: Unpacked content may be this many times the limit of the upload: pixels are packed in PNG.
_UNPACKED_TIMES = 5
#: Bytes that are unpacked at a time.
_PIECE_BYTES = 1 << 20


@contextmanager
def opened(path: Path, limits: FileLimits) -> Iterator[zipfile.ZipFile]:
    """Open a zip file whose names and sizes are harmless.

    Raises:
        FileError: it is damaged, encrypted, or has a path that leaves it.
        TooLargeError: it would unpack to too much.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check(archive, limits)
            yield archive
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zipfile.LargeZipFile) as error:
        raise FileError(f"The zip file cannot be read: {str(error)[:200]}.") from None


def members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of an archive that are data."""
    return [
        info
        for info in archive.infolist()
        if not info.is_dir()
        and not any(part.startswith((".", "__MACOSX")) for part in info.filename.split("/"))
        and PurePosixPath(info.filename).suffix.lower() not in _PASSED_OVER
    ]


def content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return a file of an archive.

    Raises:
        FileError: it is damaged, or longer than the archive says.
    """
    try:
        with archive.open(info) as file:
            read = file.read(info.file_size + 1)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError, ValueError) as error:
        raise FileError(f"{shown(info.filename)} cannot be unpacked: {error}.") from None
    except MemoryError:
        raise
    except Exception as error:  # zlib, bz2 and lzma have errors of their own
        raise FileError(f"{shown(info.filename)} is damaged: {error}.") from None
    if len(read) != info.file_size:
        raise FileError(f"{shown(info.filename)} is not as long as the archive says.")
    return read


def unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path, name: str) -> Path:
    """Unpack a file of an archive under a name of ours."""
    path = folder / name
    path.write_bytes(content(archive, info))
    return path


def inflated(gzipped: Iterable[bytes], name: str, limits: FileLimits) -> Iterator[bytes]:
    """Yield the content of a gzipped file, piece by piece.

    Args:
        gzipped: the file, piece by piece.
        name: of the file, for errors.
        limits: of an upload.

    Raises:
        FileError: it is damaged, or ends too soon.
        TooLargeError: it unpacks to too much.
    """
    inflating = zlib.decompressobj(wbits=31)
    left = _UNPACKED_TIMES * limits.max_upload_bytes
    try:
        for piece in gzipped:
            rest = piece
            while rest:
                content = inflating.decompress(rest, _PIECE_BYTES)
                rest = inflating.unconsumed_tail
                left -= len(content)
                if left < 0:
                    raise TooLargeError(
                        f"{name} unpacks to more than {_UNPACKED_TIMES} times the limit "
                        f"max_upload_bytes = {limits.max_upload_bytes:,}."
                    )
                yield content
    except zlib.error as error:
        raise FileError(f"{name} is damaged: {error}.") from None
    if not inflating.eof:
        raise FileError(f"{name} ends too soon.")


def _check(archive: zipfile.ZipFile, limits: FileLimits) -> None:
    infos = archive.infolist()
    if not infos:
        raise FileError("The zip file is empty.")
    if len(infos) > 2 * limits.max_upload_rows:
        raise TooLargeError(
            f"The zip file has {len(infos):,} files, and at most max_upload_rows = "
            f"{limits.max_upload_rows:,} can be data."
        )
    for info in infos:
        _check_name(info.filename)
        if info.flag_bits & _ENCRYPTED:
            raise FileError(f"{shown(info.filename)} is encrypted.")
    total = sum(info.file_size for info in infos)
    if total > _UNPACKED_TIMES * limits.max_upload_bytes:
        raise TooLargeError(
            f"The zip file unpacks to {total:,} bytes, over {_UNPACKED_TIMES} times the limit "
            f"max_upload_bytes = {limits.max_upload_bytes:,}."
        )


def _check_name(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name or "\x00" in name:
        raise FileError(f"The path {shown(name)} leaves the archive; no file of it was read.")
