"""Data sets, with the sizes the door checks specs against."""

from service.catalog.entry import DatasetEntry, Parameter, Source


def _sizes(train: int, test: int) -> tuple[Parameter, ...]:
    return (
        Parameter(
            "train_size",
            "integer",
            train,
            "how many of the training images are used, from the first on",
            minimum=1,
            maximum=train,
        ),
        Parameter(
            "test_size",
            "integer",
            test,
            "how many of the test images are used, from the first on",
            minimum=1,
            maximum=test,
        ),
        Parameter(
            "validation_split",
            "number",
            0.0,
            "share of the training images, the last ones, held out for validation; with 0 the "
            "test part is the validation set",
            minimum=0.0,
            below=1.0,
        ),
        Parameter(
            "preprocessing", "choice", "scale", "what is done to the inputs", axis="preprocessing"
        ),
    )


ENTRIES: tuple[DatasetEntry, ...] = (
    DatasetEntry(
        name="mnist",
        meaning="Handwritten digits, 28 x 28 grey pixels: 60,000 to train, 10,000 to test.",
        formula=r"x \in [0, 255]^{28 \times 28},\; y \in \{0, \dots, 9\}",
        source=Source(
            "LeCun et al. 1998, Gradient-based learning applied to document recognition",
            "https://doi.org/10.1109/5.726791",
        ),
        parameters=_sizes(60_000, 10_000),
        train_count=60_000,
        test_count=10_000,
        input_shape=(1, 28, 28),
        classes=10,
    ),
)
