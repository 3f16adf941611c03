"""A zip of images in a folder per class: PNG and JPEG, sized up before they are decoded."""

import io
import re
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.datasets import archives
from service.datasets.images import Images
from service.datasets.meaning import FileLimits, FileMeaning
from service.datasets.problems import FileError, TooLargeError, shown

SUFFIXES = {".png", ".jpg", ".jpeg"}
_FORMATS = ["PNG", "JPEG"]
_GREY = {"1", "L", "I;16", "I", "LA"}
_TRAIN, _TEST = {"train", "training"}, {"test", "testing"}


@dataclass(frozen=True)
class _Place:
    """Where an image is: its class, its name, whether it is of the test part."""

    info: zipfile.ZipInfo
    label: str
    test: bool | None

    @property
    def order(self) -> tuple[list[str | int], str, str]:
        """Images go by the numbers in their names, then by class: as a table lists them."""
        name = PurePosixPath(self.info.filename).stem
        parts = re.split(r"(\d+)", name)
        return [int(part) if part.isdigit() else part for part in parts], name, self.label


def read_image_archive(path: Path, meaning: FileMeaning, limits: FileLimits) -> Images:
    """Return the images of a zip in the order of their names; the folder of each is its class.

    All grey images stay grey; beside a colour image they become colour. Transparency is dropped.

    Raises:
        FileError: a file is no image, or the images have different sizes and none is told.
        TooLargeError: there are too many, or one has too many pixels.
    """
    with archives.opened(path, limits) as archive:
        places = sorted(_places(archives.members(archive)), key=lambda place: place.order)
        if len(places) > limits.max_upload_rows:
            raise TooLargeError(
                f"The zip file has {len(places):,} images, over the limit max_upload_rows = "
                f"{limits.max_upload_rows:,}."
            )
        sizes, grey = _sized_up(archive, places, limits)
        shape = _shape(meaning, limits, sizes, grey)
        pixels = np.empty((len(places), *shape), np.uint8)
        for number, place in enumerate(places):
            pixels[number] = _decoded(archives.content(archive, place.info), place, shape)
    parts = {place.test for place in places}
    if None in parts and len(parts) > 1:
        raise FileError("Some folders are below train/ or test/, and others are not.")
    test = None if parts == {None} else np.array([bool(place.test) for place in places])
    return Images(pixels, [place.label for place in places], test)


def _places(infos: Sequence[zipfile.ZipInfo]) -> list[_Place]:
    """Return where each image is; one folder around all others is passed over."""
    paths = [PurePosixPath(info.filename).parts for info in infos]
    around = {parts[0] for parts in paths}
    if len(around) == 1 and all(len(parts) > 2 for parts in paths):
        paths = [parts[1:] for parts in paths]
    return [_place(info, parts) for info, parts in zip(infos, paths, strict=True)]


def _place(info: zipfile.ZipInfo, parts: Sequence[str]) -> _Place:
    test: bool | None = None
    if len(parts) > 2 and parts[0].lower() in _TRAIN | _TEST:
        test, parts = parts[0].lower() in _TEST, parts[1:]
    if len(parts) != 2:
        raise FileError(
            f"{shown(info.filename)} is in no folder of a class: an archive of images has paths "
            "such as cat/001.png, or train/cat/001.png and test/cat/002.png."
        )
    if PurePosixPath(info.filename).suffix.lower() not in SUFFIXES:
        raise FileError(f"{shown(info.filename)} is neither PNG nor JPEG.")
    return _Place(info, parts[0].strip()[:200], test)


def _sized_up(
    archive: zipfile.ZipFile, places: Sequence[_Place], limits: FileLimits
) -> tuple[Counter[tuple[int, int]], bool]:
    """Return how often each size (height, width) occurs, and whether all images are grey."""
    sizes: Counter[tuple[int, int]] = Counter()
    grey = True
    for place in places:
        image = _opened(archives.content(archive, place.info), place)
        width, height = image.size
        if width * height > limits.max_upload_pixels:
            raise TooLargeError(
                f"{shown(place.info.filename)} has {width:,} x {height:,} pixels, over the limit "
                f"max_upload_pixels = {limits.max_upload_pixels:,}."
            )
        sizes[height, width] += 1
        grey = grey and image.mode in _GREY
    return sizes, grey


def _shape(
    meaning: FileMeaning, limits: FileLimits, sizes: Counter[tuple[int, int]], grey: bool
) -> tuple[int, int, int]:
    channels = 1 if grey else 3
    if meaning.shape is not None:
        told, height, width = meaning.shape
        if told not in {0, 1, 3} or not 0 < height * width <= limits.max_upload_pixels:
            raise FileError(
                f"Images have 1 or 3 channels and 1 to {limits.max_upload_pixels:,} pixels "
                f"(max_upload_pixels), and image_shape is {meaning.image_shape}.",
                "image_shape",
            )
        return (told or channels, height, width)
    if len(sizes) > 1:
        (common, _), *_ = sizes.most_common(1)
        listed = sizes.most_common(4)
        found = ", ".join(f"{height}x{width} ({count})" for (height, width), count in listed)
        raise FileError(
            f"The images have different sizes: {found}. Say image_shape={common[0]}x{common[1]} to "
            "bring them to one.",
            "image_shape",
        )
    ((height, width),) = sizes
    return (channels, height, width)


def _opened(raw: bytes, place: _Place) -> Any:
    from PIL import Image  # noqa: PLC0415 - files of other formats need none

    Image.MAX_IMAGE_PIXELS = None  # ours is checked by the header, before anything is decoded
    try:
        return Image.open(io.BytesIO(raw), formats=_FORMATS)
    except MemoryError:
        raise
    except Exception as error:
        raise FileError(f"{shown(place.info.filename)} is no PNG or JPEG: {error}.") from None


def _decoded(raw: bytes, place: _Place, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the pixels of an image, (channels, height, width)."""
    channels, height, width = shape
    image = _opened(raw, place)
    try:
        if image.mode in {"I;16", "I"}:  # 16 bits of grey: the upper eight
            grey = (np.asarray(image, dtype=np.int64) >> 8).clip(0, 255).astype(np.uint8)
            image = _from_array(grey)
        image = image.convert("L" if channels == 1 else "RGB")
        if image.size != (width, height):
            image = image.resize((width, height))
        pixels = np.asarray(image, np.uint8)
    except MemoryError:
        raise
    except Exception as error:
        raise FileError(f"{shown(place.info.filename)} cannot be decoded: {error}.") from None
    return pixels[np.newaxis] if channels == 1 else pixels.transpose(2, 0, 1)


def _from_array(pixels: NDArray[np.uint8]) -> Any:
    from PIL import Image  # noqa: PLC0415

    return Image.fromarray(pixels)
