"""Examination: the findings in a network's layer statistics at one epoch."""

import math
from collections.abc import Iterator

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
    yield from large_step(statistics, epoch, limits)
    if not statistics.hidden:
        return
    yield from _symmetric(statistics, epoch)
    yield from _dead(statistics, epoch, limits)
    if epoch > 0 and initial is not None:
        yield from _dying(statistics, epoch, initial)
    yield from _saturated(statistics, epoch, limits)
    yield from _overflown(statistics, epoch)
    if epoch == 0:
        yield from _length(statistics, limits)
    yield from flow_findings(statistics, epoch, limits, setting)
    yield from sequence_findings(statistics, epoch, limits)


def _symmetric(statistics: NetworkStatistics, epoch: int) -> Iterator[Finding]:
    for layer in statistics.hidden:
        if not layer.symmetric:
            continue
        kept = layer.symmetry_kept
        consequence = (
            "they get the same gradient and stay copies of a single one"
            if kept
            else "only the next layer's weights or the dropout after them tell them apart"
        )
        yield Finding(
            "symmetric" if kept else "equal_units",
            layer.name,
            epoch,
            value=float(layer.units),
            threshold=1.0,
            explanation=f"All {layer.units} units of {layer.name} have the same weights, so "
            f"{consequence}.",
            advice="Draw the initial weights at random; the biases may be zeros."
            if kept
            else "Nothing has to change; weights drawn at random would learn sooner.",
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
            explanation=f"{layer.dead_fraction:.0%} of the units of {layer.name} are dead: "
            f"on none of {statistics.samples} samples does their activation let a gradient "
            "through, so their weights never change.",
            advice="Start with biases of zero and smaller weights, or use an activation with a "
            "slope on both sides, such as leaky_relu, elu or gelu."
            if epoch == 0
            else "Lower the learning rate or clip the gradient, or use an activation with a slope "
            "on both sides, such as leaky_relu, elu or gelu.",
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
                explanation=f"{layer.name} has {died} more dead {_units(died)} than before the "
                f"first step, {layer.dead_fraction:.1%} of its {layer.units} in all.",
                advice="Nothing has to change while the loss falls; else lower the learning rate.",
            )


def _units(count: int) -> str:
    return "unit" if count == 1 else "units"


def _saturated(statistics: NetworkStatistics, epoch: int, limits: Thresholds) -> Iterator[Finding]:
    if epoch > 0 and statistics.loss < limits.stuck_loss * statistics.chance_loss:
        return  # many networks that have learnt well are saturated
    hidden = statistics.hidden
    advice = (
        "Draw the initial weights smaller, standardize the inputs, or add a normalization."
        if epoch == 0
        else "Lower the learning rate, or add a normalization before the activation."
    )
    full = [layer for layer in hidden if layer.saturated_fraction > limits.saturated_layer]
    for layer in full:
        yield Finding(
            "saturated",
            layer.name,
            epoch,
            value=layer.saturated_fraction,
            threshold=limits.saturated_layer,
            explanation=f"{layer.saturated_fraction:.0%} of the z-values of {layer.name} lie "
            "where its activation is flat, so hardly a gradient passes.",
            advice=advice,
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
            explanation=f"Over the hidden layers {share:.0%} of the z-values lie where the "
            f"activation is flat, in {worst.name} {worst.saturated_fraction:.0%}; there hardly a "
            "gradient passes.",
            advice=advice,
        )


def _overflown(statistics: NetworkStatistics, epoch: int) -> Iterator[Finding]:
    for layer in statistics.layers:
        for name, values in (("z-values", layer.z), ("gradients", layer.gradient)):
            if values.non_finite:
                share = values.non_finite / values.count
                yield Finding(
                    "exploding",
                    layer.name,
                    epoch,
                    value=share,
                    threshold=0.0,
                    explanation=f"{share:.1%} of the {name} of {layer.name} are not finite: they "
                    "have outgrown float32, or come from others that have.",
                    advice="Draw the initial weights far smaller, or scale the inputs."
                    if epoch == 0
                    else "Lower the learning rate, or clip the gradient.",
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
            explanation=f"The mean square of the z-values grows {growth:.3g} times from "
            f"{first.name} to {last.name}, whatever the sample.",
            advice=f"Draw the initial weights about {per_layer:.2g} times smaller, or add a "
            "normalization.",
        )
    times = _quotient(statistics.loss, statistics.chance_loss)
    if times > limits.long_loss:
        yield Finding(
            "length",
            None,
            epoch=0,
            value=times,
            threshold=limits.long_loss,
            explanation=f"Before the first step the loss is {statistics.loss:.3g}, {times:.3g} "
            "times that of guessing: the logits are too large.",
            advice="Draw the initial weights smaller, those of the output layer first, or scale "
            "the inputs.",
        )


def _mean_square(layer: LayerStatistics) -> float:
    z = layer.z
    return math.nan if z.non_finite else z.mean**2 + z.std**2


def _quotient(value: float, base: float) -> float:
    """Return value / base; NaN, which passes no threshold, where that means nothing."""
    return value / base if base > 0 and math.isfinite(value) and math.isfinite(base) else math.nan
