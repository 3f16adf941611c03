"""Preprocessings of the inputs, fitted on the training part only.

In the formulas x is a sample as a row of features: pixels divided by their largest value, points
and tables as they are stored. Sums are in float64, over blocks of a fixed size and on one BLAS
thread: the last bits of a sum depend on its order, and the same data must give the same inputs on
any number of cores.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from workers.datasets.dataset import DatasetError

Inputs = NDArray[np.float32]
_Rows = NDArray[np.float64]
_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class FittedPreprocessing:
    """From stored inputs to inputs of a network, and the numbers that it does so by.

    With a mean, x becomes ``(x / largest - mean) / divisor`` or ``(x / largest - mean) @ matrix``,
    in float64; without one, ``x / largest`` in float32. What is None is left out.

    Attributes:
        apply: from stored inputs to float32.
        largest: the value of a pixel that becomes 1.
        mean: of each feature.
        divisor: of each feature.
        matrix: from features to features.
    """

    apply: Callable[[NDArray[Any]], Inputs]
    largest: float | None = None
    mean: _Rows | None = None
    divisor: _Rows | None = None
    matrix: _Rows | None = None

    def __call__(self, inputs: NDArray[Any]) -> Inputs:
        """Return the inputs of a network."""
        return self.apply(inputs)


#: From the stored training inputs and the largest value of a pixel (None if inputs are not pixels)
#: to what is applied to every part.
Fit = Callable[[NDArray[Any], float | None], FittedPreprocessing]


def none() -> Fit:
    """Return the preprocessing that keeps stored values (pixels 0 to 255, digits 0 to 16)."""
    return lambda _inputs, _largest: FittedPreprocessing(lambda inputs: inputs.astype(np.float32))


def scale() -> Fit:
    """Return the preprocessing that divides pixels by their largest value: inputs in [0, 1].

    Raises:
        DatasetError: when it is fitted on inputs that are not pixels.
    """

    def fit(_inputs: NDArray[Any], largest: float | None) -> FittedPreprocessing:
        if largest is None:
            raise DatasetError("scale divides pixels by their largest value; these are not pixels.")
        divisor = np.float32(largest)
        # In one pass: the whole of MNIST is 220 MB in float32, which should not be written twice.
        return FittedPreprocessing(
            lambda inputs: np.divide(inputs, divisor, dtype=np.float32), largest
        )

    return fit


def zero_center() -> Fit:
    """Return the preprocessing x - mean, with the training mean of each feature."""

    def fit(inputs: NDArray[Any], largest: float | None) -> FittedPreprocessing:
        mean = _mean(inputs, largest)
        apply = _by_rows(lambda rows: rows - mean, largest)
        return FittedPreprocessing(apply, largest, mean)

    return fit


def standardize() -> Fit:
    """Return the preprocessing (x - mean) / std, by the training part.

    std is the population's (divided by n, as in scikit-learn's StandardScaler). A feature that does
    not vary is only centred.
    """

    def fit(inputs: NDArray[Any], largest: float | None) -> FittedPreprocessing:
        varies = (inputs != inputs[0]).any(axis=0).ravel()
        mean = _mean(inputs, largest)
        squares = (((rows - mean) ** 2).sum(axis=0) for rows in _rows(inputs, largest))
        deviation = np.sqrt(sum(squares, np.zeros_like(mean)) / len(inputs))
        divisor = np.where(varies, deviation, 1.0)
        apply = _by_rows(lambda rows: (rows - mean) / divisor, largest)
        return FittedPreprocessing(apply, largest, mean, divisor=divisor)

    return fit


def pca(*, components: int) -> Fit:
    """Return the projection of centred samples on the leading principal axes.

    The axes are the eigenvectors of the training covariance, by falling eigenvalues. The sign of an
    axis is chosen so that its loading of largest absolute value is positive, as in scikit-learn.

    Args:
        components: number of axes; the result is (samples, components).

    References:
        Pearson 1901; Hotelling 1933.
    """

    def fit(inputs: NDArray[Any], largest: float | None) -> FittedPreprocessing:
        mean = _mean(inputs, largest)
        _, vectors = _eigen(inputs, largest, mean)
        axes = vectors[:, ::-1][:, :components]
        loadings = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[np.newaxis], axis=0)
        axes = axes * np.sign(loadings)
        apply = _by_rows(lambda rows: (rows - mean) @ axes, largest, (components,))
        return FittedPreprocessing(apply, largest, mean, matrix=axes)

    return fit


def whiten(*, epsilon: float) -> Fit:
    """Return the preprocessing W (x - mean), which removes correlations and keeps the shape (ZCA).

    W = U (D + epsilon I)^(-1/2) U^T for the training covariance U D U^T (divided by n). Of all
    whitening transformations it changes x least.

    Args:
        epsilon: keeps directions with hardly any variance from being amplified to noise.

    References:
        Bell & Sejnowski 1997; Krizhevsky 2009, appendix A.
    """

    def fit(inputs: NDArray[Any], largest: float | None) -> FittedPreprocessing:
        mean = _mean(inputs, largest)
        values, vectors = _eigen(inputs, largest, mean)
        # An eigenvalue of 0 may come out as -1e-17.
        matrix = (vectors / np.sqrt(np.maximum(values, 0) + epsilon)) @ vectors.T
        apply = _by_rows(lambda rows: (rows - mean) @ matrix, largest)
        return FittedPreprocessing(apply, largest, mean, matrix=matrix)

    return fit


def _rows(inputs: NDArray[Any], largest: float | None) -> Iterator[_Rows]:
    """Yield the samples as rows of features, with pixels in [0, 1], block by block."""
    flat = inputs.reshape(len(inputs), math.prod(inputs.shape[1:]))
    for start in range(0, len(flat), _BLOCK_ROWS):
        rows = flat[start : start + _BLOCK_ROWS].astype(np.float64)
        yield rows if largest is None else rows / largest


def _mean(inputs: NDArray[Any], largest: float | None) -> _Rows:
    sums = (rows.sum(axis=0) for rows in _rows(inputs, largest))
    mean: _Rows = sum(sums, np.zeros(math.prod(inputs.shape[1:]))) / len(inputs)
    return mean


def _eigen(inputs: NDArray[Any], largest: float | None, mean: _Rows) -> tuple[_Rows, _Rows]:
    """Return the eigenvalues, rising, and the eigenvectors (columns) of the covariance."""
    with threadpool_limits(1, user_api="blas"):
        covariance = np.zeros((mean.size, mean.size))
        for rows in _rows(inputs, largest):
            centred = rows - mean
            covariance += centred.T @ centred
        values, vectors = np.linalg.eigh(covariance / len(inputs))
    return values, vectors


def _by_rows(
    function: Callable[[_Rows], _Rows],
    largest: float | None,
    shape: tuple[int, ...] | None = None,
) -> Callable[[NDArray[Any]], Inputs]:
    """Return a function of rows for inputs of any shape; samples get ``shape``, or keep theirs."""

    def apply(inputs: NDArray[Any]) -> Inputs:
        sample = inputs.shape[1:] if shape is None else shape
        applied = np.empty((len(inputs), math.prod(sample)), np.float32)
        start = 0
        with threadpool_limits(1, user_api="blas"):
            for rows in _rows(inputs, largest):
                applied[start : start + len(rows)] = function(rows)
                start += len(rows)
        return applied.reshape(len(inputs), *sample)

    return apply


PREPROCESSINGS: dict[str, Callable[..., Fit]] = {
    "none": none,
    "scale": scale,
    "zero_center": zero_center,
    "standardize": standardize,
    "pca": pca,
    "whiten": whiten,
}
