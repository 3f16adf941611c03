"""The stack of docker-compose.yml on a real engine: `make test-containers`.

What needs no engine is held by tests/deploy and tests/acceptance/test_compose.py. These tests build
the images and run a deployment of their own name, which they remove with its data at their end.
"""

import json
import os
import secrets
import shutil
import subprocess

import pytest

from tests.support.compose_file import variables_of_example
from tests.support.paths import ROOT

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1800)]

#: Run in the API's container, which has its address and key: the request's answer.
_REQUEST = """
import http.client, os, sys
api = http.client.HTTPConnection("127.0.0.1", int(os.environ["ACTINIUM_PORT"]), timeout=100)
headers = {"Authorization": "Bearer " + os.environ["ACTINIUM_API_KEY"], "Prefer": "wait=60",
           "Content-Type": "application/json"}
api.request(sys.argv[1], sys.argv[2], sys.argv[3] or None, headers)
print(api.getresponse().read().decode())
"""
_SMALL = {
    "activation": ["relu", "tanh"],
    "dataset": {"name": "digits", "train_size": 256, "test_size": 64},
    "epochs": 2,
}


class Deployment:
    """A deployment of its own name, on the engine that the environment names."""

    def __init__(self, folder):
        names = variables_of_example().required
        self._values = {name: secrets.token_hex(24) for name in names}
        self._values |= {
            "COMPOSE_PROJECT_NAME": "actinium-test",
            "API_PORT": "18743",
            "EDGE_SUBNET": "172.30.97.0/24",
            "WORKERS": "1",
        }
        self._file = folder / "env"
        self.set()

    def set(self, **changed):
        """Write the deployment's .env, with some values changed until the next call."""
        values = self._values | changed
        self._file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def compose(self, *arguments):
        """Run a command of Compose; return how it ended."""
        command = ["docker", "compose", "--env-file", str(self._file), *arguments]
        return subprocess.run(
            command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=1500
        )

    def told(self, *arguments):
        """Run a command of Compose that has to succeed; return what it said."""
        ended = self.compose(*arguments)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def request(self, method, path, body=None):
        """Send a request to the API from inside its container."""
        text = "" if body is None else json.dumps(body)
        asked = ("exec", "-T", "api", "python", "-c", _REQUEST, method, path, text)
        return json.loads(self.told(*asked))


@pytest.fixture(scope="module")
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
        started.told("up", "--detach", "--wait", "--wait-timeout", "600")
        yield started
    finally:
        started.set()
        started.compose("down", "--volumes", "--timeout", "60")


def test_an_experiment_is_trained(deployment):
    experiment = deployment.request("POST", "/v1/experiments", _SMALL)
    for _ in range(5):
        found = deployment.request("GET", f"/v1/experiments/{experiment['id']}")
        if found["status"] not in {"queued", "running"}:
            break
    assert found["status"] == "completed"


def test_the_service_cannot_change_tables_and_redis_asks_for_its_password(deployment):
    program = (
        "import psycopg, redis, os\n"
        "from urllib.parse import urlsplit\n"
        "with psycopg.connect(os.environ['ACTINIUM_DATABASE_URL']) as connection:\n"
        "    try: connection.execute('DROP TABLE runs')\n"
        "    except psycopg.errors.InsufficientPrivilege: print('refused')\n"
        "try: redis.Redis('redis').get('key')\n"
        "except redis.AuthenticationError: print('refused')\n"
    )
    said = deployment.told("exec", "-T", "scheduler", "python", "-c", program)
    assert said.split() == ["refused", "refused"]


@pytest.mark.parametrize("service", ["api", "worker"])
def test_an_image_has_no_pip_and_says_what_it_is(deployment, service):
    assert deployment.compose("exec", "-T", service, "python", "-m", "pip").returncode == 1
    container = deployment.told("ps", "--quiet", service).strip()
    shown = ["docker", "inspect", "--format", "{{json .Config.Labels}}", container]
    labels = json.loads(subprocess.run(shown, check=True, capture_output=True, text=True).stdout)
    assert labels["org.opencontainers.image.licenses"] == "MIT"


def test_the_worker_has_the_build_of_torch_for_cpus_and_nothing_of_the_api(deployment):
    program = "import torch, importlib.util as u; print(torch.version.cuda, u.find_spec('fastapi'))"
    said = deployment.told("exec", "-T", "worker", "python", "-c", program)
    assert said.split() == ["None", "None"]


def test_a_wrong_password_is_told_and_nothing_is_taken_down(deployment):
    before = deployment.told("ps", "--quiet")
    deployment.set(POSTGRES_PASSWORD="another")
    tried = deployment.compose("run", "--rm", "--no-deps", "migrate")
    deployment.set()
    assert tried.returncode == 1
    assert "password authentication failed" in tried.stdout + tried.stderr
    assert deployment.told("ps", "--quiet") == before


def test_a_build_and_up_that_change_nothing_restart_nothing(deployment):
    before = deployment.told("ps", "--quiet")
    deployment.told("build")
    deployment.told("up", "--detach", "--wait", "--wait-timeout", "600")
    assert deployment.told("ps", "--quiet") == before


def test_what_is_stopped_ends_with_0(deployment):
    deployment.told("stop", "api", "scheduler", "worker")
    ended = deployment.told("ps", "--all", "--format", "{{.Service}} {{.ExitCode}}")
    codes = dict(line.split() for line in ended.splitlines())
    assert {codes[name] for name in ("api", "scheduler", "worker", "migrate")} == {"0"}
