"""CUDA graphs: a step's launches recorded once and replayed at once.

A step of a small network is a few dozen kernels of microseconds; launching them one by one takes
longer than they do. What changes from step to step (``Draw``) is copied into fixed tensors first;
the rows are changed in place, so they are the same memory at every replay.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

#: Steps before the recording, in which libraries choose their kernels and take their workspaces.
_WARM_UP = 3


class Draw(NamedTuple):
    """What one step takes from outside: all on the device.

    Attributes:
        samples: (K, B) int64, positions in the training part.
        keys: (sites, K, 2) int64, of the dropout layers.
        rates: (rates, K) float32, for the optimizer.
    """

    samples: Tensor
    keys: Tensor
    rates: Tensor


class RecordedStep:
    """A step as a CUDA graph.

    Args:
        step: changes ``rows`` in place by a draw, and nothing else.
        rows: on a CUDA device; they are as they were once the recording is done.
        draw: one of the shapes that all draws will have.
    """

    def __init__(
        self,
        step: Callable[[Mapping[str, Tensor], Draw], None],
        rows: Mapping[str, Tensor],
        draw: Draw,
    ) -> None:
        self._draw = Draw(*(each.clone() for each in draw))
        before = {name: each.clone() for name, each in rows.items()}
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        try:
            with torch.cuda.stream(beside):
                for _ in range(_WARM_UP):
                    step(rows, self._draw)
        finally:  # also where the memory is too small: the step is then taken by two halves
            torch.cuda.current_stream().wait_stream(beside)
            for name, each in before.items():
                rows[name].copy_(each)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            step(rows, self._draw)

    def replay(self, draw: Draw) -> None:
        """Take the step with another draw."""
        for ours, theirs in zip(self._draw, draw, strict=True):
            ours.copy_(theirs, non_blocking=True)
        self._graph.replay()
