"""Faults at random moments over a running load: nothing is lost, nothing is there twice.

    CAMPAIGN_SEED=7 CAMPAIGN_SECONDS=600 python -m pytest -s -m slow \
        tests/acceptance/test_fault_campaign.py

Every run that was accepted ends with the history, the layer statistics and the weights of a twin
that no fault touched, bit for bit, and every webhook got its events.
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

from deploy.embedded import EmbeddedServers
from deploy.embedded.ports import free_port
from service.database.engine import create_database_engine, session_factory
from service.database.schema_version import alembic_config
from service.database.tables import Run
from service.settings import Settings
from tests.support.campaign_clients import Traffic
from tests.support.campaign_results import CampaignResults
from tests.support.clocks import HOUR, WallClocks
from tests.support.fault_campaign import Campaign, Service
from tests.support.fault_schedule import UNNOTICED
from tests.support.processes import Processes, wait_for
from tests.support.told_history import anomalies
from tests.support.webhook_receivers import Receiver
from tests.support.webhook_subscriber import Subscriber

pytestmark = pytest.mark.slow

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

#: Seconds that clocks are ahead until a fault puts them right again, or otherwise wrong.
WRONG_FROM_THE_BEGINNING = {"worker two": -HOUR, "scheduler one": HOUR, "scheduler two": -HOUR}


@dataclass(frozen=True)
class Deployment:
    """Everything of one campaign."""

    servers: EmbeddedServers
    settings: Settings
    service: Service
    findings: CampaignResults
    client: httpx.Client
    subscriber: Subscriber


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
                "webhook_private_addresses": True,
                "webhook_timeout_seconds": 2.0,
                "webhook_retry_seconds": ",".join(["0.5"] * 1000),
            }
        )
        command.upgrade(alembic_config(own.sqlalchemy_url), "head")
        engine = create_database_engine(own)
        url = f"http://127.0.0.1:{own.port}"
        clocks = WallClocks(tmp_path / "clocks")
        with (
            Processes(own, tmp_path / "logs", clocks.environment) as processes,
            httpx.Client(base_url=url, timeout=30) as client,
            Receiver() as receiver,
        ):
            for name, off in WRONG_FROM_THE_BEGINNING.items():
                clocks.put(name, off)
            service = Service(processes, clocks)
            service.start_all()
            wait_for(lambda: _ready(client), what="the service is ready", seconds=90)
            findings = CampaignResults(session_factory(engine), client)
            yield Deployment(servers, own, service, findings, client, Subscriber(receiver, client))
        engine.dispose()


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.timeout(600)  # on a machine over-committed many times; a minute on a quiet one
@pytest.mark.longest
def test_a_short_campaign(deployment: Deployment) -> None:
    _carry_out(deployment, seconds=float(os.environ.get("CAMPAIGN_SECONDS", "25")), patience=150)


@pytest.mark.longest
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
    _wait_for_all_to_end(findings, patience)
    twins = {(each.config_hash, each.seed): findings.result(each) for each in findings.runs()}
    untouched = {each.id for each in findings.runs()}

    campaign = Campaign(
        deployment.service,
        deployment.servers,
        deployment.subscriber.receiver,
        deployment.settings,
        seed,
    )
    traffic.start()
    campaign.run(seconds)
    lifted = time.monotonic()
    traffic.stop()
    _wait_for_all_to_end(findings, patience)
    print(f"All ended {time.monotonic() - lifted:.1f} s after the last fault.")
    traffic.wait_for_streams(30)
    deployment.subscriber.wait_for_all(60)
    print(f"All messages were delivered {time.monotonic() - lifted:.1f} s after it.")

    runs = [each for each in findings.runs() if each.id not in untouched]
    _report(campaign, runs, findings, traffic)
    accepted = deployment.subscriber.accepted()
    print(
        f"{len(deployment.subscriber.receiver.received)} webhook messages came for {len(accepted)}."
    )
    assert Counter(accepted.values()) == findings.reported()
    assert deployment.service.all_run()
    assert traffic.complaints == []
    observations = traffic.observations()
    print(f"{len(observations)} observations of clients.")
    assert len({type(observation) for observation in observations}) == 3
    assert anomalies(observations) == []
    assert findings.experiments() == {each.id for each in traffic.experiments}
    for run in runs:
        assert findings.result(run) == twins[run.config_hash, run.seed], f"{run.id} differs"
        _attempts_are_in_order(run, findings)
    for experiment in traffic.experiments:
        stored = findings.stream(experiment.id)
        streamed = [(each.id, each.type, each.run_id) for each in experiment.events]
        assert streamed == [(n, kind, run and str(run)) for n, kind, run, _ in stored]
        _events_are_in_order(experiment, stored, findings)
    # A fault strikes one or two trainings; of those it lets be none starts again.
    retries = sum(each.attempt - 1 for each in runs)
    felt = sum(count for kind, count in campaign.struck.items() if kind not in UNNOTICED)
    assert retries <= 2 * felt


def _wait_for_all_to_end(findings: CampaignResults, patience: float) -> None:
    wait_for(lambda: not findings.unfinished(), what=findings.describe_unfinished, seconds=patience)


def _attempts_are_in_order(run: Run, findings: CampaignResults) -> None:
    attempts = findings.attempts(run.id)
    assert [each.attempt for each in attempts] == [*range(1, run.attempt + 1)]
    outcomes = [attempt.outcome for attempt in attempts]
    assert outcomes.pop() == run.status == "completed"
    assert set(outcomes) <= {"lost", "released"}
    assert outcomes.count("lost") == run.failures
    assert all(each.reason for each in attempts[:-1])
    assert [row[0] for row in findings.history(run.id)] == [*range(1, run.epochs + 1)]


def _events_are_in_order(experiment: Any, stored: list[Any], findings: CampaignResults) -> None:
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


def _report(
    campaign: Campaign, runs: list[Run], findings: CampaignResults, traffic: Traffic
) -> None:
    struck, service = campaign.struck, campaign.service
    print("\n| fault | times |\n|---|---|")
    for kind, count in sorted(struck.items()):
        print(f"| {kind} | {count} |")
    print(f"| all | {struck.total()} |\n")
    outcomes = Counter(outcome for run in runs for outcome in findings.outcomes(run.id))
    print(
        f"{len(runs)} runs of {len(traffic.experiments) - len(VARIATIONS)} experiments, "
        f"{sum(each.epochs for each in runs)} epochs; "
        f"attempts: {dict(outcomes)}, at most {max(each.attempt for each in runs)} a run, "
        f"{service.count('Went on from a checkpoint')} went on from a checkpoint, "
        f"{service.count('Passed over a damaged checkpoint')} damaged ones were passed over; "
        f"{traffic.answers} answers, {traffic.outages} times none."
    )
