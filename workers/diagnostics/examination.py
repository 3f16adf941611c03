"""Examination: the findings in a network's layer statistics at one epoch."""

import math
from collections.abc import Iterator

from workers.diagnostics import sentences
from workers.diagnostics.findings import Finding
from workers.diagnostics.flow import flow_findings
from workers.diagnostics.layers import LayerStatistics, NetworkStatistics
from workers.diagnostics.setting import Setting
from workers.diagnostics.steps import large_step
from workers.diagnostics.steps_of_sequences import sequence_findings
from workers.diagnostics.thresholds import Thresholds


def examine(
    statistics: NetworkStatistics,
    epoch: int,
    limits: Thresholds,
    setting: Setting,
    initial: NetworkStatistics | None = None,
) -> Iterator[Finding]:
    """Yield the findings in layer statistics.

    Args:
        statistics: the network's; of its output layer only the steps are examined.
        epoch: when they were taken.
        limits: values from which an observation becomes a finding.
        setting: of the run.
        initial: the network's statistics at epoch 0, to compare with.
    """
    yield from large_step(statistics, epoch, limits, setting)
    if not statistics.hidden:
        return
    yield from _symmetric(statistics, epoch, setting)
    yield from _dead(statistics, epoch, limits)
    if epoch > 0 and initial is not None:
        yield from _dying(statistics, epoch, initial)
    yield from _saturated(statistics, epoch, limits, setting)
    yield from _overflown(statistics, epoch)
    if epoch == 0:
        yield from _length(statistics, limits)
    yield from flow_findings(statistics, epoch, limits, setting)
    yield from sequence_findings(statistics, epoch, limits)


def _symmetric(statistics: NetworkStatistics, epoch: int, setting: Setting) -> Iterator[Finding]:
    for layer in statistics.hidden:
        if not layer.symmetric or (epoch == 0 and layer.name in setting.zeros):
            continue
        kept = layer.symmetry_kept
        sentence = sentences.SYMMETRIC if kept else sentences.EQUAL_UNITS
        yield Finding(
            "symmetric" if kept else "equal_units",
            layer.name,
            epoch,
            value=float(layer.units),
            threshold=1.0,
            explanation=sentence.format(units=layer.units, layer=layer.name),
            advice=sentences.SYMMETRIC_ADVICE if kept else sentences.EQUAL_UNITS_ADVICE,
        )


def _dead(statistics: NetworkStatistics, epoch: int, limits: Thresholds) -> Iterator[Finding]:
    for layer in statistics.hidden:
        if not _is_dead(layer, limits):
            continue
        yield Finding(
            "dead",
            layer.name,
            epoch,
            value=layer.dead_fraction,
            threshold=limits.dead_share,
            explanation=sentences.DEAD.format(
                share=layer.dead_fraction, layer=layer.name, samples=statistics.samples
            ),
            advice=sentences.DEAD_AT_FIRST_ADVICE if epoch == 0 else sentences.DEAD_LATER_ADVICE,
        )


def _is_dead(layer: LayerStatistics, limits: Thresholds) -> bool:
    if layer.z.non_finite:
        return False
    wide = layer.units >= limits.dead_units
    return layer.dead_fraction == 1 or (wide and layer.dead_fraction > limits.dead_share)


def _dying(
    statistics: NetworkStatistics, epoch: int, initial: NetworkStatistics
) -> Iterator[Finding]:
    for layer, before in zip(statistics.hidden, initial.hidden, strict=True):
        died = round((layer.dead_fraction - before.dead_fraction) * layer.units)
        if died > 0 and not layer.z.non_finite:
            yield Finding(
                "dying",
                layer.name,
                epoch,
                value=layer.dead_fraction,
                threshold=before.dead_fraction,
                explanation=sentences.DYING.format(
                    layer=layer.name,
                    died=died,
                    noun="unit" if died == 1 else "units",
                    share=layer.dead_fraction,
                    units=layer.units,
                ),
                advice=sentences.DYING_ADVICE,
            )


