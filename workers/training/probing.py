"""Probing: a run's layer statistics, at which epochs they are taken and on how many samples."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace

from service.specs.spec import RunConfig
from workers.datasets import Part
from workers.diagnostics.boundary import decision_boundary
from workers.diagnostics.layers import NetworkStatistics, Probe
from workers.nn.losses import Loss
from workers.nn.models import Network
from workers.training.results import Pulse

#: Share of the samples that a run trains on which ``auto`` may spend on probes between the
#: first and the last. A probed sample costs up to 1.5 times a trained one, so all together stay
#: below 3% of the training but for the two probes that every run has.
AUTO_SHARE = 0.02


@dataclass(frozen=True)
class Probing:
    """A run's probes: of its first so many training samples, at these epochs."""

    samples: int
    epochs: frozenset[int]

    def at(self, epoch: int, *, ending: bool = False) -> bool:
        """Say whether statistics are taken at an epoch; ``ending`` if a divergence ends there."""
        return epoch in self.epochs or (ending and bool(self.epochs))


def probing_of(config: RunConfig, trained: int) -> Probing:
    """Read a configuration's ``layer_statistics``.

    Epoch 0 and the last are always probed, and between them every n-th; with ``auto`` the powers
    of two (training moves most at first), the first ones as many as ``AUTO_SHARE`` allows.

    Args:
        config: of the run.
        trained: how many samples an epoch trains on.
    """
    wanted = config.layer_statistics
    if wanted == "off":
        return Probing(0, frozenset())
    samples, last = min(wanted.samples, trained), config.epochs
    if wanted.every == "auto":
        powers = [2**each for each in range(last.bit_length()) if 2**each < last]
        between = powers[: int(AUTO_SHARE * last * trained / samples)]
    else:
        between = list(range(wanted.every, last, wanted.every))
    return Probing(samples, frozenset({0, *between, last}))


def probed(
    network: Network,
    loss: Loss,
    part: Part,
    samples: int,
    pulse: Callable[[], Iterator[Pulse]],
    *,
    last: bool,
) -> Generator[Pulse, None, NetworkStatistics]:
    """Take the layer statistics of a network's present weights; no bit of the training sees it.

    Args:
        network: on the device of the data.
        loss: of the run.
        part: the training data.
        samples: how many of them, from the first.
        pulse: yields a pulse where one is due; called between chunks of samples.
        last: the run ends here: statistics bring the decision boundary where the data have one.
    """
    probe = Probe(network, loss.function, samples)
    for chunk in probe.chunks():
        probe.add(part.inputs[chunk], part.labels[chunk])
        if chunk.stop < samples:
            yield from pulse()
    boundary = decision_boundary(network, part.inputs, part.labels) if last else None
    return replace(probe.statistics(), boundary=boundary)
