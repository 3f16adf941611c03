"""Probes: the epochs at which a run's layer statistics are taken, and on how many samples."""

from service.specs.spec import LayerStatistics

#: Probed samples that ``auto`` allows between the first probe and the last, as a share of all
#: samples a run trains on. A probed sample costs up to 1.5 times a trained one, so these probes
#: take less than 3% of the training.
AUTO_SHARE = 0.02


def probed_samples(wanted: LayerStatistics, trained: int) -> int:
    """Return how many training samples a probe takes, of those that an epoch trains on."""
    return min(wanted.samples, trained)


def probed_epochs(wanted: LayerStatistics, epochs: int, trained: int) -> frozenset[int]:
    """Return the epochs at whose end a run is probed; 0 is before the first step.

    Epoch 0 and the last are always probed, and between them every n-th. With ``auto`` these are the
    powers of two (training moves most at first), as many of them as ``AUTO_SHARE`` allows.

    Args:
        wanted: the configuration's ``layer_statistics``.
        epochs: of the run.
        trained: samples that an epoch trains on.
    """
    if wanted.every == "auto":
        powers = [2**power for power in range(epochs.bit_length()) if 2**power < epochs]
        allowed = int(AUTO_SHARE * epochs * trained / probed_samples(wanted, trained))
        return frozenset({0, *powers[:allowed], epochs})
    return frozenset({0, *range(wanted.every, epochs, wanted.every), epochs})
