"""The client spells axes and statuses itself, since it imports nothing of the service."""

from typing import get_args

from actinium import statuses
from actinium.spec import AXES
from service import statuses as served
from service.presets.evidence import ClaimStatus
from service.specs.spec import AXIS_FIELDS


def test_the_client_has_the_axes_of_a_spec():
    assert AXES == AXIS_FIELDS


def test_the_client_has_the_statuses_of_the_service():
    assert get_args(statuses.RunStatus) == tuple(served.RunStatus)
    assert get_args(statuses.ExperimentStatus) == tuple(served.ExperimentStatus)
    assert get_args(statuses.ClaimStatus) == get_args(ClaimStatus)
    assert set(served.ACTIVE) == statuses.ACTIVE
    assert set(served.ENDED) == statuses.ENDED
