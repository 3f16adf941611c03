"""How a gradient changes from the last step of a sequence to the first, in recurrent layers."""

import math
from collections.abc import Iterator

from workers.diagnostics import sentences
from workers.diagnostics.findings import Finding
from workers.diagnostics.layers import LayerStatistics, NetworkStatistics
from workers.diagnostics.thresholds import Thresholds


def sequence_findings(
    statistics: NetworkStatistics, epoch: int, limits: Thresholds
) -> Iterator[Finding]:
    """Yield a finding where the gradient vanishes on its way back through a sequence.

    At epoch 0 also where it explodes; later that shows in the gradient's norm by epoch. All steps
    share their weights, so an adaptive optimizer is no remedy for a gradient that hardly comes from
    the first steps.

    References:
        Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013, section 2.
    """
    for layer in statistics.hidden:
        steps = layer.gradient_by_step
        if steps is None or not all(map(math.isfinite, steps)) or steps[-1] == 0:
            continue
        ratio = steps[0] / steps[-1]
        if ratio < 1 / limits.strong:
            yield _finding("vanishing", layer, epoch, ratio, 1 / limits.strong)
        elif epoch == 0 and ratio > limits.strong:
            yield _finding("exploding", layer, epoch, ratio, limits.strong)


_SENTENCES = {
    "vanishing": (sentences.VANISHING_STEPS, sentences.VANISHING_STEPS_ADVICE),
    "exploding": (sentences.EXPLODING_STEPS, sentences.EXPLODING_STEPS_ADVICE),
}


def _finding(
    kind: str, layer: LayerStatistics, epoch: int, ratio: float, threshold: float
) -> Finding:
    explanation, advice = _SENTENCES[kind]
    steps = len(layer.gradient_by_step or ())
    gain = ratio ** (1 / (steps - 1))
    return Finding(
        kind,
        layer.name,
        epoch,
        ratio,
        threshold,
        explanation.format(ratio=ratio, step=steps, layer=layer.name, gain=gain),
        advice,
    )
