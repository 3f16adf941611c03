"""NPZ files of NumPy; arrays of objects, which would be unpickled, are refused."""

import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from service.datasets import archives
from service.datasets.csv_files import LARGEST_NUMBER
from service.datasets.images import Images, as_pixels, channels_first
from service.datasets.meaning import FileLimits, FileMeaning
from service.datasets.problems import FileError, TooLargeError, shown
from service.datasets.tables import MISSING, Column, Table, checked_names, number_text

_INPUTS = ("x", "X", "data", "inputs", "images", "features")
_TARGETS = ("y", "Y", "target", "targets", "labels", "label")
_LONGEST_HEADER = 10_000
_NUMBERS = "biuf"


def read_npz(path: Path, meaning: FileMeaning, limits: FileLimits) -> Table | Images:
    """Return what an NPZ has: inputs ``x`` and classes ``y``, or ``x_train`` ... ``y_test``.

    Inputs of two axes are a table, named by an array ``feature_names`` where there is one; of
    three or four axes, images.

    Raises:
        FileError: an array is missing, of another shape, or of objects.
        TooLargeError: there are too many rows, columns or pixels.
    """
    with archives.opened(path, limits) as archive:
        arrays = {
            info.filename.removesuffix(".npy"): _array(archive, info, limits)
            for info in archives.members(archive)
        }
    split = "x_train" in arrays or "X_train" in arrays
    if split:
        names = [_found(arrays, (f"x_{part}", f"X_{part}")) for part in ("train", "test")]
        targets = [_found(arrays, (f"y_{part}", f"Y_{part}")) for part in ("train", "test")]
    else:
        names = [_found(arrays, _INPUTS)]
        targets = [_found(arrays, (meaning.target, *_TARGETS) if meaning.target else _TARGETS)]
    test = np.concatenate([np.full(len(arrays[name]), part) for part, name in enumerate(names)])
    inputs = _together([arrays[name] for name in names], names)
    labels = _together([arrays[name].reshape(-1) for name in targets], targets)
    if len(inputs) != len(labels):
        raise FileError(
            f"There are {len(inputs):,} inputs and {len(labels):,} targets: each input needs one."
        )
    parts = test.astype(bool) if split else None
    if inputs.ndim == 2:
        return _table(arrays, inputs, _target(targets[0], labels), parts, limits)
    pixels = _pixels(inputs, names[0], limits)
    return Images(pixels, [_class_name(label) for label in labels], parts)


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: FileLimits) -> NDArray[Any]:
    """Return an array; its header is read first, so that it cannot claim more than there is."""
    name = shown(info.filename)
    try:
        with archive.open(info) as file:
            _check_header(file, name, info.file_size, limits)
        with archive.open(info) as file:
            return np.lib.format.read_array(
                file, allow_pickle=False, max_header_size=_LONGEST_HEADER
            )
    except (FileError, MemoryError):
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise FileError(f"The array {name} cannot be read: {reason}.") from None


def _check_header(file: IO[bytes], name: str, stored: int, limits: FileLimits) -> None:
    first = np.lib.format.read_magic(file) == (1, 0)
    read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file, max_header_size=_LONGEST_HEADER)
    if dtype.hasobject:
        raise FileError(
            f"The array {name} has Python objects, which would have to be unpickled. Save numbers, "
            "or texts as dtype 'U'."
        )
    if dtype.kind not in _NUMBERS and dtype.kind not in "US":
        raise FileError(f"The array {name} has values of the type {dtype}.")
    if shape and shape[0] > limits.max_upload_rows:
        raise TooLargeError(
            f"The array {name} has {shape[0]:,} rows, over the limit max_upload_rows = "
            f"{limits.max_upload_rows:,}."
        )
    if dtype.itemsize * math.prod(shape) > stored:
        raise FileError(f"The array {name} says that it is larger than it is.")


def _found(arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> str:
    for name in names:
        if name in arrays:
            return name
    have = ", ".join(map(shown, list(arrays)[:10])) or "none"
    raise FileError(
        f"The file needs an array named {' or '.join(names)}; it has {have}. np.savez(path, x=..., "
        "y=...) writes such a file, or x_train, y_train, x_test and y_test."
    )


def _together(arrays: Sequence[NDArray[Any]], names: Sequence[str]) -> NDArray[Any]:
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        raise FileError(f"The arrays {' and '.join(names)} have rows of different shapes.")
    return np.concatenate(arrays) if len(arrays) > 1 else arrays[0]


def _table(
    arrays: Mapping[str, NDArray[Any]],
    inputs: NDArray[Any],
    target: Column,
    test: NDArray[np.bool_] | None,
    limits: FileLimits,
) -> Table:
    if inputs.dtype.kind not in _NUMBERS:
        raise FileError("The inputs of an NPZ are numbers; tables with texts can be CSV.")
    written = arrays.get("feature_names")
    count = inputs.shape[1]
    if written is not None and written.shape == (count,):
        names = [_text(name) for name in written]
    else:
        names = [f"x{number}" for number in range(1, count + 1)]
    names = list(checked_names(names, limits.max_upload_columns))
    if target.name in names:
        raise FileError(f"The target and an input are both named {shown(target.name)}.")
    numbers = inputs.astype(np.float64)
    beyond = np.argwhere(np.abs(numbers) > LARGEST_NUMBER)
    if len(beyond):
        row, column = beyond[0]
        raise FileError(
            f"Row {row + 1}, column {column + 1} of the inputs is no finite number of single "
            "precision."
        )
    columns = [
        Column(name, np.ascontiguousarray(numbers[:, place])) for place, name in enumerate(names)
    ]
    return Table((*columns, target), None, {"target": target.name}, test)


def _target(name: str, labels: NDArray[Any]) -> Column:
    if labels.dtype.kind in "iuf":
        return Column(name, labels.astype(np.float64))
    texts: dict[str, int] = {}
    codes = np.full(len(labels), -1, np.int32)
    for row, label in enumerate(labels):
        text = _text(label).strip()
        if text.lower() not in MISSING:
            codes[row] = texts.setdefault(text, len(texts))
    return Column(name, None, codes, tuple(texts))


def _pixels(inputs: NDArray[Any], name: str, limits: FileLimits) -> NDArray[np.uint8]:
    if inputs.ndim not in {3, 4}:
        raise FileError(
            f"The array {shown(name)} has {inputs.ndim} axes: a table has two, images have three "
            "or four."
        )
    pixels = channels_first(as_pixels(inputs, f"The values of {shown(name)}"), "The images")
    _, _, height, width = pixels.shape
    if height * width > limits.max_upload_pixels:
        raise TooLargeError(
            f"An image has {height:,} x {width:,} pixels, over the limit max_upload_pixels = "
            f"{limits.max_upload_pixels:,}."
        )
    return pixels


def _class_name(label: Any) -> str:
    return number_text(float(label)) if label.dtype.kind in "iuf" else _text(label)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
