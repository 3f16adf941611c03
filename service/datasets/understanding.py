"""From a table or images to the canonical form, with everything that was understood."""

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from service.datasets import previews
from service.datasets.canonical import CanonicalData
from service.datasets.features import inputs_of
from service.datasets.images import Images, as_pixels
from service.datasets.meaning import FileMeaning, Task
from service.datasets.problems import FileError, shown
from service.datasets.roles import ColumnRoles, roles_of
from service.datasets.splitting import Split, split
from service.datasets.tables import Column, Table
from service.datasets.targets import Targets, targets_of
from service.datasets.understood import (
    ClassFacts,
    Preview,
    SplitFacts,
    TargetFacts,
    Understood,
)

_TEST_WORDS = {"test": True, "train": False, "training": False}


def understand_images(
    images: Images, meaning: FileMeaning, kind: str
) -> tuple[CanonicalData, Understood]:
    """Return images in the canonical form, and what was understood.

    Raises:
        FileError: there are too few classes or images.
    """
    if not len(images):
        raise FileError("The file has no images.")
    texts = tuple(dict.fromkeys(images.labels))
    places = {text: place for place, text in enumerate(texts)}
    column = Column(
        "class", None, np.array([places[label] for label in images.labels], np.int32), texts
    )
    if meaning.task == "regression":
        raise FileError(
            "The class of an image is its folder or its label. The target of a regression is a "
            "column of numbers: send a table, with image_shape where its columns are pixels.",
            "task",
        )
    targets = targets_of(column, meaning)
    by = "share" if images.test is None else "file"
    parts = split(targets.strata, images.test, by, meaning)
    data = _canonical(targets, images.pixels, parts)
    preview = previews.image_preview(images.pixels, targets.strata, targets.classes)
    understood = _understood(data, parts, meaning, kind, images.details)
    return data, understood.model_copy(update={"preview": preview})


def understand_table(
    table: Table, meaning: FileMeaning, kind: str
) -> tuple[CanonicalData, Understood]:
    """Return a table in the canonical form, and what was understood.

    Raises:
        FileError: a column is missing, has missing values, or cannot be used.
    """
    if not len(table):
        raise FileError("The file has names of columns, and no row below them.")
    roles = roles_of(table, meaning)
    kept, dropped = _kept(table, roles, meaning)
    if dropped:
        table = table.taken(kept)
        if not len(table):
            raise FileError("Every row has a missing value, so none is left.", "missing")
        roles = replace(
            roles,
            target=roles.target.taken(kept),
            inputs=tuple(column.taken(kept) for column in roles.inputs),
            split=roles.split.taken(kept) if roles.split else None,
        )
    targets = targets_of(roles.target, meaning)
    told, by = _told(table, roles)
    parts = split(targets.strata, told, by, meaning)
    found = inputs_of(roles.inputs, parts.train)
    values = _shaped(found.values, roles, meaning)
    data = _canonical(targets, values, parts)
    understood = _understood(data, parts, meaning, kind, table.details)
    return data, understood.model_copy(
        update={
            "target": roles.target.name,
            "preview": previews.table_preview(table),
            "features": [
                previews.feature_facts(column, found.encodings[column.name])
                for column in roles.inputs
            ],
            "inputs": found.names if values.ndim == 2 else [],
            "left_out": list(roles.left_out),
            "dropped_rows": dropped,
            "filled_values": int(sum(column.missing.sum() for column in roles.inputs)),
            "notes": [*understood.notes, *targets.notes, *found.notes],
        }
    )


def _kept(table: Table, roles: ColumnRoles, meaning: FileMeaning) -> tuple[NDArray[np.bool_], int]:
    """Return which rows are kept, and how many are not.

    Raises:
        FileError: a value is missing and that is refused.
    """
    used = [roles.target, *([roles.split] if roles.split else [])]
    if meaning.missing != "impute":
        used += roles.inputs
    lacking = np.zeros(len(table), bool)
    for column in used:
        missing = column.missing
        if missing.any() and meaning.missing != "drop":
            _refuse(table, column, missing, meaning)
        lacking |= missing
    return ~lacking, int(lacking.sum())


