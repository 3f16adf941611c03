from collections.abc import Iterator

import httpx
import pytest

from tests.support.scripted_worker import Lab
from tests.support.served_api import serving


@pytest.fixture
def lab(sessions, settings) -> Lab:
    """Experiments and a worker played by the test."""
    return Lab(sessions, settings)


@pytest.fixture
def api(settings) -> Iterator[httpx.Client]:
    """A client of the API, served by a real server in this process."""
    with serving(settings) as served:
        yield served.client