def _saturated(
    statistics: NetworkStatistics, epoch: int, limits: Thresholds, setting: Setting
) -> Iterator[Finding]:
    stuck = setting.loss_at(limits.stuck_loss, statistics.chance_loss)
    if epoch > 0 and statistics.loss < stuck:
        return  # many networks that have learnt well are saturated
    hidden = statistics.hidden
    full = [layer for layer in hidden if layer.saturated_fraction > limits.saturated_layer]
    for layer in full:
        yield Finding(
            "saturated",
            layer.name,
            epoch,
            value=layer.saturated_fraction,
            threshold=limits.saturated_layer,
            explanation=sentences.SATURATED_LAYER.format(
                share=layer.saturated_fraction, layer=layer.name
            ),
            advice=_saturated_advice(layer, epoch),
        )
    share = sum(layer.saturated_fraction for layer in hidden) / len(hidden)
    if not full and share > limits.saturated_share:
        worst = max(hidden, key=lambda layer: layer.saturated_fraction)
        yield Finding(
            "saturated",
            worst.name,
            epoch,
            value=share,
            threshold=limits.saturated_share,
            explanation=sentences.SATURATED_LAYERS.format(
                share=share, layer=worst.name, most=worst.saturated_fraction
            ),
            advice=_saturated_advice(worst, epoch),
        )


def _saturated_advice(layer: LayerStatistics, epoch: int) -> str:
    if epoch > 0:
        return sentences.SATURATED_LATER_ADVICE
    if abs(layer.z.mean) > layer.z.std:
        return sentences.SATURATED_BY_OFFSET_ADVICE.format(mean=layer.z.mean, layer=layer.name)
    return sentences.SATURATED_AT_FIRST_ADVICE


def _overflown(statistics: NetworkStatistics, epoch: int) -> Iterator[Finding]:
    for layer in statistics.layers:
        for sentence, values in (
            (sentences.OVERFLOWN_Z, layer.z),
            (sentences.OVERFLOWN_GRADIENT, layer.gradient),
        ):
            if values.non_finite:
                share = values.non_finite / values.count
                yield Finding(
                    "exploding",
                    layer.name,
                    epoch,
                    value=share,
                    threshold=0.0,
                    explanation=sentence.format(share=share, layer=layer.name),
                    advice=sentences.OVERFLOWN_AT_FIRST_ADVICE
                    if epoch == 0
                    else sentences.SMALLER_STEPS_ADVICE,
                )
                return  # the layers after it are not finite either


def _length(statistics: NetworkStatistics, limits: Thresholds) -> Iterator[Finding]:
    first, last = statistics.hidden[0], statistics.hidden[-1]
    growth = _quotient(_mean_square(last), _mean_square(first))
    if growth > limits.length_growth and _mean_square(last) > limits.length:
        per_layer = growth ** (1 / (2 * (len(statistics.hidden) - 1)))
        yield Finding(
            "length",
            last.name,
            epoch=0,
            value=growth,
            threshold=limits.length_growth,
            explanation=sentences.LENGTH.format(growth=growth, first=first.name, last=last.name),
            advice=sentences.SMALLER_WEIGHTS_ADVICE.format(times=sentences.factor(per_layer)),
        )
    times = _quotient(statistics.loss, statistics.chance_loss)
    if times > limits.long_loss:
        yield Finding(
            "length",
            None,
            epoch=0,
            value=times,
            threshold=limits.long_loss,
            explanation=sentences.LARGE_LOGITS.format(loss=statistics.loss, times=times),
            advice=sentences.LARGE_LOGITS_ADVICE,
        )


def _mean_square(layer: LayerStatistics) -> float:
    z = layer.z
    return math.nan if z.non_finite else z.mean**2 + z.std**2


def _quotient(value: float, base: float) -> float:
    """Return value / base; NaN, which passes no threshold, where that means nothing."""
    return value / base if base > 0 and math.isfinite(value) and math.isfinite(base) else math.nan
