"""The examples in the API's description are what the API takes and gives."""

import pytest

from service.api import examples
from service.api.experiment_schemas import DryRun, Experiment, ExperimentPage
from service.api.run_schemas import AttemptPage, ExperimentHistories, History, Run, RunPage
from service.door import Limits
from service.expansion import expand
from service.spec import ExperimentSpec


@pytest.mark.parametrize("spec", [examples.SPEC, examples.VARIANTS])
def test_example_specs_can_be_submitted(spec):
    assert expand(ExperimentSpec.model_validate(spec), Limits())


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (Experiment, examples.EXPERIMENT),
        (ExperimentPage, examples.EXPERIMENT_PAGE),
        (DryRun, examples.DRY_RUN),
        (Run, examples.RUN),
        (RunPage, examples.RUN_PAGE),
        (History, examples.HISTORY),
        (ExperimentHistories, examples.HISTORIES),
        (AttemptPage, examples.ATTEMPT_PAGE),
    ],
)
def test_example_answers_are_written_as_they_are_shown(schema, example):
    assert schema.model_validate(example).model_dump(mode="json") == example
