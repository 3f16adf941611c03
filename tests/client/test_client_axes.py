"""The client names its axes itself, since it knows the service by HTTP alone; they must agree."""

from actinium.spec import AXES
from service.specs.spec import AXIS_FIELDS


def test_the_client_has_the_axes_of_a_spec():
    assert AXES == AXIS_FIELDS
