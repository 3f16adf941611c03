"""What was understood of a file: the facts that are stored and answered beside the numbers."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.datasets.meaning import Missing, Task


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassFacts(_Facts):
    """One class."""

    name: str
    train: int = Field(description="Rows of it in the training part.")
    test: int = Field(description="Rows of it in the test part.")


class TargetFacts(_Facts):
    """Targets that are numbers, in their own units."""

    minimum: float
    maximum: float
    mean: float = Field(description="Of the training part.")
    deviation: float = Field(description="The standard deviation of the training part.")
    test_rmse: float = Field(
        description="Root mean squared error on the test part of predicting the training mean for "
        "all: what a network has to beat."
    )
    test_mae: float = Field(description="Mean absolute error of the same.")


class CategoryFacts(_Facts):
    """One category of a column."""

    name: str
    count: int


class FeatureFacts(_Facts):
    """One column that is an input, as it is in the file."""

    name: str
    type: Literal["number", "category"]
    missing: int = Field(description="Rows without a value.")
    minimum: float | None = Field(description="Of a number.")
    maximum: float | None = Field(description="Of a number.")
    mean: float | None = Field(description="Of a number.")
    categories: list[CategoryFacts] | None = Field(description="Of a category, at most 50.")
    known: list[str] | None = Field(
        None,
        description="Categories that training rows have, in the order of their inputs; null of a "
        "number.",
    )
    fill: float | str | None = Field(
        None,
        description="What stands in for a missing value: the median, or the most frequent "
        "category, of the training rows.",
    )


class LeftOutColumn(_Facts):
    """One column that is no input."""

    name: str
    reason: str


class SplitFacts(_Facts):
    """How the rows were divided."""

    by: Literal["share", "column", "file"]
    share: float = Field(description="Of the rows that are in the test part.")
    seed: int | None = Field(description="Of the shuffled order; null where it is the file's.")
    stratified: bool


class Thumbnail(_Facts):
    """One image, small."""

    label: str
    image: str = Field(description="A PNG as a data URI.")


class Preview(_Facts):
    """The first rows of a table, or some images."""

    columns: list[str] | None = Field(description="Of a table, at most 30.")
    rows: list[list[str | None]] | None = Field(description="Texts of the first rows.")
    thumbnails: list[Thumbnail] | None = Field(description="Of images, from each class in turn.")


class Understood(_Facts):
    """Everything that was understood of a file.

    Attributes:
        classes: in the order of their numbers; empty where targets are numbers.
        features: columns of a table; empty for images.
        inputs: names of a table's inputs, in their order; empty for images.
    """

    sha256: str = Field(description="Of the canonical form: the name of the data by its content.")
    format: Literal["csv", "parquet", "npz", "idx", "images"]
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
    classes: list[ClassFacts]
    targets: TargetFacts | None = Field(None, description="Null where targets are classes.")
    features: list[FeatureFacts]
    inputs: list[str]
    left_out: list[LeftOutColumn]
    missing: Missing
    dropped_rows: int = Field(description="Rows with a missing value that were dropped.")
    filled_values: int = Field(description="Missing values that were filled.")
    split: SplitFacts
    preview: Preview
    notes: list[str] = Field(description="What else to know, in sentences.")
