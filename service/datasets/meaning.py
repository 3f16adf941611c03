"""What a client says of a file: its target, its task, its columns and how it is split."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.fields import Form, ShortText

Task = Literal["classification", "binary", "regression"]
Missing = Literal["refuse", "impute", "drop"]
Encoding = Literal["utf-8", "utf-16", "gb18030", "latin-1"]

_SHAPE = Form(r"^(\d{1,5}x)?\d{1,5}x\d{1,5}$", "a size such as 28x28 or 3x32x32")


class FileMeaning(BaseModel):
    """What a file means; what is left out is guessed, and told in the answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: ShortText | None = Field(
        None,
        description="The column of what is to be predicted; by default the last one, or the one "
        "that is named target, label, class or y. Of images the folder is the class.",
    )
    task: Task | None = Field(
        None,
        description="`regression`: the target is a number. `binary`: it is one of two classes. "
        "`classification`: one of more. Guessed if left out: many different numbers are a "
        "quantity, all else are classes.",
    )
    leave_out: list[ShortText] = Field(
        default_factory=list, description="Columns that are no input; repeat for several."
    )
    categorical: list[ShortText] = Field(
        default_factory=list,
        description="Columns of numbers that are names of categories; repeat for several. Columns "
        "of texts are categorical anyway.",
    )
    missing: Missing = Field(
        "refuse",
        description="What a missing value means: the file is refused; the median or the most "
        "frequent category of the training rows takes its place; or the row is dropped.",
    )
    test_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the rows that are kept for the test."
    )
    split_seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of the shuffled order.")
    stratified: bool = Field(
        True,
        description="Whether the test part has the shares of the classes of the whole; of targets "
        "that are numbers it says nothing.",
    )
    shuffled: bool = Field(
        True,
        description="Whether the rows are put into a random order. Without it the last rows are "
        "the test part, and of the others the last are held out for validation.",
    )
    split_column: ShortText | None = Field(
        None, description="A column that says `train` or `test` for each row, in place of a share."
    )
    image_shape: Annotated[str, _SHAPE] | None = Field(
        None,
        description="`28x28` or `3x32x32` (channels, height, width): the columns of a table are "
        "pixels from 0 to 255; images of a zip are brought to this size.",
    )
    encoding: Encoding | None = Field(
        None, description="Of a CSV; by default UTF-8, or UTF-16 with its mark."
    )

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """The told shape of an image: channels (0 where they are not told), height, width."""
        if self.image_shape is None:
            return None
        *channels, height, width = map(int, self.image_shape.split("x"))
        return (channels[0] if channels else 0, height, width)


class FileLimits(BaseModel):
    """What a file may be, and what reading it may take; each is a setting of the service."""

    model_config = ConfigDict(frozen=True)

    max_upload_bytes: int = 200_000_000
    max_upload_rows: int = 1_000_000
    max_upload_columns: int = 10_000
    max_upload_pixels: int = 1_048_576
    upload_memory_bytes: int = 3_000_000_000
    upload_seconds: float = 120.0
