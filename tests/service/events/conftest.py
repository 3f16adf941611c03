from collections.abc import Callable, Iterator

import pytest

from service.settings import Settings
from tests.support.served_api import Served, serving


@pytest.fixture
def served(settings: Settings) -> Iterator[Served]:
    """A running API with quick heartbeats."""
    with serving(settings.model_copy(update={"sse_heartbeat_seconds": 0.3})) as api:
        yield api


@pytest.fixture
def open_streams(served: Served) -> Callable[[], int]:
    """Return the number of streams the API has open."""

    def count() -> int:
        text = served.client.get("/metrics").text
        return int(float(text.partition("\nactinium_open_streams ")[2].partition("\n")[0]))

    return count
