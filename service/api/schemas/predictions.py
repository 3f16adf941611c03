"""Mean-field predictions as the API answers them."""

import math
from typing import Any, Self

from pydantic import Field

from service.api.schemas.base import ApiAnswer, Number
from service.json_numbers import to_json
from service.mean_field.outlook import Outlook
from service.mean_field.prediction import PredictedLayer, Prediction, Risk


class LayerPrediction(ApiAnswer):
    """One layer as it is initialized."""

    name: str
    q: Number = Field(description="Mean square of its z-values.")
    c: Number | None = Field(
        description="Correlation of two samples' z-values; null where there is no signal."
    )
    signal: Number = Field(
        description="Standard deviation of a unit's z-values over samples, as in layer statistics."
    )
    gradient: Number | None = Field(
        description="Norm of dL/dz, relative to that of the last hidden layer; null for the output."
    )
    z_mean: Number
    z_std: Number
    activation_mean: Number | None = Field(description="Null for the output.")
    activation_std: Number | None = Field(description="Null for the output.")

    @classmethod
    def of(cls, layer: PredictedLayer) -> Self:
        """Return the answer for a layer."""
        return cls(
            name=layer.name,
            q=_number(layer.length),
            c=_known(layer.correlation),
            signal=_number(layer.signal),
            gradient=None if layer.gradient is None else _number(layer.gradient),
            z_mean=_number(layer.z_mean),
            z_std=_number(layer.z_std),
            activation_mean=_known(layer.activation_mean),
            activation_std=_known(layer.activation_std),
        )


class PredictionAnswer(ApiAnswer):
    """What mean-field theory predicts for wide layers, before anything is trained."""

    q_star: Number = Field(
        description="Mean square of z-values to which a very deep network of these layers tends."
    )
    c_star: Number = Field(
        description="Correlation of two samples' z-values to which it tends; 1: they become alike."
    )
    chi_1: Number = Field(
        description="Factor of the squared gradient per layer there: below 1 order, above 1 chaos."
    )
    depth_scale: Number = Field(
        description='1 / |ln chi_1|, in layers; "Infinity" at the edge of chaos.'
    )
    hidden_layers: int
    signal: Number = Field(
        description="Spread of the z-values over samples: last hidden layer over first."
    )
    gradient: Number = Field(description="Norm of dL/dz: first hidden layer over last.")
    risk: Risk = Field(
        description="`vanishing`: signal or gradient is lost on the way, by a factor of 100 from "
        "end to end or by six depth scales. `exploding`: it grows 100 times, or the logits begin "
        "with a standard deviation above 5."
    )
    sentence: str = Field(description="What this means for training.")
    layers: list[LayerPrediction]

    @classmethod
    def of(cls, prediction: Prediction, sentence: str) -> Self:
        """Return the answer for a prediction."""
        found = prediction.fixed_point
        return cls(
            q_star=_number(found.length),
            c_star=_number(found.correlation),
            chi_1=_number(found.chi),
            depth_scale=_number(found.depth_scale),
            hidden_layers=prediction.hidden_layers,
            signal=_number(prediction.signal),
            gradient=_number(prediction.gradient),
            risk=prediction.risk,
            sentence=sentence,
            layers=[LayerPrediction.of(layer) for layer in prediction.layers],
        )


PREDICTION: Any = Field(description="Null where theory says nothing of the configuration.")
PREDICTION_REASON: Any = Field(description="Why there is no prediction; null where there is one.")
INITIALIZER_REASON: Any = Field(
    description="Why `auto` is this initializer; null where the spec names another one."
)


class RunPrediction(ApiAnswer):
    """The prediction for a run's configuration, to be put beside its layer statistics."""

    initializer_reason: str | None = INITIALIZER_REASON
    prediction: PredictionAnswer | None = PREDICTION
    prediction_reason: str | None = PREDICTION_REASON


def prediction_fields(outlook: Outlook) -> dict[str, Any]:
    """Return the fields ``prediction`` and ``prediction_reason`` of an answer."""
    found = outlook.prediction
    return {
        "prediction": found and PredictionAnswer.of(found, outlook.sentence),
        "prediction_reason": None if found else outlook.sentence,
    }


def _number(value: float) -> Number:
    """Return a number to six digits, the same on every machine."""
    rounded = to_json(float(f"{value:.6g}"))
    assert rounded is not None  # noqa: S101 - only a missing number is null
    return rounded


def _known(value: float | None) -> Number | None:
    return None if value is None or math.isnan(value) else _number(value)
