"""Facts about columns and images for people: ranges, counts, first rows, thumbnails."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.datasets.features import ColumnEncoding, category_order
from service.datasets.tables import Column, Table, number_text
from service.datasets.understood import CategoryFacts, FeatureFacts, Preview, Thumbnail

_ROWS, _COLUMNS, _CATEGORIES, _THUMBNAILS, _SIDE = 8, 30, 50, 20, 64
_LONGEST_CELL = 60


def feature_facts(column: Column, encoding: ColumnEncoding) -> FeatureFacts:
    """Return what is known of a column that is an input."""
    missing = column.missing
    numbers = column.numbers
    if numbers is not None:
        known = numbers[~missing]
        some = len(known) > 0
        return FeatureFacts(
            name=column.name,
            type="number",
            missing=int(missing.sum()),
            minimum=float(known.min()) if some else None,
            maximum=float(known.max()) if some else None,
            mean=float(known.mean()) if some else None,
            categories=None,
            known=encoding.known,
            fill=encoding.fill,
        )
    codes = np.asarray(column.codes)
    counts = dict(
        zip(
            column.texts,
            np.bincount(codes[~missing], minlength=len(column.texts)).tolist(),
            strict=True,
        )
    )
    names = [name for name in category_order(column.texts) if counts[name]]
    return FeatureFacts(
        name=column.name,
        type="category",
        missing=int(missing.sum()),
        minimum=None,
        maximum=None,
        mean=None,
        categories=[CategoryFacts(name=name, count=counts[name]) for name in names[:_CATEGORIES]],
        known=encoding.known,
        fill=encoding.fill,
    )


def table_preview(table: Table) -> Preview:
    """Return the first rows of a table as texts."""
    columns = table.columns[:_COLUMNS]
    count = min(_ROWS, len(table))
    rows = [[_cell(column, row) for column in columns] for row in range(count)]
    return Preview(columns=[column.name for column in columns], rows=rows, thumbnails=None)


def image_preview(
    pixels: NDArray[np.uint8], labels: NDArray[np.int64], names: Sequence[str]
) -> Preview:
    """Return thumbnails of images, from each class in turn."""
    by_class = [np.flatnonzero(labels == label).tolist() for label in range(len(names))]
    depth = -(-_THUMBNAILS // len(names))
    chosen = [
        (label, rows[turn])
        for turn in range(depth)
        for label, rows in enumerate(by_class)
        if turn < len(rows)
    ]
    thumbnails = [
        Thumbnail(label=names[label], image=_thumbnail(pixels[row]))
        for label, row in chosen[:_THUMBNAILS]
    ]
    return Preview(columns=None, rows=None, thumbnails=thumbnails)


def _cell(column: Column, row: int) -> str | None:
    if column.numbers is not None:
        value = float(column.numbers[row])
        return None if np.isnan(value) else number_text(value)
    code = int(np.asarray(column.codes)[row])
    return None if code < 0 else column.texts[code][:_LONGEST_CELL]


def _thumbnail(pixels: NDArray[np.uint8]) -> str:
    from PIL import Image  # noqa: PLC0415 - tables need none

    image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
    image.thumbnail((_SIDE, _SIDE))
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
