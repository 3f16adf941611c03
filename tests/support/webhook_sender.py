"""A webhook sender at work in the test's own process."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from service.settings import Settings
from service.webhooks.sender import WebhookSender


@contextlib.contextmanager
def sending(settings: Settings) -> Iterator[None]:
    """Send what is due until the block ends; an error of the sender is raised there."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        sender = pool.submit(WebhookSender(settings).run, stop)
        sender.add_done_callback(lambda _: stop.set())
        try:
            yield
        finally:
            stop.set()
        sender.result(20)
