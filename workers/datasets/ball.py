r"""Points in a 10-ball, the data set of DeepReplay (Godoy 2018).

DeepReplay draws a direction and a radius, and divides by the deviation of its sample. Here the
first 10 coordinates of a uniform point on the sphere of radius $\sqrt{12}$ in 12 dimensions are
taken: they are uniform in the 10-ball of that radius (Harman & Lacko 2010, On decompositional
algorithms for uniform sampling from n-spheres and n-balls,
https://doi.org/10.1016/j.jmva.2010.06.002), and the variance of each is exactly 12 / 12 = 1.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workers.datasets.samples import Samples

DIMENSIONS = 10
RADIUS = np.sqrt(DIMENSIONS + 2)


def ball(_folder: Path, *, train_size: int, test_size: int, seed: int) -> Samples:
    r"""Give points (n, 10) uniform in a ball, labelled 1 where $|\sum_i x_i| > R / 2$, else 0.

    Each coordinate has mean 0 and standard deviation 1. Training and test part have streams of
    their own; fewer points are the first of more.
    """
    return Samples(2, *_points(train_size, [seed, 0]), *_points(test_size, [seed, 1]))


def _points(size: int, stream: list[int]) -> tuple[NDArray[Any], NDArray[Any]]:
    # RandomState's numbers are frozen by NumPy's policy; those of a Generator may change.
    normal = np.random.RandomState(stream).standard_normal((size, DIMENSIONS + 2))
    sphere = RADIUS * normal / np.linalg.norm(normal, axis=1, keepdims=True)
    inputs = sphere[:, :DIMENSIONS]
    return inputs, (np.abs(inputs.sum(axis=1)) > RADIUS / 2).astype(np.int64)
