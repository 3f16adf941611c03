"""The deployment that the tests of this folder share; removed with its data at their end."""

import os
import shutil
import subprocess

import pytest

from tests.support.deployment import Deployment


@pytest.fixture(scope="session")
def deployment(tmp_path_factory):
    if not os.environ.get("ACTINIUM_TEST_CONTAINERS"):
        pytest.skip("builds images and takes minutes: run by `make test-containers`")
    if shutil.which("docker") is None:
        pytest.skip("Docker is not installed")
    engine = subprocess.run(["docker", "info"], check=False, capture_output=True, text=True)
    if engine.returncode != 0:
        pytest.skip(f"no engine answers: {engine.stderr.strip()}")
    started = Deployment(tmp_path_factory.mktemp("deployment"))
    try:
        started.told("build")
        started.start()
        yield started
    finally:
        started.set()
        started.compose("--profile", "*", "down", "--volumes", "--timeout", "60")
