"""Deployments that are removed with their data at the end of the tests."""

import os
import shutil
import subprocess

import pytest

from tests.support.deployment import Deployment


@pytest.fixture(scope="session")
def engine():
    """Skip where there is no engine, or nobody asked for it."""
    if not os.environ.get("ACTINIUM_TEST_CONTAINERS"):
        pytest.skip("builds images and takes minutes: run by `make test-containers`")
    if shutil.which("docker") is None:
        pytest.skip("Docker is not installed")
    asked = subprocess.run(["docker", "info"], check=False, capture_output=True, text=True)
    if asked.returncode != 0:
        pytest.skip(f"no engine answers: {asked.stderr.strip()}")


@pytest.fixture(scope="session")
def deployment(engine, tmp_path_factory):
    """The deployment that runs while all tests do."""
    started = Deployment(tmp_path_factory.mktemp("deployment"))
    try:
        started.told("build")
        started.start()
        yield started
    finally:
        started.remove()


@pytest.fixture
def another(engine, tmp_path):
    """A second deployment, which is built and does not run yet."""
    made = Deployment(tmp_path, place=1)
    try:
        made.told("build")
        yield made
    finally:
        made.remove()
