"""The examples in the API's description are what the API takes and gives."""

import pytest

from service.api.openapi import examples
from service.api.schemas.experiments import DryRun, ExperimentAnswer, ExperimentPage
from service.api.schemas.predictions import RunPrediction, prediction_fields
from service.api.schemas.runs import (
    AttemptPage,
    ExperimentHistories,
    HistoryAnswer,
    RunAnswer,
    RunPage,
)
from service.mean_field.outlook import outlook
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.resolution import initializer_reason
from service.specs.spec import ExperimentSpec


@pytest.mark.parametrize("spec", [examples.SPEC, examples.VARIANTS])
def test_example_specs_can_be_submitted(spec):
    assert expand(ExperimentSpec.model_validate(spec), Limits())


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (ExperimentAnswer, examples.EXPERIMENT),
        (ExperimentPage, examples.EXPERIMENT_PAGE),
        (DryRun, examples.DRY_RUN),
        (RunAnswer, examples.RUN),
        (RunPage, examples.RUN_PAGE),
        (HistoryAnswer, examples.HISTORY),
        (ExperimentHistories, examples.HISTORIES),
        (AttemptPage, examples.ATTEMPT_PAGE),
    ],
)
def test_example_answers_are_written_as_they_are_shown(schema, example):
    assert schema.model_validate(example).model_dump(mode="json", exclude_unset=True) == example


def test_the_example_of_a_prediction_is_what_theory_says():
    config = expand(ExperimentSpec.model_validate(examples.SPEC), Limits())[0].config
    said = RunPrediction(
        initializer_reason=initializer_reason(config), **prediction_fields(outlook(config))
    )
    assert said.model_dump(mode="json") == examples.PREDICTION