def _refuse(table: Table, column: Column, missing: NDArray[np.bool_], meaning: FileMeaning) -> None:
    first, count = table.place(int(missing.argmax())), int(missing.sum())
    what = f"Column {shown(column.name)} has no value in {first}"
    more = f" and {count - 1:,} other rows" if count > 1 else ""
    if meaning.missing == "impute":
        raise FileError(f"{what}{more}, and the target of a row cannot be filled in.", "missing")
    raise FileError(f"{what}{more}. Say missing=impute or missing=drop, or fill it in.", "missing")


def _told(table: Table, roles: ColumnRoles) -> tuple[NDArray[np.bool_] | None, str]:
    """Return which rows are of the test part where a column or a second file says so."""
    if roles.split is None:
        return table.test, "share" if table.test is None else "file"
    column = roles.split.as_texts()
    words = [text.lower() for text in column.texts]
    for row, code in enumerate(np.asarray(column.codes).tolist()):
        if words[code] not in _TEST_WORDS:
            raise FileError(
                f"Column {shown(column.name)} says {shown(column.texts[code])} in "
                f"{table.place(row)}; it says train or test. Rows for validation are held out of "
                "the training part, by validation_split in a spec.",
                "split_column",
            )
    return np.array([_TEST_WORDS[word] for word in words])[np.asarray(column.codes)], "column"


def _shaped(
    values: NDArray[np.float64], roles: ColumnRoles, meaning: FileMeaning
) -> NDArray[np.float64] | NDArray[np.uint8]:
    """Return the inputs of a table as images, where a shape is told."""
    if meaning.shape is None:
        return values
    channels, height, width = max(meaning.shape[0], 1), *meaning.shape[1:]
    if any(column.numbers is None for column in roles.inputs):
        raise FileError("Pixels are numbers; leave columns of texts out.", "leave_out")
    if values.shape[1] != channels * height * width:
        raise FileError(
            f"image_shape={meaning.image_shape} needs {channels * height * width:,} columns of "
            f"pixels, and there are {values.shape[1]:,}.",
            "image_shape",
        )
    pixels = as_pixels(values, "The columns")
    return pixels.reshape(len(pixels), channels, height, width)


def _canonical(
    targets: Targets, inputs: NDArray[np.float64] | NDArray[np.uint8], parts: Split
) -> CanonicalData:
    train, test = parts.train, parts.test
    return CanonicalData(
        targets.classes, inputs[train], targets.values[train], inputs[test], targets.values[test]
    )


def _understood(
    data: CanonicalData,
    parts: Split,
    meaning: FileMeaning,
    kind: str,
    details: dict[str, str | bool],
) -> Understood:
    return Understood(
        sha256="",
        format=kind,
        details={name: value for name, value in details.items() if name != "target"},
        task=_task(data),
        target=None,
        input_shape=list(data.input_shape),
        train_count=len(parts.train),
        test_count=len(parts.test),
        classes=_class_facts(data),
        targets=_target_facts(data),
        features=[],
        inputs=[],
        left_out=[],
        missing=meaning.missing,
        dropped_rows=0,
        filled_values=0,
        split=SplitFacts(
            by=parts.by,
            share=len(parts.test) / (len(parts.test) + len(parts.train)),
            seed=meaning.split_seed if meaning.shuffled else None,
            stratified=parts.by == "share"
            and meaning.shuffled
            and meaning.stratified
            and bool(data.classes),
        ),
        preview=Preview(columns=None, rows=None, thumbnails=None),
        notes=[],
    )


def _task(data: CanonicalData) -> Task:
    if not data.classes:
        return "regression"
    return "binary" if len(data.classes) == 2 else "classification"


def _target_facts(data: CanonicalData) -> TargetFacts | None:
    if data.classes:
        return None
    train, test = data.train_targets, data.test_targets
    mean = float(train.mean())
    return TargetFacts(
        minimum=float(min(train.min(), test.min())),
        maximum=float(max(train.max(), test.max())),
        mean=mean,
        deviation=float(train.std()),
        test_rmse=float(np.sqrt(np.square(test - mean).mean())),
        test_mae=float(np.abs(test - mean).mean()),
    )


def _class_facts(data: CanonicalData) -> list[ClassFacts]:
    train, test = Counter(data.train_targets.tolist()), Counter(data.test_targets.tolist())
    return [
        ClassFacts(name=name, train=train[place], test=test[place])
        for place, name in enumerate(data.classes)
    ]
