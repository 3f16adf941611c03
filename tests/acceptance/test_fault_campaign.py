"""Faults at random moments over a running load: nothing is lost, nothing is there twice.

    CAMPAIGN_SEED=7 CAMPAIGN_SECONDS=600 python -m pytest -s -m slow \
        tests/acceptance/test_fault_campaign.py

Every run that was accepted ends with the history, the layer statistics and the weights of a twin
that no fault touched, bit for bit.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from alembic import command
from safetensors.numpy import load
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from deploy.embedded import EmbeddedServers
from deploy.embedded.ports import free_port
from service import models
from service.config import Settings
from service.database import alembic_config, create_database_engine, session_factory
from service.models import ENDED, Event, Layers, Run
from tests.campaign import Campaign, Service
from tests.looks import Looks
from tests.processes import Processes, wait_for
from tests.traffic import Traffic

_ONE = {
    "activation": "relu",
    "layer_statistics": {"every": 8, "samples": 100},
    "max_attempts": 20,
    "reuse": False,
}

#: Runs of a few seconds: long enough to be struck, and to leave a checkpoint or two.
VARIATIONS: list[dict[str, Any]] = [
    _ONE
    | {
        "dataset": {"name": "digits", "train_size": 640, "test_size": 160},
        "model": {"name": "mlp", "hidden_units": [24, 16]},
        "normalization": "batch",
        "optimizer": {"name": "adam", "schedule": "cosine"},
        "batch_size": 32,
        "epochs": 48,
    },
    _ONE
    | {
        "dataset": {"name": "circles", "train_size": 320, "test_size": 80},
        "model": {"name": "mlp", "hidden_units": [16, 16]},
        "activation": "tanh",
        "dropout": 0.2,
        "optimizer": {"name": "sgd", "momentum": 0.9},
        "batch_size": 16,
        "epochs": 40,
    },
    _ONE
    | {
        "dataset": {"name": "digits", "train_size": 320, "test_size": 80},
        "model": {"name": "mlp", "hidden_units": [16]},
        "normalization": "layer",
        "clipping": "norm",
        "optimizer": {"name": "rmsprop"},
        "batch_size": 20,
        "epochs": 32,
    },
]
SEEDS = [3, 4]


@dataclass(frozen=True)
class Result:
    """All that a run's training gave, to be compared bit for bit."""

    status: str
    history: list[tuple[Any, ...]]
    layers: list[tuple[Any, ...]]
    weights: dict[str, bytes]
    verdict: str | None
    findings: Any


class Findings(Looks):
    """What is in the database and comes out of the API after a campaign."""

    def __init__(self, sessions: sessionmaker[Session], client: httpx.Client) -> None:
        super().__init__(sessions)
        self._client = client

    def runs(self) -> list[Run]:
        with self._sessions() as session:
            return list(session.scalars(select(Run).order_by(Run.id)))

    def unfinished(self) -> int:
        with self._sessions() as session:
            waiting = select(func.count()).where(Run.status.not_in(ENDED))
            return session.scalar(waiting) or 0

    def experiments(self) -> set[str]:
        with self._sessions() as session:
            return {str(each) for each in session.scalars(select(models.Experiment.id))}

    def stream(self, experiment_id: str) -> list[tuple[Any, ...]]:
        """The stored events of an experiment: number, type, run and data."""
        with self._sessions() as session:
            rows = session.execute(
                select(Event.id, Event.type, Event.run_id, Event.data)
                .where(Event.experiment_id == experiment_id)
                .order_by(Event.id)
            )
            return [tuple(row) for row in rows]

    def result(self, run: Run) -> Result:
        with self._sessions() as session:
            rows = session.execute(
                select(Layers.epoch, Layers.payload)
                .where(Layers.run_id == run.id)
                .order_by(Layers.epoch)
            )
            layers = [tuple(row) for row in rows]
        answer = self._client.get(f"/v1/runs/{run.id}/weights")
        assert answer.status_code == 200, answer.text
        weights = {name: each.tobytes() for name, each in load(answer.content).items()}
        history = self.history(run.id)
        return Result(run.status, history, layers, weights, run.verdict, run.findings)


@dataclass(frozen=True)
class Deployment:
    """Everything of one campaign."""

    servers: EmbeddedServers
    settings: Settings
    service: Service
    findings: Findings
    client: httpx.Client


@pytest.fixture
def deployment(settings: Settings, tmp_path: Any) -> Iterator[Deployment]:
    """A whole service on servers of its own, ready for work."""
    servers = EmbeddedServers(tmp_path / "servers")
    with servers:
        own = settings.model_copy(
            update={
                "database_url": servers.postgres.url,
                "redis_url": servers.valkey.url,
                "port": free_port(),
                "sse_heartbeat_seconds": 1.0,
                "worker_seen_seconds": 10.0,
                "soft_shutdown_seconds": 10.0,
            }
        )
        command.upgrade(alembic_config(own.sqlalchemy_url), "head")
        engine = create_database_engine(own)
        url = f"http://127.0.0.1:{own.port}"
        with (
            Processes(own, tmp_path / "logs") as processes,
            httpx.Client(base_url=url, timeout=30) as client,
        ):
            service = Service(processes)
            service.start_all()
            wait_for(lambda: _ready(client), what="the service is ready", seconds=90)
            yield Deployment(
                servers, own, service, Findings(session_factory(engine), client), client
            )
        engine.dispose()


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.timeout(600)  # on a machine over-committed many times; a minute on a quiet one
def test_a_short_campaign(deployment: Deployment) -> None:
    _carry_out(deployment, seconds=float(os.environ.get("CAMPAIGN_SECONDS", "25")), patience=150)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_long_campaign(deployment: Deployment) -> None:
    _carry_out(deployment, seconds=float(os.environ.get("CAMPAIGN_SECONDS", "300")), patience=300)


