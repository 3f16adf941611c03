"""Rows of an uploaded table by the names of its columns, as inputs of a network."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.datasets.features import one_hot
from service.datasets.tables import number_text
from service.datasets.understood import FeatureFacts, Understood
from service.fields import FieldError, Location, unknown
from service.json_numbers import is_number


class RowEncoder:
    """Makes inputs of rows as the file's own rows were made into inputs.

    Args:
        understood: of the uploaded table.
    """

    def __init__(self, understood: Understood) -> None:
        self._missing = understood.missing
        # Categories first, then numbers, each as in the file (``features.inputs_of``).
        self._features = sorted(understood.features, key=lambda found: found.type == "number")
        self._names = {found.name for found in understood.features}
        #: The target, columns that are left out, and the one that says the part of a row.
        self._ignored = {understood.target, *(understood.preview.columns or ())}
        self._ignored.update(found.name for found in understood.left_out)

    def encode(
        self, row: Mapping[str, Any], location: Location
    ) -> tuple[NDArray[np.float64] | None, list[FieldError]]:
        """Return a row's inputs; or None, and what is wrong with it.

        Columns that are no inputs, and the target, may be there and are not read. A column that is
        left out, or null, has no value.

        Args:
            row: values by the names of the columns.
            location: of the row in the request.
        """
        errors = list(self._unknown(row, location))
        blocks = []
        for feature in self._features:
            read = self._read(feature, row.get(feature.name))
            if isinstance(read, str):
                errors.append(FieldError((*location, feature.name), read))
            else:
                blocks.append(read)
        return (None, errors) if errors else (np.concatenate(blocks), [])

    def _unknown(self, row: Mapping[str, Any], location: Location) -> Iterator[FieldError]:
        for name in row:
            if name not in self._names and name not in self._ignored:
                detail = unknown("column", name, sorted(self._names))
                yield FieldError((*location, name), detail)

    def _read(self, feature: FeatureFacts, value: Any) -> NDArray[np.float64] | str:
        """Return the inputs of one value, or a sentence that says what is wrong with it."""
        if value is None:
            if self._missing != "impute" or feature.fill is None:
                return "This column needs a value: the data set was uploaded without missing ones."
            value = feature.fill
        if feature.type == "number":
            if not is_number(value):
                return "Input should be a finite number."
            return np.array([value], np.float64)
        text = value if isinstance(value, str) else number_text(value) if is_number(value) else None
        if text is None:
            return "Input should be the name of a category."
        known = feature.known or []
        if text not in known:
            return unknown(f"category of {feature.name}", text, known)
        inputs: NDArray[np.float64] = one_hot(np.array([known.index(text)]), len(known))[0]
        return inputs
