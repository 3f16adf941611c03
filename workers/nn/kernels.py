"""Kernels: loops that do in one pass over a CPU's memory what torch's operations do in many.

The networks know what each loop does. Who trains them may lend compiled loops, which give the bits
of torch's operations; without any, torch's operations do the work.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: In the place of a largest number's position, where no gradient passes.
NOWHERE = np.uint8(255)

#: Elements from which one pass gains more than the call of a kernel costs.
MANY = 2**16

_TYPES = (torch.float32, torch.bfloat16)


class Kernels(Protocol):
    """The loops. Arrays are contiguous, and bfloat16 numbers are their bits as int16.

    A loop lets other threads of Python run meanwhile.
    """

    def pool(
        self, x: NDArray[Any], y: NDArray[Any], at: NDArray[np.uint8], size: int, relu: bool
    ) -> None:
        """Write the largest number of each square of ``x`` to ``y``, and its position to ``at``.

        The first of equal ones, and the last NaN, as in torch.

        Args:
            x: (samples, height, width, channels).
            y: (samples, height // size, width // size, channels).
            at: of the same shape, row by row in the square; NOWHERE where ``relu`` gives 0.
            size: a square's side, and the step to the next.
            relu: whether ``y`` receives relu of it.
        """

    def unpool(
        self,
        gradient: NDArray[Any],
        at: NDArray[np.uint8],
        whole: NDArray[Any],
        size: int,
        nothing: Any,
    ) -> None:
        """Write each gradient to its position in its square of ``whole``, else ``nothing``.

        Rows and columns that are in no square are left as they are.
        """

    def draw(
        self,
        counters: NDArray[np.uint64],
        words: NDArray[np.uint64],
        low: np.uint64,
        high: np.uint64,
    ) -> None:
        """Write the four random words of each counter: Philox 4x64 with 10 rounds.

        Args:
            counters: (blocks,), the first of a counter's four words; the others are 0.
            words: (blocks, 4).
            low: the first word of the key.
            high: its other word.

        References:
            Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3, section 4.3.
        """

    def drop_float32(
        self,
        x: NDArray[np.float32],
        drawn: NDArray[np.uint16],
        y: NDArray[np.float32],
        dropped: int,
        scale: np.float32,
    ) -> None:
        """Write ``x`` to ``y``: times ``scale`` where ``drawn`` is at least ``dropped``, else 0.

        All have one dimension.
        """

    def drop_bfloat16(
        self,
        x: NDArray[np.int16],
        drawn: NDArray[np.uint16],
        y: NDArray[np.int16],
        dropped: int,
        scale: np.float32,
    ) -> None:
        """Do the same with bfloat16 numbers; products are rounded to the nearest, ties to even."""

    def norm(self, x: NDArray[np.float32]) -> float:
        """Return the Euclidean norm of numbers (one dimension), in float64.

        Every fourth square is in one sum, as in torch.
        """

    def clamp(self, x: NDArray[np.float32], threshold: np.float32) -> np.float32:
        """Limit numbers (one dimension) to [-threshold, threshold]; return the largest magnitude.

        A NaN stays and is the largest.
        """


class _Lent:
    load: Callable[[], Kernels] | None = None


def lend(load: Callable[[], Kernels] | None) -> None:
    """Let the networks of this process use kernels; None takes them back.

    Args:
        load: returns them. It is called in the first step that needs them, so that a process which
            needs none does not wait for their compiler.
    """
    _Lent.load = load


def lent() -> Kernels:
    """Return the kernels, where ``serve`` said that they are there."""
    assert _Lent.load is not None  # noqa: S101 - ``serve`` was asked
    return _Lent.load()


def serve(*tensors: Tensor) -> bool:
    """Whether there are kernels for these tensors, and the tensors have enough elements."""
    return serve_many(sum(each.numel() for each in tensors)) and all(
        each.device.type == "cpu" and each.dtype in _TYPES for each in tensors
    )


def serve_many(count: int) -> bool:
    """Whether there are kernels for so many elements of a CPU's memory."""
    return _Lent.load is not None and count >= MANY


def array(x: Tensor) -> NDArray[Any]:
    """Return the memory of a tensor as kernels read it."""
    bits = x.view(torch.int16) if x.dtype == torch.bfloat16 else x
    numbers: NDArray[Any] = bits.numpy()
    return numbers


def by_samples(kernel: Callable[..., Any], arrays: Sequence[NDArray[Any]], *rest: Any) -> list[Any]:
    """Call a kernel with arrays and the rest; of many elements each of torch's threads takes some.

    Returns:
        what each call returned.
    """
    many = any(array.size >= MANY for array in arrays)
    parts = torch.get_num_threads() if many else 1
    bounds = [len(arrays[0]) * part // parts for part in range(parts + 1)]
    own, *others = ([array[first:last] for array in arrays] for first, last in pairwise(bounds))
    started = [_threads().submit(kernel, *other, *rest) for other in others]
    return [kernel(*own, *rest), *(each.result() for each in started)]


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="kernel")
