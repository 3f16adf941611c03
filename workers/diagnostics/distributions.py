"""Distributions: a summary of many values, gathered chunk by chunk."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Probabilities of the quantiles that are kept.
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

#: Bins of a histogram: equal ones, from the smallest value to the largest.
BINS = 64

#: Most values in the subsample from which quantiles and histograms are computed.
SUBSAMPLE = 100_000

#: Rows summed in float32 before the sums are added in float64: on a CPU this takes a fifth of the
#: time, at a relative error below 1e-6.
_BLOCK_ROWS = 64

#: Features whose mean is above this many standard deviations are summed around their mean, both
#: estimated from the first chunk.
_NARROW = 3.0

#: Between these magnitudes squares in float32 neither overflow nor lose digits.
_SMALL, _LARGE = 1e-15, 1e15


@dataclass(frozen=True)
class Distribution:
    """A summary of many values; values that are not finite are only counted.

    Attributes:
        count: number of values.
        non_finite: how many of them are NaN or infinite.
        mean: of all finite values, in float64.
        std: their standard deviation (divided by their number).
        min: the smallest of them.
        max: the largest of them. All four are NaN if no value is finite.
        quantiles: at ``QUANTILES``, interpolated linearly; of the subsample.
        counts: values of the subsample in each of ``BINS`` equal bins from ``min`` to ``max``
            (``bin_edges``); empty if no value is finite.
    """

    count: int
    non_finite: int
    mean: float
    std: float
    min: float
    max: float
    quantiles: tuple[float, ...]
    counts: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return this as plain data; a histogram's edges follow from its lowest and highest."""
        low, *_, high = bin_edges(self.min, self.max).tolist() if self.counts else [math.nan] * 2
        return {
            "count": self.count,
            "non_finite": self.non_finite,
            "mean": self.mean,
            "std": self.std,
            "min": self.min,
            "max": self.max,
            "quantiles": dict(zip(map(str, QUANTILES), self.quantiles, strict=True)),
            "histogram": {
                "low": low,
                "high": high,
                "counts": list(self.counts),
            },
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return the distribution that ``as_dict`` made ``data`` of; NaN may be a string."""
        return cls(
            count=data["count"],
            non_finite=data["non_finite"],
            **{name: float(data[name]) for name in ("mean", "std", "min", "max")},
            quantiles=tuple(map(float, data["quantiles"].values())),
            counts=tuple(data["histogram"]["counts"]),
        )


class Gathering:
    """Gathers a tensor's distribution from chunks of its samples.

    Moments and extremes are those of all values. Quantiles and histograms are of every k-th value,
    counted through one sample after the other (channels, rows, columns). k is the smallest number
    that keeps at most ``SUBSAMPLE`` values and has no divisor in common with the size of a sample,
    so that not always the same pixels are taken. The result depends on the values only, not on how
    they are chunked.

    Args:
        samples: number of samples in all chunks.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._seen = 0
        self._stride = 1
        self._picked: list[NDArray[np.float32]] = []
        self._low, self._high = math.inf, -math.inf
        self._pivot: Tensor | None = None
        self._sums = _Sums(np.zeros(1), np.zeros(1), np.zeros(1))

    def add(self, values: Tensor) -> None:
        """Add a chunk: (samples, features, ...)."""
        rows = rows_by_feature(values)
        first = self._seen == 0
        if first:
            self._stride = _stride(self._samples, values[0].numel())
        self._picked.append(self._pick(values))
        self._seen += values.numel()
        finite = self._extend(rows)
        sums = _sums(rows, finite, self._pivot)
        if first and sums.narrow().any():
            # A difference of squares would lose such a small spread, or its last digits.
            self._pivot = torch.from_numpy(np.float32(sums.means())).to(rows.device)
            sums = _sums(rows, finite, self._pivot)
        self._sums = self._sums + sums

    def deviations(self) -> NDArray[np.float64]:
        """Return each feature's standard deviation over samples and positions.

        NaN for a feature with a value that is not finite.
        """
        spoilt = self._sums.counts < self._seen // len(self._sums.counts)
        return np.where(spoilt, math.nan, np.sqrt(self._sums.variances()))

    def distribution(self) -> Distribution:
        """Return the distribution of all added values."""
        finite = int(self._sums.counts.sum())
        mean, std = self._moments() if finite else (math.nan, math.nan)
        low, high = (self._low, self._high) if finite else (math.nan, math.nan)
        picked = np.concatenate(self._picked)
        if finite < self._seen:
            picked = picked[np.isfinite(picked)]
        picked.sort()
        return Distribution(
            count=self._seen,
            non_finite=self._seen - finite,
            mean=mean,
            std=std,
            min=low,
            max=high,
            quantiles=_quantiles(picked),
            counts=_histogram(picked, low, high) if finite else (),
        )

    def _pick(self, values: Tensor) -> NDArray[np.float32]:
        first = -self._seen % self._stride
        if values.is_contiguous():
            picked = values.view(-1)[first :: self._stride]
        else:  # flattening would copy all of a channels-last tensor for a few of its values
            places = np.arange(first, values.numel(), self._stride)
            picked = values[tuple(map(torch.from_numpy, np.unravel_index(places, values.shape)))]
        return picked.cpu().numpy()

    def _extend(self, rows: Tensor) -> Tensor | None:
        """Extend the extremes; return which values are finite, or None if all are ordinary.

        Ordinary values are finite, neither tiny nor huge: float32 can sum their squares.
        """
        low, high = (extreme.item() for extreme in torch.aminmax(rows))
        largest = max(-low, high)
        finite = None
        if not (largest == 0 or _SMALL < largest < _LARGE):  # true where there is a NaN
            finite = rows.isfinite()
            if not finite.any():
                return finite
            low, high = (extreme.item() for extreme in torch.aminmax(rows[finite]))
        self._low, self._high = min(self._low, low), max(self._high, high)
        return finite

    def _moments(self) -> tuple[float, float]:
        """Return mean and standard deviation of all values, from those of the features."""
        counts, means, variances = self._sums.counts, self._sums.means(), self._sums.variances()
        if self._pivot is not None:
            means = means + self._pivot.double().cpu().numpy()
        if not counts.all():
            finite = counts > 0
            counts, means, variances = counts[finite], means[finite], variances[finite]
        weights = counts / counts.sum()
        mean = (weights * means).sum()
        variance = (weights * (variances + (means - mean) ** 2)).sum()
        return float(mean), math.sqrt(variance)


@dataclass(frozen=True)
class _Sums:
    """Sums over the finite values of each feature, of their differences from a pivot: (features,).

    Attributes:
        counts: number of values.
        sums: of the values.
        squares: of their squares.
    """

    counts: NDArray[np.float64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(
            self.counts + other.counts, self.sums + other.sums, self.squares + other.squares
        )

    def means(self) -> NDArray[np.float64]:
        """Return the means; 0 for a feature without a finite value."""
        return self.sums / np.maximum(self.counts, 1)

    def variances(self) -> NDArray[np.float64]:
        """Return the variances; 0 for a feature without a finite value."""
        mean_squares = self.squares / np.maximum(self.counts, 1)
        return np.maximum(mean_squares - self.means() ** 2, 0.0)

    def narrow(self) -> NDArray[np.bool_]:
        """Return which features have a mean above ``_NARROW`` standard deviations.

        Compared as squares, without the variance, of which too few digits may be right.
        """
        mean_squares = self.squares / np.maximum(self.counts, 1)
        return (1 + _NARROW**2) * self.means() ** 2 > _NARROW**2 * mean_squares


def rows_by_feature(values: Tensor) -> Tensor:
    """Return (samples, features, ...) as (rows, features); a view of a channels-last tensor."""
    return values.movedim(1, -1).reshape(-1, values.shape[1])


def _stride(samples: int, size: int) -> int:
    """Return k, where every k-th value is looked at; ``size``: values of a sample."""
    stride = max(1, -(-samples * size // SUBSAMPLE))
    while math.gcd(stride, size) > 1:
        stride += 1
    return stride


def _sums(rows: Tensor, finite: Tensor | None, pivot: Tensor | None) -> _Sums:
    """Return the sums of each column of rows; in float64 where not all are ordinary."""
    differences = rows if finite is None else rows.double()
    if pivot is not None:
        differences = differences - pivot
    if finite is None:
        counts = np.full(rows.shape[1], float(len(rows)))
    else:
        differences = differences.where(finite, 0.0)
        counts = finite.sum(0).double().cpu().numpy()
    return _Sums(counts, _column_sums(differences), _column_sums(differences, squared=True))


def _column_sums(rows: Tensor, *, squared: bool = False) -> NDArray[np.float64]:
    whole = len(rows) // _BLOCK_ROWS * _BLOCK_ROWS
    rest = rows[whole:]
    sums = (rest.square() if squared else rest).sum(0, dtype=torch.float64)
    if whole:
        blocks = rows[:whole].reshape(-1, _BLOCK_ROWS, rows.shape[1])
        of_blocks = torch.linalg.vecdot(blocks, blocks, dim=1) if squared else blocks.sum(1)
        sums = of_blocks.sum(0, dtype=torch.float64) + sums
    return sums.cpu().numpy()


def _quantiles(ordered: NDArray[np.float32]) -> tuple[float, ...]:
    """Return the quantiles of sorted values, interpolated linearly.

    References:
        Hyndman & Fan 1996, type 7.
    """
    if not ordered.size:
        return (math.nan,) * len(QUANTILES)
    places = np.multiply(QUANTILES, len(ordered) - 1)
    below = places.astype(int)
    above = np.minimum(below + 1, len(ordered) - 1)
    low, high = ordered[below].astype(np.float64), ordered[above].astype(np.float64)
    return tuple((low + (high - low) * (places - below)).tolist())


def bin_edges(low: float, high: float) -> NDArray[np.float64]:
    """Return the edges of a histogram's bins, (BINS + 1,); around the value if all are equal."""
    if low == high:
        margin = max(0.5, abs(low) / 2)
        low, high = low - margin, high + margin
    return np.linspace(low, high, BINS + 1)


def _histogram(ordered: NDArray[np.float32], low: float, high: float) -> tuple[int, ...]:
    below = np.searchsorted(ordered, bin_edges(low, high)[1:-1])
    return tuple(np.diff(np.concatenate(([0], below, [len(ordered)]))).tolist())
