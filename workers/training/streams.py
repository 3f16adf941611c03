"""Random streams: everything random in a run is derived from its seed.

A stream's key is a hash of (seed, purpose, coordinates). It does not depend on how much was drawn
before, so a resumed run draws what an uninterrupted one draws, and a run draws the same numbers
alone and in a pack. Purposes and their coordinates: initialization (parameter), order (epoch),
dropout (epoch, step, layer).

The keys are Philox keys; streams of different keys are independent.

References:
    Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3.
"""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workers.nn.dropouts import Keys


def stream_key(seed: int, purpose: str, *coordinates: str | int) -> int:
    """Return the 128-bit key of one random stream."""
    place = json.dumps([seed, purpose, *coordinates]).encode()
    return int.from_bytes(hashlib.blake2b(place, digest_size=16).digest())


@dataclass(frozen=True)
class Streams:
    """The random streams of a run."""

    seed: int

    def initialization(self, parameter: str) -> np.random.Generator:
        """Return the generator that a parameter is drawn from, by the parameter's full name."""
        return self._generator("initialization", parameter)

    def order(self, epoch: int, samples: int) -> Tensor:
        """Return the order of the samples in an epoch: (samples,) int64, on the CPU."""
        return torch.from_numpy(self._generator("order", epoch).permutation(samples))

    def dropout(self, epoch: int, step: int) -> Keys:
        """Return the keys of the dropout layers at a step of an epoch, by the layer's name."""
        return lambda site: stream_key(self.seed, "dropout", epoch, step, site)

    def dropout_key(self, epoch: int, step: int, site: str) -> Tensor:
        """Return the key of one dropout layer at a step as its low and high word: (2,) int64."""
        key = stream_key(self.seed, "dropout", epoch, step, site)
        return torch.from_numpy(np.frombuffer(key.to_bytes(16, "little"), np.int64).copy())

    def _generator(self, purpose: str, *coordinates: str | int) -> np.random.Generator:
        key = stream_key(self.seed, purpose, *coordinates)
        return np.random.Generator(np.random.Philox(key=key))
