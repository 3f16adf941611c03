"""Special functions of scipy, which is imported when one is first computed: it takes half a second.

What starts, a service or a command, seldom computes one.
"""

import numpy as np
from numpy.typing import NDArray

_Values = NDArray[np.float64]


def erf(x: _Values) -> _Values:
    """Return the error function."""
    from scipy import special  # noqa: PLC0415

    found: _Values = special.erf(x)
    return found


def expit(x: _Values) -> _Values:
    """Return the logistic sigmoid, 1 / (1 + exp(-x))."""
    from scipy import special  # noqa: PLC0415

    found: _Values = special.expit(x)
    return found


def ndtr(x: _Values) -> _Values:
    """Return the distribution function of a standard normal variable."""
    from scipy import special  # noqa: PLC0415

    found: _Values = special.ndtr(x)
    return found
