"""The stack of docker-compose.yml on a real engine: `make test-containers`.

What needs no engine is held by tests/deploy and tests/acceptance/test_compose.py. These tests build
the images and run a deployment of their own name, which they remove with its data at their end.
"""

import json
import subprocess

import pytest

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1800)]

_SMALL = {
    "activation": ["relu", "tanh"],
    "dataset": {"name": "digits", "train_size": 256, "test_size": 64},
    "epochs": 2,
}


#: Run in the API's container: uploads 70 MB of numbers with many digits, and shows the answer.
_UPLOAD = """
import http.client, os
digits = "0123456789" * 4
row = ",".join(f"0.{{0}}{digits}{column}" for column in range(3)) + ",{1}"
rows = "".join(row.format(number, number % 2) + chr(10) for number in range(500_000))
api = http.client.HTTPConnection("127.0.0.1", int(os.environ["ACTINIUM_PORT"]), timeout=300)
headers = {"Authorization": "Bearer " + os.environ["ACTINIUM_API_KEY"], "Content-Type": "text/csv"}
api.request("POST", "/v1/datasets?name=large&target=y", "a,b,c,y" + chr(10) + rows, headers)
print(api.getresponse().read().decode())
"""


#: Gives every run of an experiment the layer statistics of a trained one.
_COPY_LAYERS = """
INSERT INTO layers SELECT runs.id, layers.epoch, layers.payload FROM runs, layers
WHERE runs.experiment_id = '{made}' AND layers.run_id = '{trained}'
"""

#: Run in the API's container: the size of an experiment's layer statistics as HDF5.
_EXPORT = """
import http.client, os, sys
api = http.client.HTTPConnection("127.0.0.1", int(os.environ["ACTINIUM_PORT"]), timeout=900)
headers = {"Authorization": "Bearer " + os.environ["ACTINIUM_API_KEY"]}
headers["Accept"] = "application/x-hdf5"
api.request("GET", f"/v1/experiments/{sys.argv[1]}/layers", None, headers)
answer = api.getresponse()
print(answer.status, sum(map(len, iter(lambda: answer.read(1 << 20), b""))))
"""


def test_an_experiment_is_trained(deployment):
    experiment = deployment.request("POST", "/v1/experiments", _SMALL)
    assert deployment.ended(experiment["id"]) == "completed"


def test_an_upload_is_stored_and_trained_on(deployment):
    """More than /tmp has room for passes: what is on its way is on a disk."""
    stored = json.loads(deployment.told("exec", "-T", "api", "python", "-c", _UPLOAD))
    assert stored.get("train_count"), stored
    dataset = {"name": "uploaded", "id": stored["id"], "train_size": 512, "test_size": 128}
    spec = {"activation": "relu", "model": "mlp", "dataset": dataset, "epochs": 1}
    experiment = deployment.request("POST", "/v1/experiments", spec)
    assert deployment.ended(experiment["id"]) == "completed"


def test_layer_statistics_of_10000_runs_are_exported(deployment):
    """More than 70 MB of HDF5, where /tmp has room for 64."""
    trained = deployment.request("POST", "/v1/experiments", _SMALL | {"name": "exported"})
    assert deployment.ended(trained["id"]) == "completed"
    (run, *_) = deployment.request("GET", f"/v1/runs?experiment_id={trained['id']}")["items"]
    deployment.told("stop", "worker")
    rates = [round(0.001 * (number + 1), 3) for number in range(100)]
    momenta = [round(0.09 * number, 2) for number in range(10)]
    optimizer = {"name": "sgd", "learning_rate": rates, "momentum": momenta}
    many = _SMALL | {"activation": "relu", "optimizer": optimizer, "seeds": list(range(10))}
    made = deployment.request("POST", "/v1/experiments", many)
    assert made["runs"]["total"] == 10_000, made
    copied = _COPY_LAYERS.format(made=made["id"], trained=run["id"])
    deployment.sql(copied)
    said = deployment.told("exec", "-T", "api", "python", "-c", _EXPORT, made["id"])
    deployment.request("POST", f"/v1/experiments/{made['id']}/cancel")
    deployment.request("DELETE", f"/v1/experiments/{made['id']}")
    deployment.start()
    status, size = said.split()
    assert status == "200"
    assert int(size) > 70_000_000


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


def test_pull_asks_no_registry_for_our_own_images(deployment):
    pulled = deployment.compose("pull", "migrate", "api", "scheduler", "worker")
    assert pulled.returncode == 0, pulled.stderr


def test_a_bad_setting_ends_the_start_with_its_reason(deployment):
    deployment.set(LOG_LEVEL="LOUD")
    tried = deployment.compose("up", "--detach", "--wait", "--wait-timeout", "300")
    said = deployment.told("logs", "--no-log-prefix", "--tail", "1", "migrate")
    deployment.set()
    assert tried.returncode != 0
    assert "ACTINIUM_LOG_LEVEL must be one of DEBUG, INFO" in said
    deployment.start()


def test_another_password_than_the_volumes_ends_the_start_with_its_reason(deployment):
    deployment.set(POSTGRES_PASSWORD="another")
    tried = deployment.compose("up", "--detach", "--wait", "--wait-timeout", "300")
    said = deployment.told("logs", "--no-log-prefix", "--tail", "1", "migrate")
    deployment.set()
    assert tried.returncode != 0
    assert "password authentication failed" in said
    deployment.start()


def test_what_is_stopped_ends_with_0(deployment):
    deployment.told("stop", "api", "scheduler", "worker")
    ended = deployment.told("ps", "--all", "--format", "{{.Service}} {{.ExitCode}}")
    codes = dict(line.split() for line in ended.splitlines())
    assert {codes[name] for name in ("api", "scheduler", "worker", "migrate")} == {"0"}


def test_every_line_of_our_logs_is_an_object(deployment):
    """From start to stop; and the reason where a process gives up."""
    deployment.told("stop", "api", "scheduler", "worker")
    for name in ("api", "scheduler", "worker", "migrate"):
        assert deployment.logged(name), name
    deployment.set(LOG_LEVEL="LOUD")
    refused = deployment.compose("run", "--rm", "--no-deps", "-T", "migrate")
    deployment.set()
    assert json.loads(refused.stderr.splitlines()[-1])["event"].startswith("ACTINIUM_LOG_LEVEL")