def _carry_out(deployment: Deployment, seconds: float, patience: float) -> None:
    seed = int(os.environ.get("CAMPAIGN_SEED", random.SystemRandom().randrange(10**6)))
    print(f"\nCAMPAIGN_SEED={seed} CAMPAIGN_SECONDS={seconds:g}")
    findings = deployment.findings
    traffic = Traffic(str(deployment.client.base_url), VARIATIONS, SEEDS, seed=seed)
    for each in VARIATIONS:
        traffic.submit(each | {"seeds": SEEDS}, deployment.client)
    wait_for(lambda: findings.unfinished() == 0, what="the twins are trained", seconds=patience)
    twins = {(each.config_hash, each.seed): findings.result(each) for each in findings.runs()}
    untouched = {each.id for each in findings.runs()}

    campaign = Campaign(deployment.service, deployment.servers, deployment.settings, seed)
    traffic.start()
    campaign.run(seconds)
    lifted = time.monotonic()
    traffic.stop()
    wait_for(lambda: findings.unfinished() == 0, what="every run ends", seconds=patience)
    print(f"All ended {time.monotonic() - lifted:.1f} s after the last fault.")
    traffic.wait_for_streams(30)

    runs = [each for each in findings.runs() if each.id not in untouched]
    _report(campaign, runs, findings, traffic)
    assert deployment.service.all_run()
    assert traffic.complaints == []
    assert findings.experiments() == {each.id for each in traffic.experiments}
    for run in runs:
        assert findings.result(run) == twins[run.config_hash, run.seed], f"{run.id} differs"
        _attempts_are_in_order(run, findings)
    for experiment in traffic.experiments:
        stored = findings.stream(experiment.id)
        told = [(each.id, each.type, each.run_id) for each in experiment.told]
        assert told == [(n, kind, run and str(run)) for n, kind, run, _ in stored]
        _events_are_in_order(experiment, stored, findings)
    # A fault strikes one or two trainings; of those it lets be none starts again.
    retries = sum(each.attempt - 1 for each in runs)
    assert retries <= 2 * campaign.struck.total()


def _attempts_are_in_order(run: Run, findings: Findings) -> None:
    attempts = findings.attempts(run.id)
    assert [each.attempt for each in attempts] == [*range(1, run.attempt + 1)]
    outcomes = [each.outcome for each in attempts]
    assert outcomes.pop() == run.status == "completed"
    assert set(outcomes) <= {"lost", "released"}
    assert outcomes.count("lost") == run.failures
    assert all(each.reason for each in attempts[:-1])
    assert [row[0] for row in findings.history(run.id)] == [*range(1, run.epochs + 1)]


def _events_are_in_order(experiment: Any, stored: list[Any], findings: Findings) -> None:
    """Each run starts as often as it was claimed, and each of its epochs is told once."""
    assert [stored[0][1], stored[-1][1]] == ["experiment.created", "experiment.finished"]
    by_run: dict[Any, list[Any]] = {}
    for _, kind, run_id, data in stored[1:-1]:
        by_run.setdefault(run_id, []).append((kind, data))
    assert len(by_run) == experiment.runs
    for run_id, events in by_run.items():
        run = findings.run(run_id)
        kinds = Counter(kind for kind, _ in events)
        assert kinds["run.started"] == run.attempt
        assert kinds["run.requeued"] == run.attempt - 1
        assert kinds["run.finished"] == 1
        assert events[-1][0] == "run.finished"
        told = [data["epoch"] for kind, data in events if kind == "run.epoch"]
        assert told == [*range(1, run.epochs + 1)]


def _report(campaign: Campaign, runs: list[Run], findings: Findings, traffic: Traffic) -> None:
    struck, service = campaign.struck, campaign.service
    print("\n| fault | times |\n|---|---|")
    for kind, count in sorted(struck.items()):
        print(f"| {kind} | {count} |")
    print(f"| all | {struck.total()} |\n")
    outcomes = Counter(outcome for each in runs for outcome in findings.outcomes(each.id))
    print(
        f"{len(runs)} runs of {len(traffic.experiments) - len(VARIATIONS)} experiments, "
        f"{sum(each.epochs for each in runs)} epochs; "
        f"attempts: {dict(outcomes)}, at most {max(each.attempt for each in runs)} a run, "
        f"{service.count('Went on from a checkpoint')} went on from a checkpoint, "
        f"{service.count('Passed over a damaged checkpoint')} damaged ones were passed over; "
        f"{traffic.answers} answers, {traffic.outages} times none."
    )
