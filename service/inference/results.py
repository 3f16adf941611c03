"""Predictions as a worker stores them and the API reads them: compressed JSON."""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson


@dataclass(frozen=True)
class Predicted:
    """What a network says of one input; None where its output is not finite.

    Attributes:
        label: the most probable class.
        probabilities: of each class, by label.
    """

    label: int | None
    probabilities: list[float] | None


def encode_predictions(predictions: Sequence[Predicted]) -> bytes:
    """Return predictions as bytes, to be stored."""
    return zlib.compress(orjson.dumps([asdict(predicted) for predicted in predictions]))


def decode_predictions(result: bytes) -> list[Predicted]:
    """Return stored predictions."""
    return [Predicted(**predicted) for predicted in orjson.loads(zlib.decompress(result))]
