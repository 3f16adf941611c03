"""CUDA graphs: the launches of a step, recorded once and replayed at once.

A step of a small network is a few dozen kernels of some microseconds each, and launching them one
by one takes longer than they run. The inputs that change from step to step (``StepInputs``) are
first copied into fixed tensors; the rows are changed in place, so they are the same memory at every
replay.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

#: Steps before the recording, in which libraries choose their kernels and allocate workspaces.
_WARM_UP_STEPS = 3


class StepInputs(NamedTuple):
    """The inputs of one step, all on the device.

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
        step: changes ``rows`` in place by its inputs, and nothing else.
        rows: on a CUDA device; recording leaves them as they were.
        inputs: of the shapes that all later inputs will have.
    """

    def __init__(
        self,
        step: Callable[[Mapping[str, Tensor], StepInputs], None],
        rows: Mapping[str, Tensor],
        inputs: StepInputs,
    ) -> None:
        self._inputs = StepInputs(*(tensor.clone() for tensor in inputs))
        before = {name: tensor.clone() for name, tensor in rows.items()}
        warm_up = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        warm_up.wait_stream(torch.cuda.current_stream())
        try:
            with torch.cuda.stream(warm_up):
                for _ in range(_WARM_UP_STEPS):
                    step(rows, self._inputs)
        finally:  # also where the memory is too small: the caller then splits the lane in two
            torch.cuda.current_stream().wait_stream(warm_up)
            for name, tensor in before.items():
                rows[name].copy_(tensor)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            step(rows, self._inputs)

    def replay(self, inputs: StepInputs) -> None:
        """Take the step with other inputs."""
        for fixed, new in zip(self._inputs, inputs, strict=True):
            fixed.copy_(new, non_blocking=True)
        self._graph.replay()
