import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from actinium import Client
from actinium.command import main
from tests.support.http_peers import Relay
from tests.support.paths import ROOT
from tests.support.scripted_worker import Lab
from tests.support.served_api import Served, serving


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
def environment(served) -> dict[str, str]:
    """What the command line finds around it: the test's service, and a width of its own."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("ACTINIUM_")}
    return {
        **others,
        "PYTHONPATH": str(ROOT / "client"),
        "ACTINIUM_URL": served.url,
        "BROWSER": "true",
        "COLUMNS": "140",  # or cells are folded, by the width of what is tested from
    }


@dataclass(frozen=True)
class CommandResult:
    """What a command wrote, and how it exited."""

    returncode: int
    stdout: str
    stderr: str


def _text(written: io.BytesIO) -> str:
    return written.getvalue().decode()


@pytest.fixture
def actinium(environment, tmp_path, monkeypatch) -> Callable[..., CommandResult]:
    """Run the command against the test's service, in this process: a new one takes longer."""

    def run(*words: str, url: str | None = None, given: str = "", **more: str) -> CommandResult:
        where = {} if url is None else {"ACTINIUM_URL": url}
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.delenv("ACTINIUM_KEY", raising=False)
            for name, value in (environment | where | more).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["actinium", *words])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
            out, err = io.BytesIO(), io.BytesIO()
            patch.setattr(sys, "stdout", io.TextIOWrapper(out, "utf-8", write_through=True))
            patch.setattr(sys, "stderr", io.TextIOWrapper(err, "utf-8", write_through=True))
            with pytest.raises(SystemExit) as ended:
                main()
            return CommandResult(
                int(ended.value.code or 0), *(_text(stream) for stream in (out, err))
            )

    return run


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
