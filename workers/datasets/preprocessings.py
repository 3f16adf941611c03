"""Preprocessings: what is done to the inputs, fitted on the training part only."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Inputs = NDArray[np.float32]
#: From the training inputs as they are stored to the function that is applied to every part.
Fit = Callable[[NDArray[Any]], Callable[[NDArray[Any]], Inputs]]


def none() -> Fit:
    """Leave the values as they are stored (pixels 0 to 255)."""
    return lambda _: lambda inputs: inputs.astype(np.float32)


def scale() -> Fit:
    """Divide pixels by 255, so that inputs lie within [0, 1]."""
    return lambda _: lambda inputs: inputs.astype(np.float32) / np.float32(255)


PREPROCESSINGS: dict[str, Callable[..., Fit]] = {"none": none, "scale": scale}
