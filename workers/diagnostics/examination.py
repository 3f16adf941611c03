"""Examination: the findings in a network's layer statistics at one epoch."""

import math
from collections.abc import Iterator

from workers.diagnostics.findings import Finding
from workers.diagnostics.flow import flow_findings
from workers.diagnostics.layers import NetworkStatistics
from workers.diagnostics.thresholds import Thresholds


def examine(
    statistics: NetworkStatistics,
    epoch: int,
    limits: Thresholds,
    initial: NetworkStatistics | None = None,
) -> Iterator[Finding]:
    """Yield the findings in layer statistics.

    Args:
        statistics: the network's; its output layer is not examined.
        epoch: when they were taken.
        limits: values from which an observation becomes a finding.
        initial: the network's statistics at epoch 0, to compare with.
    """
    if not statistics.hidden:
        return
    yield from _symmetric(statistics, epoch)
    yield from _dead(statistics, epoch, limits)
    if epoch > 0 and initial is not None:
        yield from _dying(statistics, epoch, initial)
    yield from _saturated(statistics, epoch, limits)
    yield from _overflown(statistics, epoch)
    yield from _huge_loss(statistics, epoch, limits)
    yield from flow_findings(statistics, epoch, limits)


def _symmetric(statistics: NetworkStatistics, epoch: int) -> Iterator[Finding]:
    for layer in statistics.hidden:
        if layer.symmetric:
            yield Finding(
                "symmetric",
                layer.name,
                epoch,
                value=float(layer.units),
                threshold=1.0,
                explanation=f"All {layer.units} units of {layer.name} have the same weights, so "
                "they get the same gradient and stay copies of a single one.",
            )


def _dead(statistics: NetworkStatistics, epoch: int, limits: Thresholds) -> Iterator[Finding]:
    for layer in statistics.hidden:
        if layer.dead_fraction > limits.dead_share:
            yield Finding(
                "dead",
                layer.name,
                epoch,
                value=layer.dead_fraction,
                threshold=limits.dead_share,
                explanation=f"{layer.dead_fraction:.0%} of the units of {layer.name} are dead: "
                f"on none of {statistics.samples} samples does their activation let a gradient "
                "through, so their weights never change.",
            )


def _dying(
    statistics: NetworkStatistics, epoch: int, initial: NetworkStatistics
) -> Iterator[Finding]:
    for layer, before in zip(statistics.hidden, initial.hidden, strict=True):
        died = round((layer.dead_fraction - before.dead_fraction) * layer.units)
        if died > 0:
            yield Finding(
                "dying",
                layer.name,
                epoch,
                value=layer.dead_fraction,
                threshold=before.dead_fraction,
                explanation=f"{layer.name} has {died} more dead {_units(died)} than before the "
                f"first step, {layer.dead_fraction:.1%} of its {layer.units} in all.",
            )


def _units(count: int) -> str:
    return "unit" if count == 1 else "units"


def _saturated(statistics: NetworkStatistics, epoch: int, limits: Thresholds) -> Iterator[Finding]:
    if epoch > 0 and statistics.loss < limits.stuck_loss * statistics.chance_loss:
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
            explanation=f"{layer.saturated_fraction:.0%} of the z-values of {layer.name} lie "
            "where its activation is flat, so hardly a gradient passes.",
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
                )
                return  # the layers after it are not finite either


def _huge_loss(statistics: NetworkStatistics, epoch: int, limits: Thresholds) -> Iterator[Finding]:
    times = statistics.loss / statistics.chance_loss
    if times > limits.huge_loss and math.isfinite(times):
        yield Finding(
            "exploding",
            None,
            epoch,
            value=times,
            threshold=limits.huge_loss,
            explanation=f"The loss is {statistics.loss:.3g}, {times:.3g} times that of guessing: "
            "the logits are out of hand.",
        )
