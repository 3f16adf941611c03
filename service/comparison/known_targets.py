"""What is known of the targets of a part of the data: by the catalog, or by what runs recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import fsum, sqrt
from typing import Any

from service.catalog.entry import DatasetEntry
from service.catalog.losses import task_of
from service.catalog.metrics import Part
from service.specs.resolution import stored_facts, tested_on

#: Of configurations that were stored before there was a choice.
FIRST_LOSS: Mapping[str, Any] = {"name": "categorical_crossentropy"}


@dataclass(frozen=True)
class ClassShares:
    """The shares of the classes among a part's samples."""

    shares: tuple[float, ...]


@dataclass(frozen=True)
class Spread:
    """How numbers lie about their mean: parts of normal shape, each with its own deviation.

    Attributes:
        parts: share and standard deviation of each.
        flatness: the mean absolute deviation over the standard deviation, the same in each.
        scale: the standard deviation of the training part, by which targets are standardized.
    """

    parts: tuple[tuple[float, float], ...]
    flatness: float
    scale: float

    @property
    def deviation(self) -> float:
        """The standard deviation of all."""
        return sqrt(fsum(share * deviation**2 for share, deviation in self.parts))

    @property
    def absolute_deviation(self) -> float:
        """The mean absolute deviation of all."""
        return self.flatness * fsum(share * deviation for share, deviation in self.parts)

    def with_deviation(self, deviation: float, scale: float | None) -> "Spread":
        """Return the same shape with another standard deviation, as it was measured.

        Args:
            deviation: of the part.
            scale: of the training part; None where it was not measured, and changes alike.
        """
        factor = deviation / self.deviation if self.deviation else 1.0
        parts = tuple((share, factor * own) for share, own in self.parts)
        return replace(self, parts=parts, scale=factor * self.scale if scale is None else scale)


Targets = ClassShares | Spread


@dataclass(frozen=True)
class RecordedTargets:
    """What runs on the same data have recorded of the targets (``comparison.recorded_targets``).

    Attributes:
        shares: of the classes that there are, by part.
        deviations: the standard deviation of targets that are numbers, by part.
        training_loss: what guessing costs on the samples of the training part that are probed.
    """

    shares: Mapping[Part, tuple[float, ...]] = field(default_factory=dict)
    deviations: Mapping[Part, float] = field(default_factory=dict)
    training_loss: float | None = None

    def of(self, part: Part, expected: Targets) -> Targets:
        """Return the targets of a part; what was not recorded is as it is expected."""
        if isinstance(expected, ClassShares):
            return self._shares(part, expected)
        deviation = self.deviations.get(part)
        if deviation is None:
            return expected
        return expected.with_deviation(deviation, self.deviations.get("training"))

    def _shares(self, part: Part, expected: ClassShares) -> ClassShares:
        shares = self.shares.get(part)
        if shares is None:
            return expected
        absent = len(expected.shares) - len(shares)
        return ClassShares((*shares, *[0.0] * absent))


NOTHING_RECORDED = RecordedTargets()


def expected(part: Part, config: Mapping[str, Any]) -> Targets:
    """Return what the catalog, or the facts of an upload, tell of the targets of a part.

    They are of the whole test part, and taken for every other. Of classes the share of the largest
    is known; the others are taken for equal. A data set that this version does not have is taken
    for two equal classes, or for numbers of deviation 1.
    """
    dataset = config["dataset"]
    known = stored_facts(dataset)
    if task_of(config.get("loss", FIRST_LOSS)["name"]) == "regression":
        return _spread(part, dataset, known)
    largest, classes = (0.5, 2) if known is None else (known.largest_class, known.classes)
    largest = max(largest, 1 / classes)
    return ClassShares((largest, *[(1 - largest) / (classes - 1)] * (classes - 1)))


def _spread(part: Part, dataset: Mapping[str, Any], known: DatasetEntry | None) -> Spread:
    if known is None:
        return Spread(((1.0, 1.0),), 1.0, 1.0)
    deviation, absolute = known.target_deviation, known.target_absolute_deviation
    flatness = absolute / deviation if deviation else 0.0
    trained = Spread(_parts(dataset, known, outlying=True), flatness, 0.0)
    # A validation part that is held out is of training samples.
    outlying = part == "training" or (part == "validation" and tested_on(dataset) > 0)
    parts = _parts(dataset, known, outlying=outlying)
    return Spread(parts, flatness, trained.deviation)


def _parts(
    dataset: Mapping[str, Any], known: DatasetEntry, *, outlying: bool
) -> tuple[tuple[float, float], ...]:
    """Return the share and the deviation of targets with usual noise, and of outliers."""
    noise = known.target_noise
    if noise is None:
        return ((1.0, known.target_deviation),)
    usual = known.default_of(noise.deviation)
    without = known.target_deviation**2 - usual**2
    deviation = dataset.get(noise.deviation, usual)
    outliers = dataset.get(noise.outliers, 0.0) if outlying else 0.0
    return (
        (1 - outliers, sqrt(without + deviation**2)),
        (outliers, sqrt(without + (noise.outlier_scale * deviation) ** 2)),
    )
