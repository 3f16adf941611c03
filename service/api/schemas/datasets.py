"""Answers about uploaded data sets, and what a client says of a file."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints

from service.api.schemas.base import ApiAnswer
from service.database.tables import UploadedDataset
from service.datasets.meaning import FileMeaning, Missing, Task
from service.datasets.understood import (
    ClassFacts,
    FeatureFacts,
    LeftOutColumn,
    Preview,
    SplitFacts,
    TargetFacts,
    Understood,
)
from service.fields import Form, LongText, ShortText, Text

_TAG = Form("^[^:]+:.*$", "a key, a colon and a value, as in course:dl")


class UploadQuery(FileMeaning):
    """What a client says of an upload."""

    name: ShortText | None = Field(None, description="What to call it; by default its format.")
    description: LongText | None = Field(None, description="What else to know of it.")
    tag: list[Annotated[Text, StringConstraints(max_length=400), _TAG]] = Field(
        default_factory=list, max_length=50, description="`key:value`; repeat for several."
    )
    dry_run: bool = Field(
        False, description="Answer what was understood of the file, and store nothing."
    )

    @property
    def tags(self) -> dict[str, str]:
        """The tags by key."""
        return {key: value for key, _, value in (tag.partition(":") for tag in self.tag)}

    @property
    def meaning(self) -> FileMeaning:
        """What the file means."""
        return FileMeaning.model_validate(self.model_dump(include=set(FileMeaning.model_fields)))


class DatasetLinks(ApiAnswer):
    """Where else to look."""

    self: str


class DatasetSummary(ApiAnswer):
    """One uploaded data set, in short."""

    id: uuid.UUID
    name: str
    tags: dict[str, str]
    sha256: str = Field(description="Of the canonical form: its name by its content.")
    bytes: int = Field(description="Size of the canonical form.")
    task: Task
    input_shape: list[int] = Field(
        description="Of one sample: [channels, height, width] of images, [inputs] of a table."
    )
    train_count: int
    test_count: int
    classes: int = Field(description="0 where targets are numbers.")
    created_by: str
    created_at: datetime
    links: DatasetLinks

    @classmethod
    def of(cls, dataset: UploadedDataset) -> Self:
        """Return the answer for a data set."""
        known = dataset.understood
        return cls(
            **{name: getattr(dataset, name) for name in _OF_ROW if name != "description"},
            **{name: known[name] for name in ("task", "input_shape", "train_count", "test_count")},
            classes=len(known["classes"]),
            links=DatasetLinks(self=_path(dataset.id)),
        )


class DatasetAnswer(ApiAnswer):
    """An uploaded data set, and everything that was understood of its file."""

    id: uuid.UUID | None = Field(description="Null in a dry run.")
    name: str
    description: str | None
    tags: dict[str, str]
    sha256: str = Field(description="Of the canonical form: its name by its content.")
    bytes: int = Field(description="Size of the canonical form.")
    created_by: str | None
    created_at: datetime | None
    format: str = Field(description="`csv`, `parquet`, `npz`, `idx` or `images`.")
    details: dict[str, str | bool] = Field(
        description="What was found out about the file: a CSV's encoding and separator."
    )
    task: Task
    target: str | None = Field(description="The column of the targets; null for images.")
    input_shape: list[int] = Field(
        description="Of one sample: [channels, height, width] of images, [inputs] of a table."
    )
    train_count: int
    test_count: int
    classes: list[ClassFacts] = Field(
        description="In the order of their numbers; empty where targets are numbers."
    )
    targets: TargetFacts | None = Field(None, description="Null where targets are classes.")
    features: list[FeatureFacts] = Field(description="Columns of a table that are inputs.")
    inputs: list[str] = Field(description="Names of a table's inputs, in their order.")
    left_out: list[LeftOutColumn]
    missing: Missing
    dropped_rows: int = Field(description="Rows with a missing value that were dropped.")
    filled_values: int = Field(description="Missing values that were filled.")
    split: SplitFacts
    preview: Preview
    notes: list[str] = Field(description="What else to know, in sentences.")
    links: DatasetLinks | None = Field(description="Null in a dry run.")

    @classmethod
    def of(cls, dataset: UploadedDataset) -> Self:
        """Return the answer for a stored data set."""
        row = {name: getattr(dataset, name) for name in _OF_ROW}
        links = DatasetLinks(self=_path(dataset.id))
        return cls(**(dict(dataset.understood) | row), links=links)

    @classmethod
    def planned(cls, understood: Understood, query: UploadQuery, size: int) -> Self:
        """Return the answer to a dry run."""
        return cls(
            **understood.model_dump(),
            id=None,
            name=name_of(query, understood),
            description=query.description,
            tags=query.tags,
            bytes=size,
            created_by=None,
            created_at=None,
            links=None,
        )


class DatasetPage(ApiAnswer):
    """Some data sets, newest first."""

    items: list[DatasetSummary]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Iterable[UploadedDataset], next_cursor: str | None) -> Self:
        """Return a page."""
        return cls(items=[DatasetSummary.of(row) for row in found], next_cursor=next_cursor)


_OF_ROW = ("id", "name", "description", "tags", "sha256", "bytes", "created_by", "created_at")


def name_of(query: UploadQuery, understood: Understood) -> str:
    """Return what a data set is called: as the client says, else by its format and content."""
    return query.name or f"{understood.format} {understood.sha256[:8]}"


def _path(dataset_id: uuid.UUID) -> str:
    return f"/v1/datasets/{dataset_id}"


_SHA256 = "34222d5ec475326d2e9699f417df3fa4c63368b7e9fee1722c20be80e5bd05f5"
_ID = "019ac4f2-9a1c-7b52-8d0e-4f1c2a6b7d30"

SUMMARY_EXAMPLE: dict[str, Any] = {
    "id": _ID,
    "name": "churn",
    "tags": {"team": "retention"},
    "sha256": _SHA256,
    "bytes": 1_040_135,
    "task": "binary",
    "input_shape": [12],
    "train_count": 8000,
    "test_count": 2000,
    "classes": 2,
    "created_by": "lab",
    "created_at": "2026-11-28T12:00:00Z",
    "links": {"self": f"/v1/datasets/{_ID}"},
}

DATASET_EXAMPLE: dict[str, Any] = {
    **SUMMARY_EXAMPLE,
    "description": None,
    "format": "csv",
    "details": {"encoding": "utf-8", "separator": ",", "names_in_first_row": True},
    "target": "Exited",
    "classes": [
        {"name": "0", "train": 6370, "test": 1593},
        {"name": "1", "train": 1630, "test": 407},
    ],
    "targets": None,
    "features": [
        {
            "name": "Age",
            "type": "number",
            "missing": 0,
            "minimum": 18.0,
            "maximum": 92.0,
            "mean": 38.9218,
            "categories": None,
            "known": None,
            "fill": 37.0,
        },
        {
            "name": "Gender",
            "type": "category",
            "missing": 0,
            "minimum": None,
            "maximum": None,
            "mean": None,
            "categories": [{"name": "Female", "count": 4543}, {"name": "Male", "count": 5457}],
            "known": ["Female", "Male"],
            "fill": "Male",
        },
    ],
    "inputs": ["Gender=Male", "Age"],
    "left_out": [{"name": "Surname", "reason": "named in leave_out"}],
    "missing": "refuse",
    "dropped_rows": 0,
    "filled_values": 0,
    "split": {"by": "share", "share": 0.2, "seed": 0, "stratified": True},
    "preview": {
        "columns": ["Gender", "Age", "Exited"],
        "rows": [["Female", "42", "1"], ["Female", "41", "0"]],
        "thumbnails": None,
    },
    "notes": [],
}
