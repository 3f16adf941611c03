"""Made-up layer statistics and diagnoses, in the form that workers record."""

from typing import Any

from service.histories.diagnoses import Insight, RecordedDiagnosis
from service.histories.layer_statistics import DISTRIBUTIONS

DISTRIBUTION: dict[str, Any] = {
    "count": 10_000,
    "non_finite": 0,
    "mean": 0.125,
    "std": 0.5,
    "min": -1.0,
    "max": 1.0,
    "quantiles": {"0.01": -0.9, "0.5": 0.1, "0.99": 0.95},
    "histogram": {"low": -1.0, "high": 1.0, "counts": [1, 2, 3, 4]},
}

FINDING: dict[str, Any] = {
    "kind": "vanishing",
    "layer": "dense_5",
    "epoch": 0,
    "value": 0.6,
    "threshold": 0.7,
    "explanation": "The signal vanishes.",
    "advice": "Draw larger weights.",
}

SICK = RecordedDiagnosis("vanishing", [FINDING])


def statistics(
    loss: float = 1.0, layers: int = 1, bins: int = 4, z: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return statistics of so many layers."""
    histogram = {"low": -1.0, "high": 1.0, "counts": [997 * at % 1013 for at in range(1, bins + 1)]}
    usual = DISTRIBUTION | ({"histogram": histogram} if bins != 4 else {})
    layer = {
        "units": 10,
        **dict.fromkeys(DISTRIBUTIONS, usual),
        "signal": 0.25,
        "dead_fraction": 0.1,
        "saturated_fraction": 0.0,
        "symmetric": False,
    }
    named = [{"name": f"dense_{at}", **layer} for at in range(1, layers + 1)]
    if z is not None:
        named[0]["z"] = z
    return {"samples": 1000, "loss": loss, "chance_loss": 2.3, "layers": named}


def drawable(**given: Any) -> dict[str, Any]:
    """Return statistics with the quartiles that the page draws; ``given`` as of ``statistics``."""
    found = statistics(**given)
    quartiles = {"0.25": -0.2, "0.5": 0.1, "0.75": 0.4}
    for layer in found["layers"]:
        for name in DISTRIBUTIONS:
            layer[name] = layer[name] | {"quantiles": quartiles}
    return found


def insight(loss: float = 1.0, diagnosis: RecordedDiagnosis | None = None) -> Insight:
    """Return the insight of an epoch with statistics."""
    return Insight(layers=statistics(loss), diagnosis=diagnosis)
