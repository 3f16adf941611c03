"""IDX, the format of MNIST's files (LeCun et al. 1998), in one zip, gzipped or not."""

import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from service.datasets import archives
from service.datasets.images import Images, channels_first
from service.datasets.meaning import FileLimits, FileMeaning
from service.datasets.problems import FileError, TooLargeError, shown

_BYTES = 0x08
_TEST = ("t10k", "test")
_PIECE_BYTES = 1 << 20


def is_idx(name: str) -> bool:
    """Whether a file is one of a data set in IDX, by its name."""
    stem = PurePosixPath(name).name.lower().removesuffix(".gz")
    return "idx" in stem or stem.endswith("ubyte")


def read_idx_archive(path: Path, _meaning: FileMeaning, limits: FileLimits) -> Images:
    """Return the images of two files, images and labels, or of four, two of them for the test.

    Raises:
        FileError: a file is missing or is not IDX of bytes.
        TooLargeError: there are too many images, or too large ones.
    """
    with archives.opened(path, limits) as archive:
        files = _by_role(archives.members(archive))
        arrays = {role: _values(archive, info, limits) for role, info in files.items()}
    pixels = [_images(arrays[role, "images"], limits) for role in _parts(arrays)]
    labels = [arrays[role, "labels"] for role in _parts(arrays)]
    for some, names in zip(pixels, labels, strict=True):
        if names.ndim != 1 or len(some) != len(names):
            raise FileError(f"There are {len(some):,} images and {names.size:,} labels.")
    if len({some.shape[1:] for some in pixels}) > 1:
        raise FileError("The images for training and for the test have different sizes.")
    test = np.concatenate([np.full(len(some), part) for part, some in enumerate(pixels)])
    return Images(
        np.concatenate(pixels),
        [str(label) for label in np.concatenate(labels)],
        test.astype(bool) if len(pixels) > 1 else None,
    )


def _by_role(infos: list[zipfile.ZipInfo]) -> dict[tuple[str, str], zipfile.ZipInfo]:
    found: dict[tuple[str, str], zipfile.ZipInfo] = {}
    for info in infos:
        name = PurePosixPath(info.filename).name.lower()
        role = "test" if name.startswith(_TEST) else "train"
        what = "labels" if "label" in name else "images"
        if (role, what) in found:
            raise FileError(
                f"{shown(info.filename)} and {shown(found[role, what].filename)} are both the "
                f"{what} for {role}."
            )
        found[role, what] = info
    missing = [
        f"{what} for {role}"
        for role in ("train", *({"test"} & {role for role, _ in found}))
        for what in ("images", "labels")
        if (role, what) not in found
    ]
    if missing:
        raise FileError(
            f"The archive lacks the {' and the '.join(missing)}: names such as "
            "train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz say which is which."
        )
    return found


def _parts(arrays: Mapping[tuple[str, str], object]) -> list[str]:
    return [role for role in ("train", "test") if (role, "images") in arrays]


def _values(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: FileLimits
) -> NDArray[np.uint8]:
    raw, name = archives.content(archive, info), shown(info.filename)
    if raw.startswith(b"\x1f\x8b"):
        pieces = (raw[at : at + _PIECE_BYTES] for at in range(0, len(raw), _PIECE_BYTES))
        raw = b"".join(archives.inflated(pieces, name, limits))
    if len(raw) < 4 or raw[:2] != b"\x00\x00" or raw[2] != _BYTES or not 1 <= raw[3] <= 4:
        raise FileError(f"{name} is no IDX file of bytes.")
    dimensions, start = raw[3], 4 + 4 * raw[3]
    if len(raw) < start:
        raise FileError(f"{name} ends within its head.")
    shape = struct.unpack_from(f">{dimensions}I", raw, 4)
    size = math.prod(shape)
    if len(raw) - start != size:
        raise FileError(f"{name} has {len(raw) - start:,} bytes, and its head says {size:,}.")
    if shape[0] > limits.max_upload_rows:
        raise TooLargeError(
            f"{name} has {shape[0]:,} rows, over the limit max_upload_rows = "
            f"{limits.max_upload_rows:,}."
        )
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _images(values: NDArray[np.uint8], limits: FileLimits) -> NDArray[np.uint8]:
    if values.ndim not in {3, 4}:
        raise FileError(f"The images have {values.ndim} axes; they need three or four.")
    pixels = channels_first(values, "The images")
    if pixels.shape[2] * pixels.shape[3] > limits.max_upload_pixels:
        raise TooLargeError(
            f"An image has {pixels.shape[2]:,} x {pixels.shape[3]:,} pixels, over the limit "
            f"max_upload_pixels = {limits.max_upload_pixels:,}."
        )
    return pixels
