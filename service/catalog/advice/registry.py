"""The advice on every entry of the axes that have it."""

from collections.abc import Mapping

from service.catalog.advice import (
    bounded_activations,
    clippings,
    deep_initializers,
    fixed_initializers,
    normalizations,
    rectifiers,
    scaled_initializers,
    smooth_activations,
)
from service.catalog.advice.advice import Advice

#: By axis and name.
ADVICE: Mapping[str, Mapping[str, Advice]] = {
    "activation": {
        **bounded_activations.ADVICE,
        **rectifiers.ADVICE,
        **smooth_activations.ADVICE,
    },
    "initializer": {
        **fixed_initializers.ADVICE,
        **scaled_initializers.ADVICE,
        **deep_initializers.ADVICE,
    },
    "normalization": normalizations.ADVICE,
    "clipping": clippings.ADVICE,
}


def advice_on(axis: str, name: str) -> Advice | None:
    """Return the advice on an entry of an axis; None where the axis has none."""
    return ADVICE.get(axis, {}).get(name)
