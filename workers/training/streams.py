"""Random streams: everything random in a run, derived from its seed and its place.

A stream's key is a hash of (seed, purpose, coordinates), never of how far a generator had run:
a resumed run draws what an uninterrupted one draws, and a run draws the same beside any others.
Purposes and their coordinates: initialization (parameter), order (epoch), dropout (epoch, step,
layer). The keys are Philox keys (Salmon et al. 2011, Parallel random numbers: as easy as 1, 2,
3): streams of different keys are independent.
"""

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workers.nn.dropouts import Keys


def stream_key(seed: int, purpose: str, *coordinates: str | int) -> int:
    """Give the 128-bit key of one random stream."""
    place = json.dumps([seed, purpose, *coordinates]).encode()
    return int.from_bytes(hashlib.blake2b(place, digest_size=16).digest())


@dataclass(frozen=True)
class Streams:
    """The random streams of a run."""

    seed: int

    def initialization(self, parameter: str) -> np.random.Generator:
        """Give the stream a parameter is initialized from, by its full name."""
        return self._generator("initialization", parameter)

    def order(self, epoch: int, samples: int) -> Tensor:
        """Give the order of the samples in an epoch: a permutation, int64, on the CPU."""
        return torch.from_numpy(self._generator("order", epoch).permutation(samples))

    def dropout(self, epoch: int, step: int) -> Keys:
        """Give the keys of the dropout layers at a step of an epoch."""
        return lambda site: stream_key(self.seed, "dropout", epoch, step, site)

    def dropout_key(self, epoch: int, step: int, site: str) -> Tensor:
        """Give the key of one dropout layer at a step: its low and high words, (2,) int64."""
        key = stream_key(self.seed, "dropout", epoch, step, site)
        return torch.from_numpy(np.frombuffer(key.to_bytes(16, "little"), np.int64).copy())

    def _generator(self, purpose: str, *coordinates: str | int) -> np.random.Generator:
        key = stream_key(self.seed, purpose, *coordinates)
        return np.random.Generator(np.random.Philox(key=key))
