"""What fits targets that are classes, and what fits targets that are numbers."""

import pytest

from service.specs.expansion import SpecError, expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec

NUMBERS = {"activation": "relu", "model": "mlp", "dataset": "diabetes"}
CLASSES = NUMBERS | {"dataset": "digits"}
CLAIM = {"statement": "x", "better": {"activation": "relu"}, "than": {"activation": "tanh"}}


def planned(spec):
    return expand(ExperimentSpec.model_validate(spec), Limits())


def test_numbers_have_a_linear_head_and_squared_errors():
    (run,) = planned(NUMBERS)
    assert run.config.task == "regression"
    assert run.config.model.parameters["head"] == "linear"
    assert run.config.loss.name == "mean_squared_error"
    (run,) = planned(CLASSES)
    assert run.config.task == "classification"


@pytest.mark.parametrize(
    ("spec", "where", "sentence"),
    [
        (NUMBERS | {"loss": "categorical_crossentropy"}, ("loss", 0), "Use mean_squared_error or"),
        (CLASSES | {"loss": ["huber"]}, ("loss", 0), "the targets of digits are classes"),
        (NUMBERS | {"model": {"name": "mlp", "head": "binary"}}, ("model", 0, "head"), "head auto"),
        (CLASSES | {"model": {"name": "mlp", "head": "linear"}}, ("model", 0, "head"), "A linear"),
        (
            NUMBERS | {"dataset": ["diabetes", "digits", "friedman"]},
            ("dataset", 1),
            "Submit two experiments",
        ),
        (
            NUMBERS | {"early_stopping": {"metric": "val_accuracy", "patience": 2}},
            ("early_stopping", "metric"),
            "Use val_loss or val_mae or val_rmse or val_r2",
        ),
        (
            CLASSES | {"early_stopping": {"metric": "val_r2", "patience": 2}},
            ("early_stopping", "metric"),
            "Use val_loss or val_accuracy",
        ),
        (
            NUMBERS
            | {
                "optimizer": {
                    "name": "sgd",
                    "schedule": {"name": "reduce_on_plateau", "metric": "val_accuracy"},
                }
            },
            ("optimizer", 0, "schedule", "metric"),
            "those of these runs are numbers",
        ),
        (
            NUMBERS | {"activation": ["relu", "tanh"], "claims": [CLAIM]},
            ("claims", 0, "metric"),
            "Name val_rmse",
        ),
        (
            NUMBERS | {"dataset": {"name": "diabetes", "folds": 60, "fold": 0, "train_size": 50}},
            ("dataset", 0, "folds"),
            "60 folds need at least 60 training samples",
        ),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place(spec, where, sentence):
    with pytest.raises(SpecError) as refused:
        planned(spec)
    (error,) = refused.value.errors
    assert error.location == where
    assert sentence in error.detail
