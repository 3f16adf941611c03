"""Checkpoints, weights and uploaded data in S3, with real processes and a store that goes away."""

import os
import signal
import uuid

import httpx
import pytest
from safetensors.numpy import load

from service.settings import Settings
from service.statuses import ENDED
from service.weights.storage import CHECKPOINTS, open_storage
from tests.support.paths import ROOT
from tests.support.processes import Processes, Started, wait_for
from tests.support.s3_server import KEYS, s3_server

pytestmark = pytest.mark.slow

CHURN = ROOT / "data" / "churn" / "churn_modelling.csv"

#: Some hundred steps an epoch.
RUN = {
    "model": {"name": "mlp", "hidden_units": [64, 64]},
    "activation": "relu",
    "batch_size": 16,
    "epochs": 60,
    "seeds": [7],
    "reuse": False,
}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store in S3 that the environment names; gives the relay before it."""
    with s3_server(tmp_path / "s3.log", "ours") as relay:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": relay.url}.items():
            monkeypatch.setenv(name, value)
        yield relay


@pytest.fixture
def in_s3(settings: Settings) -> Settings:
    prefix = f"s3://ours/{uuid.uuid4()}"
    return settings.model_copy(update={"checkpoint_dir": prefix, "port": 0, "lease_seconds": 8})


def address_of(api: Started) -> str:
    api.says("running on http://", seconds=120)
    line = next(line for line in api.output.splitlines() if "running on http://" in line)
    return line.partition("running on ")[2].split()[0]


def ready_worker(processes: Processes, name: str) -> Started:
    worker = processes.worker(name, ready=False)
    worker.says("ready.", seconds=120)
    return worker


class Site:
    """An API as a user sees it."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=120)

    def upload(self) -> str:
        answer = self.client.post(
            "/v1/datasets?name=churn&target=Exited",
            content=CHURN.read_bytes(),
            headers={"Content-Type": "text/csv"},
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def submit(self, dataset: str, **fields) -> str:
        data = {"name": "uploaded", "id": dataset, "train_size": 2000}
        answer = self.client.post("/v1/experiments", json=RUN | {"dataset": data} | fields)
        assert answer.status_code == 201, answer.text
        experiment = answer.json()["id"]
        runs = self.client.get("/v1/runs", params={"experiment_id": experiment}).json()["items"]
        return runs[0]["id"]

    def run(self, run_id: str) -> dict:
        return self.client.get(f"/v1/runs/{run_id}").json()

    def reaches(self, run_id: str, epoch: int) -> None:
        wait_for(lambda: self.run(run_id)["epoch"] >= epoch, what=f"epoch {epoch}", seconds=120)

    def ends(self, run_id: str) -> dict:
        wait_for(lambda: self.run(run_id)["status"] in ENDED, what="the run ends", seconds=200)
        return self.run(run_id)

    def history(self, run_id: str) -> dict:
        metrics = self.client.get(f"/v1/runs/{run_id}/history").json()["metrics"]
        return {name: values for name, values in metrics.items() if name != "epoch_seconds"}

    def weights(self, run_id: str) -> httpx.Response:
        return self.client.get(f"/v1/runs/{run_id}/weights")


@pytest.mark.longest
def test_a_store_that_goes_away_and_returns_costs_no_run(store, in_s3, tmp_path) -> None:
    files = open_storage(in_s3)
    with Processes(in_s3, tmp_path / "logs") as processes:
        api, worker = processes.start("api", "service.cli", "api"), ready_worker(processes, "one")
        scheduler = processes.scheduler(ready=False)
        site = Site(address_of(api))
        scheduler.says("The scheduler runs", seconds=120)
        dataset = site.upload()

        harmed = site.submit(dataset)
        wait_for(
            lambda: [name for name in files.names(CHECKPOINTS) if harmed in name],
            what="a checkpoint",
            seconds=120,
        )
        # Its epoch is recorded after it; before that it is ahead of the history, and no use.
        site.reaches(harmed, site.run(harmed)["epoch"] + 2)
        for pid in (worker.pid, *worker.children()):
            os.kill(pid, signal.SIGKILL)
        second = ready_worker(processes, "two")
        second.says("Went on from a checkpoint", seconds=120)
        store.away = True
        store.cut()
        reached = site.run(harmed)["epoch"]
        site.reaches(harmed, min(reached + 2, 60))  # it trains and records meanwhile
        store.away = False
        ended = site.ends(harmed)
        assert (ended["status"], ended["attempt"]) == ("completed", 2)
        assert load(site.weights(harmed).content)

        store.away = True
        store.cut()
        brief = site.ends(site.submit(dataset, epochs=2, seeds=[8]))
        assert brief["status"] == "completed"
        second.says("Could not keep the final weights", seconds=60)
        assert site.weights(brief["id"]).status_code == 503
        again = site.client.post("/v1/datasets?name=x&target=Exited", content=CHURN.read_bytes())
        assert again.status_code == 503
        store.away = False
        assert "missing where the worker could not write them" in site.weights(brief["id"]).text

        twin = site.ends(site.submit(dataset))
        assert twin["status"] == "completed"
        assert site.history(twin["id"]) == site.history(harmed)
        ours, theirs = (load(site.weights(run).content) for run in (harmed, twin["id"]))
        assert {name: values.tobytes() for name, values in ours.items()} == {
            name: values.tobytes() for name, values in theirs.items()
        }


@pytest.mark.parametrize(
    ("location", "away", "sentence"),
    [
        ("s3://nobodys/x", False, "which cannot be used: There is no bucket nobodys."),
        ("s3://ours/x", True, "which cannot be used: "),
        ("nonsense://there", False, "which cannot be used: ValueError: Protocol not known"),
    ],
    ids=["no bucket", "nobody answers", "no such kind"],
)
def test_a_location_that_cannot_be_used_is_one_sentence(
    settings, tmp_path, store, location, away, sentence
) -> None:
    store.away = away
    settings = settings.model_copy(update={"checkpoint_dir": location, "port": 0})
    with Processes(settings, tmp_path / "logs") as processes:
        commands = (("service.cli", "api"), ("workers", "--device", "cpu"))
        for started in [processes.start(command[0], *command) for command in commands]:
            assert started.wait(120) == 1
            said = started.output.strip().splitlines()
            assert said[-1].startswith(f"ACTINIUM_CHECKPOINT_DIR is {location}, {sentence}")
            assert "Traceback" not in started.output


def test_without_the_extra_the_sentence_says_what_to_install(settings, monkeypatch) -> None:
    from service.weights import location

    monkeypatch.setattr(location, "find_spec", lambda _: None)
    with pytest.raises(location.LocationError, match=r"actinium-service\[s3\]"):
        location.check_location(settings.model_copy(update={"checkpoint_dir": "s3://ours/x"}))
