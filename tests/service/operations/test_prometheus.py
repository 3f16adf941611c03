"""Metrics for Prometheus, with the database and without it."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, insert, text
from sqlalchemy.orm import Session

from service.api.app import create_app
from service.database.tables import ApiKey, Worker
from service.database.webhook_tables import Webhook, WebhookDelivery
from service.events.event_types import EventType
from service.ids import uuid7
from service.operations.caller_names import MOST_NAMES
from service.operations.shared_state import MOST_WORKERS
from service.runs import endings
from service.settings import Settings
from service.webhooks import dispatch, subscriptions
from service.webhooks.dispatch import DeliveryOutcome
from service.webhooks.subscriptions import Subscription
from tests.support.metrics import samples, value
from tests.support.served_api import ask
from tests.support.small_experiments import submit


@pytest.fixture
def apis(settings):
    """Ask two API processes of one database for their metrics."""
    key = settings.model_copy(update={"api_key": SecretStr("k")})
    apps = [create_app(key), create_app(key)]

    def scraped() -> list[str]:
        answers = [
            ask(app, "GET", "/metrics", headers={"Authorization": "Bearer k"}) for app in apps
        ]
        assert [answer.status_code for answer in answers] == [200, 200]
        return [answer.text for answer in answers]

    scraped()
    return scraped


def add_keys(session: Session, names: list[str]) -> None:
    keys = [
        {"id": uuid7(), "name": name, "digest": name.encode(), "scopes": ["submit"]}
        | {"created_at": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)}
        for number, name in enumerate(names)
    ]
    with session.begin():
        session.execute(insert(ApiKey), keys)


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


def test_every_api_counts_what_happened_to_runs_once(apis, lab, session) -> None:
    add_keys(session, ["team"])
    lab.submit("team")
    lab.submit("somebody", seeds=[2])
    lab.execute("UPDATE runs SET created_at = created_at - interval '40 s'")
    first, second = lab.taken("one"), lab.taken("two")
    lab.execute("UPDATE runs SET started_at = started_at - interval '7 s'")
    lab.train(first, "diverged")
    lose(lab, second)
    apis()
    again = lab.taken("three")
    lose(lab, again)
    lose(lab, lab.taken("four"))  # the last of three attempts: the run has failed
    for _ in range(2):
        answers = apis()
    for answer in answers:
        for caller in ("team", "other"):
            assert value(answer, "actinium_run_wait_seconds_count", caller=caller) == 1
            waited = value(answer, "actinium_run_wait_seconds_sum", caller=caller)
            assert waited == pytest.approx(40, abs=10)
        assert value(answer, "actinium_run_duration_seconds_count", status="diverged") == 1
        trained = value(answer, "actinium_run_duration_seconds_sum", status="diverged")
        assert trained == pytest.approx(7, abs=5)
        assert value(answer, "actinium_run_duration_seconds_count", status="failed") == 1
        assert value(answer, "actinium_run_duration_seconds_count", status="completed") == 0
        assert value(answer, "actinium_runs_lost_total") == 3


def lose(lab, claim) -> None:
    lab.execute(
        "UPDATE runs SET lease_expires_at = now() - interval '1 s' WHERE id = :id", id=claim.run_id
    )
    with lab.sessions() as session:
        assert endings.recover(session, claim.run_id, claim.attempt, lab.settings)


def test_runs_that_took_over_a_history_or_never_began_have_no_duration(apis, lab) -> None:
    lab.submit()
    lab.train_all()
    lab.submit()  # takes over what was trained
    (waiting,) = lab.runs(lab.submit(seeds=[7]))
    with lab.sessions() as session:
        endings.cancel(session, waiting.id)
    for answer in apis():
        assert value(answer, "actinium_run_duration_seconds_count", status="completed") == 1
        assert value(answer, "actinium_run_duration_seconds_count", status="cancelled") == 0
        assert value(answer, "actinium_run_wait_seconds_count", caller="other") == 1


def test_an_event_that_is_committed_late_is_counted_all_the_same(apis, lab, engine) -> None:
    (run,) = lab.runs(lab.submit())
    lost = text(
        "INSERT INTO events (experiment_id, run_id, type, data)"
        ' VALUES (:experiment, :run, :type, \'{"outcome": "lost", "attempt": 1}\')'
    )
    event = {"experiment": run.experiment_id, "run": run.id, "type": EventType.RUN_REQUEUED}
    with engine.connect() as slow, engine.connect() as quick:
        slow.execute(lost, event)
        quick.execute(lost, event)
        quick.commit()
        apis()
        slow.commit()
    apis()
    assert {value(answer, "actinium_runs_lost_total") for answer in apis()} == {2}


def test_the_queue_tells_who_waits_longest_and_what_no_worker_can_take(apis, lab, session) -> None:
    add_keys(session, [f"key {number}" for number in range(MOST_NAMES + 2)])
    for caller, seconds in (("key 0", 100), (f"key {MOST_NAMES + 1}", 200), ("nobody", 300)):
        lab.submit(caller, device="cuda" if caller == "nobody" else "cpu")
        lab.execute(
            "UPDATE runs SET created_at = now() - make_interval(secs => :s) WHERE caller = :c",
            s=seconds,
            c=caller,
        )
    assert [blocked(answer) for answer in apis()] == 2 * [{"auto": 0, "cpu": 2, "cuda": 1}]
    with session.begin():
        session.execute(insert(Worker), [{"name": "small", "device": "cpu", "memory_bytes": 1_000}])
    assert [blocked(answer) for answer in apis()] == 2 * [{"auto": 0, "cpu": 2, "cuda": 1}]
    with session.begin():
        session.execute(insert(Worker), [{"name": "large", "device": "cpu", "memory_bytes": 10**9}])
    for answer in apis():
        assert blocked(answer) == {"auto": 0, "cpu": 0, "cuda": 1}
        memory = value(answer, "actinium_worker_memory_bytes", device="cpu", worker="small")
        assert memory == 1_000
        waits = {
            dict(labels)["caller"]: seconds
            for (name, labels), seconds in samples(answer).items()
            if name == "actinium_queue_oldest_wait_seconds"
        }
        assert len(waits) == MOST_NAMES + 3
        assert waits["key 0"] == pytest.approx(100, abs=20)
        assert waits["other"] == pytest.approx(300, abs=20)
        assert waits["key 1"] == 0


def blocked(answer: str) -> dict[str, float | None]:
    return {
        device: value(answer, "actinium_queue_blocked", device=device)
        for device in ("auto", "cpu", "cuda")
    }


def test_a_run_that_waits_again_has_begun(apis, lab) -> None:
    lab.submit("settings")
    lab.execute("UPDATE runs SET created_at = created_at - interval '1 h'")
    lab.release(lab.taken())
    answer, _ = apis()
    assert value(answer, "actinium_queue_length", device="auto") == 1
    assert value(answer, "actinium_queue_oldest_wait_seconds", caller="settings") == 0


def test_webhooks_and_their_messages_are_told_by_state(apis, session) -> None:
    usual = {"url": "https://example.org", "events": [], "secret": "s", "created_by": "test"}
    with session.begin():
        now = session.scalar(text("SELECT now()"))
        hooks = [
            usual | {"id": uuid7(), "failing_since": since, "disabled_at": disabled}
            for since, disabled in ((None, None), (now, None), (now, None), (now, now))
        ]
        session.execute(insert(Webhook), hooks)
        message = {"webhook_id": hooks[1]["id"], "event": "run.finished", "payload": {}}
        session.execute(
            insert(WebhookDelivery),
            [message | {"id": uuid7(), "failures": failures} for failures in (9, 0, 1, 1)],
        )
        session.execute(
            text(
                "UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL"
                " WHERE failures = 9"
            )
        )
    for answer in apis():
        states = [
            value(answer, "actinium_webhooks", state=state)
            for state in ("working", "failing", "disabled")
        ]
        assert states == [1, 2, 1]
        assert value(answer, "actinium_webhook_messages", state="pending") == 1
        assert value(answer, "actinium_webhook_messages", state="failing") == 2


def test_every_api_counts_how_deliveries_ended(apis, lab, session, settings) -> None:
    delivered, failed = DeliveryOutcome(0.01, 200), DeliveryOutcome(0.01, 503, "It answered 503.")
    wanted = Subscription("https://example.org/hook", ["experiment.created"])
    hook = subscriptions.create(session, wanted, caller="test", settings=settings)
    for _ in range(4):
        lab.submit()
    messages = dispatch.claim(session, hook.id, settings, limit=2)
    for message, outcome in zip(messages, (delivered, failed), strict=True):
        dispatch.record(session, message, outcome, settings)
    subscriptions.disable(session, hook.id, caller="test")
    for answer in apis():
        counts = [
            value(answer, "actinium_webhook_deliveries_total", result=result)
            for result in ("delivered", "failed", "disabled")
        ]
        assert counts == [1, 1, 3], "the one that failed would have been tried again"


def test_what_workers_use_is_told_and_counted_by_worker(apis, session) -> None:
    def seen(*workers: tuple[str, int | None, float | None]) -> None:
        with session.begin():
            session.execute(delete(Worker))
            session.execute(
                insert(Worker),
                [
                    {"name": name, "device": "cpu", "resident_bytes": size, "processor_seconds": s}
                    for name, size, s in workers
                ],
            )

    def told(name: str) -> list[dict[str, float]]:
        return [
            {
                dict(labels)["worker"]: found
                for (metric, labels), found in samples(answer).items()
                if metric == name
            }
            for answer in apis()
        ]

    seen(("old", None, None), ("one", 400, 20.0))
    assert told("actinium_worker_resident_memory_bytes") == [{"one": 400}] * 2
    assert told("actinium_worker_processor_seconds_total") == [{"one": 20}] * 2
    seen(("one", 300, 21.5), ("two", 100, 2.0))
    assert told("actinium_worker_processor_seconds_total") == [{"one": 21.5, "two": 2}] * 2
    seen(("two", 100, 0.5), *((f"x{number:03}", 1, 1.0) for number in range(MOST_WORKERS + 20)))
    counted = told("actinium_worker_processor_seconds_total")[0]
    assert "one" not in counted, "it is gone"
    assert len(counted) == MOST_WORKERS + 1
    assert sum(counted.values()) == MOST_WORKERS + 20 + 2.5, "two began anew"


def test_statements_are_timed_also_those_that_fail(settings: Settings) -> None:
    app = create_app(settings)
    before = ask(app, "GET", "/metrics").text
    with app.state.sessions() as session:
        session.execute(text("SELECT pg_sleep(0.3)"))
        with pytest.raises(Exception, match="no_such_table"):
            session.execute(text("DELETE FROM no_such_table"))
    after = ask(app, "GET", "/metrics").text

    def seconds(answer: str, kind: str, part: str) -> float:
        return value(answer, f"actinium_database_statement_seconds_{part}", kind=kind) or 0

    assert seconds(after, "select", "sum") - seconds(before, "select", "sum") > 0.29
    assert (seconds(before, "delete", "count"), seconds(after, "delete", "count")) == (0, 1)


def test_the_memory_of_each_process_is_told(api, lab) -> None:
    experiment_id = lab.submit(activation=["relu", "tanh"])
    lab.train_all()

    def processes() -> dict[str, float]:
        return {
            dict(labels)["process"]: size
            for (name, labels), size in samples(api.get("/metrics").text).items()
            if name == "actinium_process_resident_memory_bytes"
        }

    assert set(processes()) == {"api"}
    assert api.get(f"/v1/experiments/{experiment_id}/comparison").status_code == 200
    held = processes()
    assert set(held) == {"api", "fork_server", "computing_1"}
    assert all(10_000_000 < size < 10_000_000_000 for size in held.values())


def test_metrics_are_answered_without_the_database() -> None:
    settings = Settings(database_url="postgresql://nobody@127.0.0.1:1/none", api_key=SecretStr("k"))
    response = ask(create_app(settings), "GET", "/metrics", headers={"Authorization": "Bearer k"})
    assert response.status_code == 200
    assert "actinium_database_up 0.0" in response.text
    assert {name for name, _ in samples(response.text)}.isdisjoint(
        {
            "actinium_runs",
            "actinium_webhooks",
            "actinium_webhook_messages",
            "actinium_queue_blocked",
        }
    )
