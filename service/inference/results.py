"""Predictions as a worker stores them and the API reads them: compressed JSON."""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson


@dataclass(frozen=True)
class Predicted:
    """What a network says of one input; None where its output is not finite.

    Attributes:
        label: the most probable class; None where the targets are numbers.
        probabilities: of each class, by label; likewise.
        value: in the target's own units; None where the targets are classes.
    """

    label: int | None = None
    probabilities: list[float] | None = None
    value: float | None = None


def encode_predictions(predictions: Sequence[Predicted]) -> bytes:
    """Return predictions as bytes, to be stored."""
    return zlib.compress(orjson.dumps([asdict(predicted) for predicted in predictions]))


def decode_predictions(result: bytes) -> list[Predicted]:
    """Return stored predictions."""
    return [Predicted(**predicted) for predicted in orjson.loads(zlib.decompress(result))]
