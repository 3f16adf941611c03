r"""Points in a 10-ball, the data set of DeepReplay (Godoy 2018).

DeepReplay draws a direction and a radius, and divides by the standard deviation of its sample. Here
a point is the first 10 coordinates of a uniform point on the sphere of radius $\sqrt{12}$ in 12
dimensions. Such points are uniform in the 10-ball of that radius, and each coordinate has variance
12 / 12 = 1.

References:
    Harman & Lacko 2010, On decompositional algorithms for uniform sampling from n-spheres and
    n-balls, https://doi.org/10.1016/j.jmva.2010.06.002
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.datasets.samples import Samples

DIMENSIONS = 10
RADIUS = np.sqrt(DIMENSIONS + 2)


def ball(_folder: Path, *, train_size: int, test_size: int, seed: int) -> Samples:
    r"""Return points (n, 10) uniform in a ball, with label 1 if $|\sum_i x_i| > R / 2$, else 0.

    R is the radius. Each coordinate has mean 0 and standard deviation 1. Training and test part are
    drawn from separate streams. A smaller part is the beginning of a larger one.
    """
    return Samples(2, *_points(train_size, [seed, 0]), *_points(test_size, [seed, 1]))


def _points(size: int, stream: list[int]) -> tuple[NDArray[Any], NDArray[Any]]:
    # NumPy guarantees the numbers of a RandomState; those of a Generator may change.
    normal = np.random.RandomState(stream).standard_normal((size, DIMENSIONS + 2))
    sphere = RADIUS * normal / np.linalg.norm(normal, axis=1, keepdims=True)
    inputs = sphere[:, :DIMENSIONS]
    return inputs, (np.abs(inputs.sum(axis=1)) > RADIUS / 2).astype(np.int64)
