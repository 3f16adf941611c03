"""The canonical form: one file per data set, whose sha256 is its name, whatever it came from.

Eight bytes that say what it is, four with the length of the head, the head as JSON with sorted
keys, then the arrays one after another, little-endian and in C order: inputs for training, inputs
for the test, targets for training, targets for the test. Targets are int64, the numbers of classes;
where the head has no classes they are float64, the numbers to be predicted. Inputs are uint8 for
images and float64 for tables (single precision would lose digits that the preprocessing still
needs). Names of columns and the format of the upload are not part of it; the names of the classes
are.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAGIC = b"ACTDATA1"
_LONGEST_HEAD = 10_000_000
_INPUTS: dict[str, np.dtype[Any]] = {"uint8": np.dtype("u1"), "float64": np.dtype("<f8")}
_CLASSES: np.dtype[Any] = np.dtype("<i8")
_NUMBERS: np.dtype[Any] = np.dtype("<f8")


class CanonicalFileError(Exception):
    """A file is not in the canonical form, or not the one that was asked for."""


@dataclass(frozen=True)
class CanonicalData:
    """A data set as it is stored.

    Attributes:
        classes: the names of the classes; a target is an index of them. Empty where targets are
            numbers.
        train_inputs: uint8 (samples, channels, height, width) of images, float64 (samples,
            features) of a table.
        train_targets: int64 or float64 (samples,).
        test_inputs: as train_inputs.
        test_targets: as train_targets.
    """

    classes: tuple[str, ...]
    train_inputs: NDArray[Any]
    train_targets: NDArray[Any]
    test_inputs: NDArray[Any]
    test_targets: NDArray[Any]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self.train_inputs.shape[1:]

    def write(self, path: Path) -> str:
        """Write the file and return its sha256 in hex."""
        head = {
            "classes": self.classes,
            "inputs": "uint8" if self.train_inputs.dtype == np.uint8 else "float64",
            "input_shape": self.input_shape,
            "test": len(self.test_inputs),
            "train": len(self.train_inputs),
        }
        text = json.dumps(head, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        parts: list[bytes | memoryview] = [_MAGIC, len(text).to_bytes(4, "little"), text]
        digest = hashlib.sha256()
        with path.open("wb") as file:
            for part in (*parts, *self._arrays()):
                digest.update(part)
                file.write(part)
        return digest.hexdigest()

    def _arrays(self) -> list[memoryview]:
        inputs = _INPUTS["uint8" if self.train_inputs.dtype == np.uint8 else "float64"]
        targets = _CLASSES if self.classes else _NUMBERS
        kinds = (inputs, inputs, targets, targets)
        arrays = (self.train_inputs, self.test_inputs, self.train_targets, self.test_targets)
        return [
            np.ascontiguousarray(array, kind).data.cast("B")
            for array, kind in zip(arrays, kinds, strict=True)
            if array.size
        ]


def read(path: Path) -> CanonicalData:
    """Return the data set of a file.

    Raises:
        CanonicalFileError: it is not in the canonical form.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(8) != _MAGIC:
            raise CanonicalFileError("It does not begin as a data set does.")
        length = int.from_bytes(file.read(4), "little")
        if length > _LONGEST_HEAD:
            raise CanonicalFileError("Its head is too long.")
        try:
            head = json.loads(file.read(length))
            inputs, shape = _INPUTS[head["inputs"]], tuple(head["input_shape"])
            counts = head["train"], head["test"]
            classes = tuple(head["classes"])
        except (ValueError, KeyError, TypeError) as error:
            raise CanonicalFileError("Its head cannot be read.") from error
        wanted = [(inputs, (count, *shape)) for count in counts]
        wanted += [(_CLASSES if classes else _NUMBERS, (count,)) for count in counts]
        arrays = []
        for kind, size in wanted:
            values = np.fromfile(file, kind, math.prod(size))
            if values.size != math.prod(size):
                raise CanonicalFileError("It ends too soon.")
            arrays.append(values.reshape(size))
    return CanonicalData(classes, arrays[0], arrays[2], arrays[1], arrays[3])


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
