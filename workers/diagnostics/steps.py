"""Steps: whether the steps of a training are of a size that can learn."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from workers.diagnostics import sentences
from workers.diagnostics.findings import Finding
from workers.diagnostics.layers import NetworkStatistics
from workers.diagnostics.setting import Setting
from workers.diagnostics.thresholds import Thresholds

#: Update ratio at which networks learn well, and way that a training goes, in norms of the weights;
#: the advice aims at them.
_USUAL_RATIO, _USUAL_WAY = 0.01, 1.0


@dataclass(frozen=True)
class Update:
    """The largest update ratio of a training until now.

    Attributes:
        layer: whose it is; empty where none was measured.
        ratio: a median over the steps measured in an epoch; NaN where none was measured.
        epoch: the epoch.
    """

    layer: str = ""
    ratio: float = math.nan
    epoch: int = 0


def largest_update(statistics: NetworkStatistics, epoch: int, setting: Setting) -> Update:
    """Return the largest update ratio until an epoch, by its layer statistics.

    A layer whose weights did not change at all tells nothing: it gets no gradient, whatever the
    size of the steps. Nor does one that is meant to begin at zero.
    """
    updates = (
        Update(layer.name, layer.largest_update_ratio, layer.largest_update_epoch or epoch)
        if layer.largest_update_ratio
        else Update(layer.name, layer.update_ratio or math.nan, epoch)  # of an older version
        for layer in statistics.layers
        if layer.name not in setting.zeros
    )
    measured = [update for update in updates if not math.isnan(update.ratio)]
    return max(measured, key=lambda update: update.ratio, default=Update())


def large_step(
    statistics: NetworkStatistics, epoch: int, limits: Thresholds, setting: Setting
) -> Iterator[Finding]:
    """Yield a finding where a step is too large for a layer."""
    largest = largest_update(statistics, epoch, setting)
    if largest.ratio > limits.large_update:
        yield Finding(
            "step_size",
            largest.layer,
            largest.epoch,
            value=largest.ratio,
            threshold=limits.large_update,
            explanation=sentences.LARGE_STEP.format(layer=largest.layer, ratio=largest.ratio),
            advice=sentences.LARGE_STEP_ADVICE.format(
                times=sentences.factor(largest.ratio / _USUAL_RATIO, 1)
            ),
        )


def small_steps(largest: float, setting: Setting, limits: Thresholds) -> Iterator[Finding]:
    """Yield a finding where all steps of a training together hardly move the weights.

    Args:
        largest: of all update ratios measured.
        setting: of the run.
        limits: values from which an observation becomes a finding.
    """
    limit = max(limits.small_update, limits.short_way / max(setting.steps, 1))
    if largest < limit:
        times = sentences.factor(_USUAL_WAY / (largest * max(setting.steps, 1)), 1)
        yield Finding(
            "step_size",
            None,
            setting.epochs,
            value=largest,
            threshold=limit,
            explanation=sentences.SMALL_STEPS.format(ratio=largest, steps=setting.steps),
            advice=sentences.SMALL_STEPS_ADVICE.format(times=times),
        )
