"""Two deployments on one machine, an upgrade with data, and a move to a new deployment.

They run on a real engine: `make test-containers`.
"""

import json

import pytest

from service.database.schema_version import expected_revision

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1800)]

_SMALL = {
    "activation": ["relu", "tanh"],
    "dataset": {"name": "digits", "train_size": 256, "test_size": 64},
    "epochs": 2,
}

#: Run as the owner of the database: takes its schema back to an older version.
_OLDER_SCHEMA = """
from alembic import command
from service.database.schema_version import alembic_config
from service.settings import get_settings
command.downgrade(alembic_config(get_settings().sqlalchemy_url), "0021")
"""


def trained(deployment):
    """Train an experiment; return what the deployment has of it."""
    made = deployment.request("POST", "/v1/experiments", _SMALL)
    assert deployment.ended(made["id"]) == "completed"
    return kept(deployment, made["id"])


def kept(deployment, experiment):
    """Return what a deployment has of an experiment: its runs, histories and weights."""
    runs = deployment.request("GET", f"/v1/runs?experiment_id={experiment}")["items"]
    ids = sorted(run["id"] for run in runs)
    assert ids
    return {
        "id": experiment,
        "status": deployment.request("GET", f"/v1/experiments/{experiment}")["status"],
        "histories": [deployment.request("GET", f"/v1/runs/{run}/history") for run in ids],
        "weights": [deployment.digest(f"/v1/runs/{run}/weights") for run in ids],
    }


def images_of(deployment):
    services = json.loads(deployment.told("config", "--format", "json"))["services"]
    return {service["image"] for service in services.values() if "build" in service}


def test_two_deployments_run_side_by_side_and_share_nothing(deployment, another):
    before = deployment.told("ps", "--quiet")
    another.start()
    assert images_of(deployment).isdisjoint(images_of(another))
    made = another.request("POST", "/v1/experiments", _SMALL)
    assert another.ended(made["id"]) == "completed"
    ours = [found["id"] for found in deployment.request("GET", "/v1/experiments")["items"]]
    assert made["id"] not in ours
    assert [found["id"] for found in another.request("GET", "/v1/experiments")["items"]] == [
        made["id"]
    ]
    another.remove()
    assert deployment.told("ps", "--quiet") == before
    assert deployment.request("GET", "/v1/experiments")["items"] is not None


def test_an_older_database_is_migrated_at_the_start_and_keeps_its_data(another):
    another.start()
    before = trained(another)
    another.told("stop", "api", "scheduler", "worker")
    another.in_database(_OLDER_SCHEMA)
    assert another.sql("SELECT version_num FROM alembic_version") == "0021"
    another.told("down")
    another.start()
    assert another.sql("SELECT version_num FROM alembic_version") == expected_revision()
    assert kept(another, before["id"]) == before
    assert trained(another)["status"] == "completed"


def test_a_dump_and_an_archive_bring_everything_into_a_new_deployment(deployment, another):
    """As docs/deployment.md says; the new one has other passwords."""
    before = trained(deployment)
    dump = ("pg_dump", "-U", "actinium", "-Fc", "actinium")
    saved = deployment.told("exec", "-T", "postgres", *dump, text=False)
    tar = ("tar", "-C", "/var/lib/actinium")
    files = deployment.told(
        "exec", "-T", "scheduler", *tar, "--exclude=./scratch", "-cz", ".", text=False
    )
    another.told("up", "--detach", "--wait", "postgres")
    another.told("stop", "api", "scheduler", "worker")
    restore = ("pg_restore", "-U", "actinium", "-d", "actinium", "--no-owner", "--no-privileges")
    careful = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error")
    another.told("exec", "-T", "postgres", *restore, *careful, input=saved, text=False)
    unpack = ("run", "--rm", "--no-deps", "-T", "scheduler", *tar, "-xz")
    another.told(*unpack, input=files, text=False)
    another.start()
    assert kept(another, before["id"]) == before
    assert trained(another)["status"] == "completed"
