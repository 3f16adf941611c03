"""Images as they are read from a file: pixels, the class of each, and which are the test part."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from service.datasets.problems import FileError


@dataclass(frozen=True)
class Images:
    """Images of one size.

    Attributes:
        pixels: uint8 (images, channels, height, width).
        labels: the name of the class of each.
        test: whether an image is of the test part; None where the file does not say.
        details: what was found out about the file, for the answer.
    """

    pixels: NDArray[np.uint8]
    labels: list[str]
    test: NDArray[np.bool_] | None
    details: dict[str, str | bool] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.pixels)


def as_pixels(values: NDArray[np.generic], where: str) -> NDArray[np.uint8]:
    """Return numbers as pixels.

    Raises:
        FileError: they are not whole numbers from 0 to 255.
    """
    if values.dtype == np.uint8:
        return values  # type: ignore[return-value]
    numbers = values.astype(np.float64)
    if not ((numbers >= 0) & (numbers <= 255) & (numbers == np.floor(numbers))).all():
        raise FileError(f"{where} are not pixels: whole numbers from 0 to 255.", "image_shape")
    return numbers.astype(np.uint8)


def channels_first(pixels: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    """Return images as (images, channels, height, width), however their channels are placed.

    Raises:
        FileError: it cannot be told which axis has the channels.
    """
    if pixels.ndim == 3:
        return pixels[:, np.newaxis]
    first, last = pixels.shape[1] in {1, 3}, pixels.shape[3] in {1, 3}
    if first == last:
        raise FileError(
            f"{where} have the shape {pixels.shape}: channels (1 or 3) are looked for in the "
            "second or the last place, and one of the two must be it."
        )
    return pixels if first else np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
