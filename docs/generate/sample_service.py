"""A service of its own for what the documentation shows: started, used and thrown away."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from actinium import Client
from deploy.stack import Stack
from service.settings import Settings


@contextmanager
def sample_service() -> Iterator[Client]:
    """Start the service with one worker and no data, on any free port; log to standard error."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["ACTINIUM_HOME"] = home  # for the programs, which read their own settings
        settings = Settings(port=0, workers=1)
        stack = Stack(settings, lambda name, line: print(f"{name:>9} {line}", file=sys.stderr))
        with stack:
            stack.wait_until_ready()
            with Client(stack.url) as client:
                yield client
