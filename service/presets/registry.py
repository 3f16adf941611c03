"""Presets: published claims about activations, initializers and other choices, ready to run.

A preset is data: a spec at a full and a small size, its source, and its claims as checks. There is
one module per family, in the order of the tables in docs/presets.md.
"""

from service.presets import (
    activations,
    depth,
    initial_weights,
    initializers,
    mnist_search,
    normalizations,
    optimization,
    recurrent,
    regression,
)
from service.presets.preset import Preset

#: Every preset by its name, in the order the API lists them.
PRESETS: dict[str, Preset] = {
    preset.name: preset
    for family in (
        mnist_search,
        activations,
        initializers,
        initial_weights,
        depth,
        normalizations,
        optimization,
        recurrent,
        regression,
    )
    for preset in family.PRESETS
}
