"""The profiles of docker-compose.yml on a real engine: `make test-containers`."""

import json
import subprocess

import pytest

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1800)]

#: Run in the scheduler's container, which says that it asks for somebody else: its own address, and
#: how the API answers through the proxy, whose certificate must be right, and without it.
_BOTH_WAYS = """
import http.client, socket, ssl, sys
asked = ("GET", "/v1/experiments", None, {"X-Forwarded-For": "203.0.113.9"})
context = ssl.create_default_context(cadata=sys.argv[1])
plain = socket.create_connection(("tls", 18744))
print(plain.getsockname()[0])
through = http.client.HTTPSConnection("localhost", 18744)
through.sock = context.wrap_socket(plain, server_hostname="localhost")
direct = http.client.HTTPConnection("api", 8000)
for connection in (through, direct):
    connection.request(*asked)
    print(connection.getresponse().status)
"""


def needs(deployment, service):
    """Skip where the image of a service from elsewhere cannot be had."""
    services = json.loads(deployment.told("--profile", "*", "config", "--format", "json"))
    image = services["services"][service]["image"]
    shown = subprocess.run(["docker", "image", "inspect", image], check=False, capture_output=True)
    pulled = deployment.compose("--profile", "*", "pull", service) if shown.returncode else shown
    if pulled.returncode:
        pytest.skip(f"{image} cannot be pulled: {pulled.stderr.strip()}")


def test_https_leads_to_the_api_which_knows_the_client(deployment):
    """The client is the scheduler's container; what it says of itself is not believed."""
    needs(deployment, "tls")
    deployment.start("tls")
    authority = "/var/tmp/caddy/pki/authorities/local/root.crt"
    certificate = deployment.told("exec", "-T", "tls", "cat", authority)
    said = deployment.told("exec", "-T", "scheduler", "python", "-c", _BOTH_WAYS, certificate)
    address, *statuses = said.split()
    assert statuses == ["401", "401"], "the API asks for a key"
    logged = deployment.logged("api")
    clients = [line["client"] for line in logged if line["event"] == "GET /v1/experiments"]
    assert clients == [address, address]
    access = deployment.told("logs", "--no-log-prefix", "--tail", "5", "tls")
    assert f'"client_ip":"{address}"' in access


def test_prometheus_reads_the_metrics_with_its_key(deployment):
    """Only where the engine sees this machine's files, as one on this machine does."""
    needs(deployment, "prometheus")
    made = ("actinium-admin", "keys", "create", "--name", "prometheus", "--scope", "read")
    deployment.write_secret("prometheus.key", deployment.told("exec", "-T", "api", *made))
    asked = ("--profile", "monitoring", "up", "--detach", "--wait", "--wait-timeout", "300")
    deployment.told(*asked, "prometheus")
    program = (
        "import json, time, urllib.request as u\n"
        "for _ in range(60):\n"
        "    answer = json.load(u.urlopen('http://prometheus:9090/api/v1/query?query=up'))\n"
        "    values = [found['value'][1] for found in answer['data']['result']]\n"
        "    if values == ['1']: break\n"
        "    time.sleep(1)\n"
        "rules = json.load(u.urlopen('http://prometheus:9090/api/v1/rules'))['data']['groups']\n"
        "print(values, len(rules[0]['rules']))\n"
    )
    said = deployment.told("exec", "-T", "scheduler", "python", "-c", program)
    assert said.strip() == "['1'] 4"


def test_a_backup_brings_everything_back(deployment):
    deployment.start("backup")
    deployment.request("POST", "/v1/experiments", {"activation": "relu", "dataset": "digits"})
    before = deployment.request("GET", "/v1/experiments")["items"]
    assert before
    deployment.told("exec", "-T", "backup", "sh", "/backup.sh", "now")
    listed = deployment.told("exec", "-T", "backup", "ls", "/var/lib/postgresql").split()
    (dump,) = (name for name in listed if name.startswith("actinium-"))
    name = dump.removeprefix("actinium-").removesuffix(".dump")
    refused = deployment.compose("run", "--rm", "-T", "restore", name)
    assert "stop api, scheduler and workers first" in refused.stderr + refused.stdout
    for experiment in before:
        deployment.request("POST", f"/v1/experiments/{experiment['id']}/cancel")
        deployment.request("DELETE", f"/v1/experiments/{experiment['id']}")
    assert deployment.request("GET", "/v1/experiments")["items"] == []
    deployment.told("stop", "api", "scheduler", "worker")
    deployment.told("run", "--rm", "-T", "restore", name)
    deployment.start()
    after = deployment.request("GET", "/v1/experiments")["items"]
    assert [found["id"] for found in after] == [found["id"] for found in before]
