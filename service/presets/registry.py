"""Presets: published claims about activations, initializers and their like, ready to be run.

A preset is data: a spec at a full and a small size, its source, and its claims as checks. One
module a family; the order is that of the tables in docs/presets.md.
"""

from service.presets import activations, depth, initializers, normalizations, optimization
from service.presets.preset import Preset

#: Every preset by its name.
PRESETS: dict[str, Preset] = {
    preset.name: preset
    for family in (activations, initializers, depth, normalizations, optimization)
    for preset in family.PRESETS
}
