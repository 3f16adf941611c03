import threading
from collections.abc import Iterator

import pytest
import torch

from tests.support.networks_in_use import Bench
from workers.execution.network_tasks import do_waiting_tasks


@pytest.fixture
def bench(api, sessions, settings) -> Bench:
    """A client of the API, and trainings in this process."""
    return Bench(api, sessions, settings)


@pytest.fixture
def worker(bench, sessions, settings) -> Iterator[None]:
    """A worker that does tasks on trained networks in a thread, and was seen just now."""
    bench.see_worker()
    stop = threading.Event()

    def work():
        torch.set_num_threads(1)
        while not stop.wait(0.05):
            do_waiting_tasks(sessions, settings, stop.is_set)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()
