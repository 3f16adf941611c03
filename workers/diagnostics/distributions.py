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
#: estimated from the first rows.
_NARROW, _FIRST_ROWS = 3.0, 1000

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
        # By feature; the sums are of differences from the pivot.
        self._pivot: Tensor | None = None
        self._counts = self._sums = self._squares = torch.zeros(0)

    def add(self, values: Tensor) -> None:
        """Add a chunk: (samples, features, ...)."""
        rows = rows_by_feature(values)
        if self._seen == 0:
            self._begin(values, rows)
        self._picked.append(self._pick(values))
        self._seen += values.numel()
        low, high = (extreme.item() for extreme in torch.aminmax(rows))
        largest = max(-low, high)
        if largest == 0 or _SMALL < largest < _LARGE:  # false where there is a NaN
            self._extend(low, high)
            self._sum(rows if self._pivot is None else rows - self._pivot)
        else:
            self._add_carefully(rows)

    def deviations(self) -> Tensor:
        """Return each feature's standard deviation over samples and positions, float64.

        NaN for a feature with a value that is not finite.
        """
        spoilt = self._counts < self._seen // len(self._counts)
        return self._variances().sqrt().masked_fill(spoilt, math.nan)

    def distribution(self) -> Distribution:
        """Return the distribution of all added values."""
        finite = int(self._counts.sum())
        mean, std = self._moments() if finite else (math.nan, math.nan)
        low, high = (self._low, self._high) if finite else (math.nan, math.nan)
        picked = np.concatenate(self._picked)
        picked = np.sort(picked[np.isfinite(picked)])
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

    def _begin(self, values: Tensor, rows: Tensor) -> None:
        size = values[0].numel()
        self._stride = max(1, -(-self._samples * size // SUBSAMPLE))
        while math.gcd(self._stride, size) > 1:
            self._stride += 1
        self._counts = torch.zeros(rows.shape[1], dtype=torch.float64)
        self._sums = self._squares = self._counts
        first = rows[:_FIRST_ROWS].double().nan_to_num(0.0, 0.0, 0.0)
        means = first.mean(0)
        variances = (first - means).square_().mean(0)  # in a fifth of the time of ``var``
        if (means.square() > _NARROW**2 * variances).any():
            # A difference of squares would lose such a small spread, or its last digits.
            self._pivot = means.float()

    def _pick(self, values: Tensor) -> NDArray[np.float32]:
        first = -self._seen % self._stride
        if values.is_contiguous():
            picked = values.view(-1)[first :: self._stride]
        else:  # flattening would copy all of a channels-last tensor for a few of its values
            places = np.arange(first, values.numel(), self._stride)
            picked = values[tuple(map(torch.from_numpy, np.unravel_index(places, values.shape)))]
        return picked.cpu().numpy()

    def _add_carefully(self, rows: Tensor) -> None:
        """Add values that are tiny, huge or not finite."""
        finite = rows.isfinite()
        if finite.any():
            low, high = torch.aminmax(rows[finite])
            self._extend(low.item(), high.item())
        differences = rows.double()
        if self._pivot is not None:
            differences -= self._pivot
        self._sum(differences.where(finite, 0.0))
        self._counts = self._counts - (~finite).sum(0).cpu()

    def _extend(self, low: float, high: float) -> None:
        self._low, self._high = min(self._low, low), max(self._high, high)

    def _sum(self, differences: Tensor) -> None:
        self._counts = self._counts + len(differences)
        self._sums = self._sums + _column_sums(differences)
        self._squares = self._squares + _column_sums(differences, squared=True)

    def _variances(self) -> Tensor:
        means = self._sums / self._counts
        return (self._squares / self._counts - means * means).clamp(min=0.0)

    def _moments(self) -> tuple[float, float]:
        """Return mean and standard deviation of all values, from those of the features."""
        weights = self._counts / self._counts.sum()
        finite = weights > 0
        means = self._sums / self._counts
        if self._pivot is not None:
            means = means + self._pivot.double().cpu()
        weights, means, variances = weights[finite], means[finite], self._variances()[finite]
        mean = (weights * means).sum()
        variance = (weights * (variances + (means - mean) ** 2)).sum()
        return mean.item(), variance.sqrt().item()


def rows_by_feature(values: Tensor) -> Tensor:
    """Return (samples, features, ...) as (rows, features); a view of a channels-last tensor."""
    return values.movedim(1, -1).reshape(-1, values.shape[1])


def _column_sums(rows: Tensor, *, squared: bool = False) -> Tensor:
    whole = len(rows) // _BLOCK_ROWS * _BLOCK_ROWS
    blocks = rows[:whole].reshape(-1, _BLOCK_ROWS, rows.shape[1])
    rest = rows[whole:]
    if squared:
        blocks, rest = torch.linalg.vecdot(blocks, blocks, dim=1), rest.square()
    else:
        blocks = blocks.sum(1)
    return (blocks.sum(0, dtype=torch.float64) + rest.sum(0, dtype=torch.float64)).cpu()


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
    inner = np.searchsorted(ordered, bin_edges(low, high)[1:-1])
    return tuple(np.diff(inner, prepend=0, append=len(ordered)).tolist())
