"""Deliveries that are too many for the transaction of their events: made afterwards, the same."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from service.database.webhook_tables import Webhook, WebhookBatch, WebhookDelivery
from service.events import outbox
from service.experiments import lifecycle
from service.webhooks import dispatch, subscriptions
from service.webhooks.dispatch import DeliveryOutcome
from service.webhooks.subscriptions import Subscription
from tests.support.webhook_receivers import PUBLIC_URL

#: With so many runs and so many webhooks an experiment's end is a batch.
RUNS, WEBHOOKS = 30, 40


@pytest.fixture
def subscribe(session, settings):
    def subscribe(count, events=("run.finished", "experiment.finished")):
        return [
            subscriptions.create(
                session,
                Subscription(f"{PUBLIC_URL}?{uuid.uuid4()}", events),
                caller="test",
                settings=settings,
            ).id
            for _ in range(count)
        ]

    return subscribe


def counted(sessions, table):
    with sessions() as reading:
        return reading.scalar(select(func.count()).select_from(table))


def told(sessions, webhook_id):
    """The messages of a webhook in their order: event and run."""
    with sessions() as reading:
        rows = reading.scalars(
            select(WebhookDelivery)
            .where(WebhookDelivery.webhook_id == webhook_id)
            .order_by(WebhookDelivery.id)
        ).all()
        return [(row.event, row.payload["data"].get("run_id")) for row in rows]


def expanded(sessions):
    """Expand all batches, and return how many steps it took."""
    steps = 0
    with sessions() as session:
        while outbox.expand_batch(session):
            steps += 1
    return steps


@pytest.mark.parametrize("at_once", [True, False])
def test_all_are_made_in_the_order_of_the_events(lab, sessions, subscribe, monkeypatch, at_once):
    if at_once:
        monkeypatch.setattr(outbox, "MOST_AT_ONCE", 10**6)
    webhooks = subscribe(WEBHOOKS)
    (other,) = subscribe(1, ("run.started",))
    experiment_id = lab.submit(seeds=RUNS)
    with sessions() as session:
        lifecycle.cancel(session, experiment_id)
    assert counted(sessions, WebhookBatch) == (0 if at_once else 1)
    assert counted(sessions, WebhookDelivery) == ((RUNS + 1) * WEBHOOKS if at_once else 0)
    assert expanded(sessions) == (0 if at_once else WEBHOOKS)
    assert counted(sessions, WebhookBatch) == 0
    expected = [("run.finished", str(run.id)) for run in lab.runs(experiment_id)]
    for webhook_id in webhooks:
        assert told(sessions, webhook_id) == [*expected, ("experiment.finished", None)]
    assert told(sessions, other) == []
    with sessions() as reading:
        ids = reading.scalars(select(WebhookDelivery.id)).all()
        due = reading.scalar(select(func.count()).where(WebhookDelivery.status == "pending"))
    assert {each.version for each in ids} == {7}
    assert len(ids) == due


def test_who_left_or_came_meanwhile_gets_none(lab, sessions, subscribe, session):
    deleted, disabled, *others = subscribe(WEBHOOKS)
    experiment_id = lab.submit(seeds=RUNS)
    lifecycle.cancel(session, experiment_id)
    subscriptions.delete(session, deleted)
    subscriptions.disable(session, disabled, caller="test")
    (late,) = subscribe(1)
    assert expanded(sessions) == WEBHOOKS
    assert [len(told(sessions, each)) for each in (disabled, late, others[0], others[-1])] == [
        0,
        0,
        RUNS + 1,
        RUNS + 1,
    ]


def test_two_senders_expand_different_batches(lab, sessions, subscribe, session):
    subscribe(WEBHOOKS)
    for _ in range(2):
        lifecycle.cancel(session, lab.submit(seeds=RUNS, reuse=False))
    with sessions() as one, one.begin():
        one.execute(select(WebhookBatch).order_by(WebhookBatch.id).limit(1).with_for_update())
        assert expanded(sessions) == WEBHOOKS
    assert expanded(sessions) == WEBHOOKS


@pytest.fixture
def attempt(lab, session, settings, subscribe):
    """Deliver one more message to a webhook, with an outcome."""
    (webhook_id,) = subscribe(1, ("experiment.created",))

    def attempt(error=None, *, days_failing=None):
        if days_failing is not None:
            since = func.now() - timedelta(days=days_failing)
            with session.begin():
                changed = update(Webhook).values(failing_since=since)
                session.execute(changed.execution_options(synchronize_session=False))
        lab.submit()
        (message, *_) = dispatch.claim(session, webhook_id, settings, limit=9)
        dispatch.record(session, message, DeliveryOutcome(0.1, error=error), settings)
        with session.begin():
            return session.get(Webhook, webhook_id, populate_existing=True)

    return attempt


def test_a_receiver_that_keeps_failing_is_disabled_and_says_so(attempt, session, sessions):
    webhook = attempt("It answered 500.")
    first = webhook.failing_since
    assert (first is not None, webhook.disabled_at) == (True, None)
    webhook = attempt("It answered 500.")
    assert (webhook.failing_since, webhook.disabled_at) == (first, None)
    webhook = attempt("It answered 500.", days_failing=4.9)
    assert webhook.disabled_at is None
    webhook = attempt("It answered 503.", days_failing=5.1)
    assert webhook.disabled_at is not None
    assert webhook.disabled_reason.startswith("No message has arrived since 20")
    assert webhook.disabled_reason.endswith("The last attempt: It answered 503.")
    left = text("SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'")
    with sessions() as reading:
        assert reading.scalar(left) == 0
    enabled = subscriptions.enable(session, webhook.id)
    assert (enabled.failing_since, enabled.disabled_at) == (None, None)


def test_one_message_that_arrives_ends_the_count(attempt):
    assert attempt("It answered 500.").failing_since is not None
    assert attempt(days_failing=30).failing_since is None
    webhook = attempt("It answered 500.")
    assert (webhook.failing_since is not None, webhook.disabled_at) == (True, None)
