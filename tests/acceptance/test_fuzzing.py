"""Requests drawn from the API's own description: no answer breaks it, whoever asks.

schemathesis draws them, right and wrong, follows what answers lead to, and holds every answer to
openapi.yaml. The few of the usual tests are the same each time; the ten thousand are others each
time. The seed is in the report of a failure, and ``ACTINIUM_FUZZ_SEED`` repeats it.
"""

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from deploy.embedded.ports import free_port
from service import api_keys
from service.settings import Settings
from tests.support.processes import Processes

pytestmark = pytest.mark.slow

#: Streams have no end, and without a worker the service is not ready.
_LEFT_OUT = "/events$|^/readyz$"

#: What is right by the description alone can still be refused: 422 tells of rules between fields.
#: One caller's runs and data are every caller's, by design.
_NOT_CHECKED = "positive_data_acceptance,object_level_authorization"

_SEED = os.environ.get("ACTINIUM_FUZZ_SEED")


@pytest.fixture
def url(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """A served API, in a process of its own."""
    port = free_port()
    changed = settings.model_copy(update={"port": port, "rate_limit": "1000000000/minute"})
    with Processes(changed, tmp_path / "logs") as processes:
        api = processes.start("api", "service.cli", "api")
        api.says("Application startup complete", 60)
        yield f"http://127.0.0.1:{port}"
        assert api.running


def _fuzz(
    url: str, token: str | None, folder: Path, *, phases: str, examples: int, seed: int = 1
) -> None:
    seed = int(_SEED or seed)
    key = [] if token is None else ["--header", f"Authorization: Bearer {token}"]
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json", *key),
            *("--phases", phases, "--max-examples", str(examples), "--seed", str(seed)),
            *("--exclude-path-regex", _LEFT_OUT, "--exclude-checks", _NOT_CHECKED),
            *("--suppress-health-check", "all", "--generation-database", "none"),
            *("--continue-on-failure", "--no-shrink", "--request-timeout", "60"),
        ],
        cwd=folder,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert ended.returncode == 0, f"seed {seed}\n{ended.stdout}"


def _token(sessions: sessionmaker[Session], scope: str) -> str:
    with sessions() as session:
        return api_keys.create(session, name=scope, scopes=[scope]).token


@pytest.mark.parametrize("scope", ["read", "submit", "admin"])
def test_no_drawn_request_breaks_the_description(url, sessions, tmp_path, scope):
    _fuzz(url, _token(sessions, scope), tmp_path, phases="fuzzing", examples=3)


def test_no_drawn_request_without_a_key_breaks_the_description(url, sessions, tmp_path):
    _token(sessions, "admin")  # from now on the service is locked
    _fuzz(url, None, tmp_path, phases="fuzzing", examples=2)


@pytest.mark.longest
@pytest.mark.timeout(5_400)
def test_ten_thousand_drawn_requests_break_nothing(url, sessions, tmp_path):
    token = _token(sessions, "admin")
    seed = random.SystemRandom().randrange(2**31)
    _fuzz(url, token, tmp_path, phases="fuzzing,stateful", examples=150, seed=seed)
