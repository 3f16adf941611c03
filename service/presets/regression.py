"""Presets on data sets whose targets are numbers."""

from typing import Any

from service.catalog.entry import Source
from service.presets.measures import MetricMeasure
from service.presets.orders import lower
from service.presets.preset import Preset, PublishedClaim
from service.presets.trainings import group

_ERROR = MetricMeasure("val_rmse")


def _points(outliers: float, **sizes: int) -> dict[str, Any]:
    return {"name": "friedman", "outliers": outliers, **sizes}


def _datasets(**sizes: int) -> list[dict[str, Any]]:
    return [_points(0.0, **sizes), _points(0.2, **sizes)]


def _trained_on(outliers: float, loss: str) -> Any:
    return group(dataset=_points(outliers), loss=loss)


OUTLIERS = Preset(
    name="huber_outliers",
    title="Huber's loss against squared error with outliers",
    description="Friedman's function of ten coordinates, of which five say something, with normal "
    "noise of 1; without outliers, and with noise of 10 in a fifth of the training targets. The "
    "validation part, which is the test part, has none. Huber's paper is about the location of one "
    "variable: its claim, little lost under normal noise and much gained under outliers, is taken "
    "to networks here, on a setting of our own. Its delta of 0.25 is in standard deviations of the "
    "target, some 1.2 of the noise.",
    source=Source(
        "Huber 1964, Robust estimation of a location parameter",
        "https://doi.org/10.1214/aoms/1177703732",
    ),
    spec={
        "dataset": _datasets(train_size=2_000, test_size=2_000),
        "model": {"name": "mlp", "hidden_units": [64]},
        "activation": "relu",
        "optimizer": {"name": "adam", "learning_rate": 0.005},
        "loss": [
            "mean_squared_error",
            "mean_absolute_error",
            {"name": "huber", "delta": 0.25},
        ],
        "batch_size": 32,
        "epochs": 60,
        "seeds": 10,
    },
    small={"dataset": _datasets(train_size=1_000, test_size=1_000), "epochs": 30, "seeds": 5},
    claims=(
        PublishedClaim(
            "less_error_with_outliers",
            "With outliers, Huber's loss ends with a lower error on clean samples than squared "
            "error.",
            lower(_ERROR, _trained_on(0.2, "huber"), _trained_on(0.2, "mean_squared_error")),
        ),
        PublishedClaim(
            "little_lost_without",
            "Without outliers its error is higher than that of squared error by no more than 0.1, "
            "a tenth of the noise.",
            lower(
                _ERROR,
                _trained_on(0.0, "huber"),
                _trained_on(0.0, "mean_squared_error"),
                margin=0.1,
            ),
        ),
    ),
)

PRESETS = (OUTLIERS,)
