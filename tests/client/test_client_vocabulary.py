"""The client spells axes, fields and statuses itself, since it imports nothing of the service."""

from typing import get_args

import pytest

from actinium import spec as written
from actinium import statuses
from actinium.command.submit import run
from actinium.spec import AXES
from service import statuses as served
from service.api.schemas.presets import PresetSubmission
from service.presets.evidence import ClaimStatus
from service.specs.claims import SubmittedClaim
from service.specs.spec import AXIS_FIELDS, EarlyStopping, ExperimentSpec


def test_the_client_has_the_axes_of_a_spec():
    assert AXES == AXIS_FIELDS


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        (written.Spec, ExperimentSpec),
        (written.EarlyStopping, EarlyStopping),
        (written.Claim, SubmittedClaim),
        (written.PresetFields, PresetSubmission),
    ],
)
def test_the_client_has_the_fields_of_what_is_submitted(fields, model):
    assert set(fields.__annotations__) == set(model.model_fields)
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert fields.__required_keys__ == required


def test_every_field_of_a_spec_has_a_flag():
    flags = {option.name for option in run.params}
    assert set(ExperimentSpec.model_fields) <= flags
    assert set(PresetSubmission.model_fields) <= flags


def test_the_client_has_the_statuses_of_the_service():
    assert get_args(statuses.RunStatus) == tuple(served.RunStatus)
    assert get_args(statuses.ExperimentStatus) == tuple(served.ExperimentStatus)
    assert get_args(statuses.ClaimStatus) == get_args(ClaimStatus)
    assert get_args(statuses.Outcome) == tuple(served.Outcome)
    assert get_args(statuses.Verdict) == tuple(served.Verdict)
    assert set(served.ACTIVE) == statuses.ACTIVE
    assert set(served.ENDED) == statuses.ENDED
