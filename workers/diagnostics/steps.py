"""Steps: whether the steps of a training are of a size that can learn."""

import math
from collections.abc import Iterator

from workers.diagnostics import sentences
from workers.diagnostics.findings import Finding
from workers.diagnostics.layers import NetworkStatistics
from workers.diagnostics.setting import Setting
from workers.diagnostics.thresholds import Thresholds

#: Update ratio at which networks learn well, and way that a training goes, in norms of the weights;
#: the advice aims at them.
_USUAL_RATIO, _USUAL_WAY = 0.01, 1.0


def largest_update(statistics: NetworkStatistics, setting: Setting) -> tuple[str, float]:
    """Return the layer with the largest update ratio, and the ratio; NaN where none was measured.

    A layer whose weights did not change at all tells nothing: it gets no gradient, whatever the
    size of the steps. Nor does one that is meant to begin at zero.
    """
    ratios = {
        layer.name: layer.update_ratio
        for layer in statistics.layers
        if layer.update_ratio and layer.name not in setting.zeros
    }
    name = max(ratios, key=lambda layer: ratios[layer], default="")
    return name, ratios.get(name, math.nan)


def large_step(
    statistics: NetworkStatistics, epoch: int, limits: Thresholds, setting: Setting
) -> Iterator[Finding]:
    """Yield a finding where a step is too large for a layer."""
    layer, ratio = largest_update(statistics, setting)
    if ratio > limits.large_update:
        yield Finding(
            "step_size",
            layer,
            epoch,
            value=ratio,
            threshold=limits.large_update,
            explanation=sentences.LARGE_STEP.format(layer=layer, ratio=ratio),
            advice=sentences.LARGE_STEP_ADVICE.format(times=_plain(ratio / _USUAL_RATIO)),
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
        times = _plain(_USUAL_WAY / (largest * max(setting.steps, 1)))
        yield Finding(
            "step_size",
            None,
            setting.epochs,
            value=largest,
            threshold=limit,
            explanation=sentences.SMALL_STEPS.format(ratio=largest, steps=setting.steps),
            advice=sentences.SMALL_STEPS_ADVICE.format(times=times),
        )


def _plain(factor: float) -> str:
    """Return a factor with one significant digit, as people write it."""
    rounded = float(f"{factor:.1g}")
    return f"{rounded:,.0f}" if rounded >= 1 else f"{rounded:g}"
