import threading
from collections.abc import Iterator

import pytest

from actinium import Client
from tests.client.peers import Relay
from tests.lab import Lab
from tests.serving import Served, serving


@pytest.fixture
def lab(sessions, settings) -> Lab:
    """Experiments and a worker played by the test."""
    return Lab(sessions, settings)


@pytest.fixture
def served(settings) -> Iterator[Served]:
    """The API, served by a real server in this process."""
    with serving(settings) as running:
        yield running


@pytest.fixture
def client(served) -> Iterator[Client]:
    """A client of the API."""
    with Client(served.url) as made:
        yield made


@pytest.fixture
def relay(served) -> Iterator[Relay]:
    """A way to the API that can be cut."""
    with Relay(served.url) as between:
        yield between


@pytest.fixture
def worker(lab) -> Iterator[None]:
    """Train whatever waits, for as long as the test lasts."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            lab.train_all()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join(20)
