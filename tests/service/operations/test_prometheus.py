"""Metrics for Prometheus, with the database and without it."""

from pydantic import SecretStr
from sqlalchemy import insert
from sqlalchemy.orm import Session

from service.api.app import create_app
from service.database.tables import Worker
from service.settings import Settings
from tests.support.served_api import ask
from tests.support.small_experiments import submit


def test_metrics_count_requests_runs_and_workers(settings: Settings, session: Session) -> None:
    app = create_app(settings)
    submit(session, settings, seeds=3)
    submit(session, settings, seeds=2, device="cuda")
    with session.begin():
        session.execute(
            insert(Worker), [{"name": "one", "device": "cpu"}, {"name": "two", "device": "cuda"}]
        )
    for path in ("/v1/experiments", "/v1/experiments", "/nothing/at/all", "/v1/runs/x"):
        ask(app, "GET", path)
    response = ask(app, "GET", "/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    lines = set(response.text.splitlines())
    assert {
        'actinium_runs{status="queued"} 5.0',
        'actinium_runs{status="completed"} 0.0',
        'actinium_queue_length{device="auto"} 3.0',
        'actinium_queue_length{device="cuda"} 2.0',
        'actinium_workers_seen{device="cpu"} 1.0',
        'actinium_workers_seen{device="cuda"} 1.0',
        "actinium_database_up 1.0",
        'actinium_requests_total{method="GET",route="/v1/experiments",status="200"} 2.0',
        'actinium_requests_total{method="GET",route="/v1/runs/{run_id}",status="422"} 1.0',
        'actinium_requests_total{method="GET",route="unknown",status="404"} 1.0',
        'actinium_request_seconds_count{method="GET",route="/v1/experiments"} 2.0',
    } <= lines


def test_metrics_are_answered_without_the_database() -> None:
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/none", api_key=SecretStr("k"))
    response = ask(create_app(settings), "GET", "/metrics", headers={"Authorization": "Bearer k"})
    assert response.status_code == 200
    assert "actinium_database_up 0.0" in response.text
    assert "actinium_runs{" not in response.text
