"""Inputs that a client sends for predictions, as an array in the units of the data set."""

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.datasets.rows import RowEncoder
from service.datasets.understood import Understood
from service.errors import InvalidError
from service.fields import FieldError, Location
from service.json_numbers import is_number
from service.specs.choices import Choice
from service.specs.resolution import facts, stored_shape

#: Most inputs of one request.
MOST_INPUTS = 1_000
#: Errors after which no further input is looked at.
_MOST_ERRORS = 50
#: Networks compute in single precision.
_LARGEST = float(np.finfo(np.float32).max)

_FIELD = "inputs"


def read_inputs(
    inputs: Sequence[Any], dataset: Choice, understood: Understood | None
) -> NDArray[np.float64]:
    """Return the inputs of a request, (samples, *shape of a stored sample).

    Args:
        inputs: each a list of numbers, nested as the shape of a sample, or an object with the
            values of an uploaded table by column.
        dataset: of the run's configuration.
        understood: of the uploaded data set; None of another one, or of one that was deleted.

    Raises:
        InvalidError: an input cannot be used; the errors say which, where and why.
    """
    reader = _InputReader(dataset, understood)
    errors: list[FieldError] = []
    rows: list[Any] = []
    for number, sample in enumerate(inputs):
        row, found = reader.read(sample, (_FIELD, number))
        errors += found
        rows.append(row)
        if len(errors) >= _MOST_ERRORS:
            break
    if errors:
        raise InvalidError("The inputs cannot be used.", errors=errors)
    shape = (len(rows), *stored_shape(dataset))
    return np.array(rows, np.float64).reshape(shape)


def packed(inputs: NDArray[np.float64]) -> bytes:
    """Return inputs as bytes, to be stored with a task."""
    file = io.BytesIO()
    np.save(file, inputs, allow_pickle=False)
    return file.getvalue()


def unpacked(body: bytes) -> NDArray[np.float64]:
    """Return what ``packed`` made bytes of."""
    inputs: NDArray[np.float64] = np.load(io.BytesIO(body), allow_pickle=False)
    return inputs


class _InputReader:
    def __init__(self, dataset: Choice, understood: Understood | None) -> None:
        self._shape = stored_shape(dataset)
        self._largest = facts(dataset).largest_value
        has_columns = understood is not None and len(understood.inputs) > 0
        self._encoder = RowEncoder(understood) if understood and has_columns else None

    def read(self, sample: Any, location: Location) -> tuple[Any, list[FieldError]]:
        """Return one input; or None, and what is wrong with it."""
        if isinstance(sample, dict):
            if self._encoder is None:
                detail = f"Only rows of an uploaded table have columns; send {self._wanted()}."
                return None, [FieldError(location, detail)]
            return self._encoder.encode(sample, location)
        shape = self._shape
        if len(shape) == 3 and shape[0] == 1 and _depth(sample) == 2:
            shape = shape[1:]  # a grey image without its one channel
        errors = []
        for error in self._errors(sample, shape, location):
            errors.append(error)
            if len(errors) == _MOST_ERRORS:
                break
        return (None, errors) if errors else (np.array(sample, np.float64).ravel(), [])

    def _errors(self, value: Any, shape: Sequence[int], location: Location) -> Iterator[FieldError]:
        if not shape:
            if (detail := self._wrong_number(value)) is not None:
                yield FieldError(location, detail)
        elif not isinstance(value, list):
            yield FieldError(location, f"Input should be a list: a sample is {self._wanted()}.")
        elif len(value) != shape[0]:
            detail = f"This list has {len(value):,} items, not {shape[0]:,}"
            yield FieldError(location, f"{detail}: a sample is {self._wanted()}.")
        else:
            for place, item in enumerate(value):
                yield from self._errors(item, shape[1:], (*location, place))

    def _wrong_number(self, value: Any) -> str | None:
        if not is_number(value):
            return "Input should be a finite number."
        if self._largest is not None and not 0 <= value <= self._largest:
            return f"A pixel of this data set is from 0 to {self._largest:g}, not {value:g}."
        if abs(value) > _LARGEST:
            return "This is too large for single precision."
        return None

    def _wanted(self) -> str:
        match self._shape:
            case (features,):
                return f"a list of {features:,} numbers"
            case (steps, features):
                return f"a list of {steps:,} steps with {features:,} numbers each"
            case (channels, height, width):
                grey = " (the outer list may be left out)" if channels == 1 else ""
                return (
                    f"lists of numbers in the shape [{channels}, {height}, {width}]: channels, "
                    f"rows, columns{grey}"
                )
        return f"lists of numbers in the shape {list(self._shape)}"


def _depth(value: Any) -> int:
    depth = 0
    while isinstance(value, list) and value:
        value, depth = value[0], depth + 1
    return depth
