"""The catalog: every value that an axis of a spec can take, as data.

An entry has everything that the API needs without torch: name, parameters with their ranges,
formula and source. The function of an entry is in ``workers.nn`` (or ``workers.datasets``) under
the same name; ``tests/workers/training/test_assembly.py`` proves that each has the other.

To add a value, write its entry in the axis' module here and its function there
(docs/howto/adding-an-activation.md, docs/howto/adding-a-data-set.md).
"""

from collections.abc import Mapping

from service.catalog import (
    activations,
    clippings,
    datasets,
    dropouts,
    initializers,
    layers,
    losses,
    models,
    normalizations,
    optimizers,
    precisions,
    preprocessings,
    schedules,
)
from service.catalog.entry import Entry


def _by_name(entries: tuple[Entry, ...]) -> Mapping[str, Entry]:
    return {entry.name: entry for entry in entries}


AXES: Mapping[str, Mapping[str, Entry]] = {
    "dataset": _by_name(datasets.ENTRIES),
    "preprocessing": _by_name(preprocessings.ENTRIES),
    "model": _by_name(models.ENTRIES),
    "layer": _by_name(layers.ENTRIES),
    "activation": _by_name(activations.ENTRIES),
    "initializer": _by_name(initializers.ENTRIES),
    "bias_initializer": _by_name(initializers.BIAS_ENTRIES),
    "normalization": _by_name(normalizations.ENTRIES),
    "clipping": _by_name(clippings.ENTRIES),
    "optimizer": _by_name(optimizers.ENTRIES),
    "schedule": _by_name(schedules.ENTRIES),
    "dropout": _by_name(dropouts.ENTRIES),
    "loss": _by_name(losses.ENTRIES),
    "precision": _by_name(precisions.ENTRIES),
}

_ALIASES: Mapping[str, Mapping[str, str]] = {
    axis: {alias: entry.name for entry in entries.values() for alias in entry.aliases}
    for axis, entries in AXES.items()
}


def own_name(axis: str, name: str) -> str:
    """Return an entry's own name for an alias of it; any other name as it is."""
    return _ALIASES[axis].get(name, name)
