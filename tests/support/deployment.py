"""A deployment of docker-compose.yml on a real engine, under a name of its own."""

import json
import secrets
import subprocess

from tests.support.compose_file import variables_of_example
from tests.support.paths import ROOT

#: Run in the API's container, which has its address and key: the request's answer.
_REQUEST = """
import http.client, os, sys
api = http.client.HTTPConnection("127.0.0.1", int(os.environ["ACTINIUM_PORT"]), timeout=100)
headers = {"Authorization": "Bearer " + os.environ["ACTINIUM_API_KEY"], "Prefer": "wait=60",
           "Content-Type": "application/json"}
api.request(sys.argv[1], sys.argv[2], sys.argv[3] or None, headers)
print(api.getresponse().read().decode())
"""

#: Run in the same place: the status of a GET, and the SHA-256 of what it answers.
_DIGEST = """
import hashlib, http.client, os, sys
api = http.client.HTTPConnection("127.0.0.1", int(os.environ["ACTINIUM_PORT"]), timeout=100)
api.request("GET", sys.argv[1], None, {"Authorization": "Bearer " + os.environ["ACTINIUM_API_KEY"]})
answer = api.getresponse()
print(answer.status, hashlib.sha256(answer.read()).hexdigest())
"""


class Deployment:
    """A deployment of its own name, on the engine that the environment names.

    Args:
        folder: an empty one of the machine's that the engine sees.
        place: of several that run at the same time, each has its name, ports and range by it.
    """

    def __init__(self, folder, place=0):
        self._file, self._secrets = folder / "env", folder / "secrets"
        self._secrets.mkdir()
        names = variables_of_example().required
        self._values = {name: secrets.token_hex(24) for name in names}
        self._values |= {
            "COMPOSE_PROJECT_NAME": f"actinium-test{place or ''}",
            "API_PORT": f"{18743 + 10 * place}",
            "EDGE_SUBNET": f"172.30.{97 + place}.0/24",
            "PROXY_ADDRESS": f"172.30.{97 + place}.250",
            "TLS_ADDRESS": "127.0.0.1",
            "TLS_PORT": f"{18744 + 10 * place}",
            "HTTP_PORT": f"{18745 + 10 * place}",
            "MONITORING_SECRETS": str(self._secrets),
            "WORKERS": "1",
        }
        self.profiles = ()
        self.set()

    def set(self, **changed):
        """Write the deployment's .env, with some values changed until the next call."""
        values = self._values | changed
        self._file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    def compose(self, *arguments, **options):
        """Run a command of Compose; return how it ended."""
        command = ["docker", "compose", "--env-file", str(self._file), *arguments]
        options = {"text": True, "timeout": 1500} | options
        return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, **options)

    def told(self, *arguments, **options):
        """Run a command of Compose that has to succeed; return what it said."""
        ended = self.compose(*arguments, **options)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def remove(self):
        """Remove the deployment with its data."""
        self.set()
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "60")

    def write_secret(self, name, text):
        """Write a file of the profile `monitoring` that its containers' users can read."""
        (self._secrets / name).write_text(text)
        (self._secrets / name).chmod(0o644)

    def start(self, *profiles):
        """Bring the deployment up, with these profiles and those of earlier calls."""
        self.profiles += profiles
        asked = [word for profile in self.profiles for word in ("--profile", profile)]
        self.told(*asked, "up", "--detach", "--wait", "--wait-timeout", "600")

    def request(self, method, path, body=None):
        """Send a request to the API from inside its container."""
        text = "" if body is None else json.dumps(body)
        asked = ("exec", "-T", "api", "python", "-c", _REQUEST, method, path, text)
        answer = self.told(*asked).strip()
        return json.loads(answer) if answer else None

    def digest(self, path):
        """Return the SHA-256 of what the API answers to a GET."""
        status, sha256 = self.told("exec", "-T", "api", "python", "-c", _DIGEST, path).split()
        assert status == "200"
        return sha256

    def logged(self, service):
        """Return what the container of a service logged, by line, as objects.

        The engine is asked: Compose 2.26 writes an escape before each line, terminal or not.
        """
        container = self.told("ps", "--all", "--quiet", service).strip()
        shown = subprocess.run(
            ["docker", "logs", container], check=True, capture_output=True, text=True
        )
        return [json.loads(line) for line in (shown.stdout + shown.stderr).splitlines()]

    def sql(self, statement):
        """Run a statement as the owner of the database; return what it answers, without headers."""
        asked = ("psql", "--username=actinium", "--dbname=actinium", "--tuples-only", "--no-align")
        return self.told("exec", "-T", "postgres", *asked, "--command", statement).strip()

    def in_database(self, program):
        """Run Python in a container of ``migrate``, which is the owner of the database."""
        return self.told("run", "--rm", "--no-deps", "-T", "migrate", "python", "-c", program)

    def ended(self, experiment):
        """Return the status of an experiment, once it has ended or five minutes have passed."""
        for _ in range(5):
            found = self.request("GET", f"/v1/experiments/{experiment}")
            if found["status"] not in {"queued", "running"}:
                break
        return found["status"]
