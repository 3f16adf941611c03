import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.stack import Stack
from service.settings import Settings
from tests.support.paths import ROOT


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What `make up` starts, with one worker, for all pages; gives its address."""
    home = tmp_path_factory.mktemp("documentation")
    log = home / "service.log"
    with pytest.MonkeyPatch.context() as patch, log.open("w") as output:
        for name in [each for each in os.environ if each.startswith("ACTINIUM_")]:
            patch.delenv(name)
        for name in ("DATABASE_URL", "REDIS_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("ACTINIUM_HOME", str(home))
        patch.setenv("ACTINIUM_PORT", "0")
        patch.setenv("ACTINIUM_WORKERS", "1")
        stack = Stack(Settings(), lambda name, line: print(name, line, file=output, flush=True))
        with stack:
            stack.wait_until_ready()
            yield stack.url


@pytest.fixture
def here(service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout for pages to work in, with the service named in the environment."""
    for each in ROOT.iterdir():
        if each.is_file() and each.name != ".env":
            shutil.copy(each, tmp_path)
        elif each.is_dir() and not each.name.startswith("."):
            (tmp_path / each.name).symlink_to(each)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # as `python` has it
    monkeypatch.setenv("ACTINIUM_URL", service)
    monkeypatch.delenv("ACTINIUM_KEY", raising=False)
    return tmp_path
