"""The outbox: deliveries are written with their events, or not at all."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from service.events.event_types import EventType, NewEvent
from service.events.outbox import enqueue
from service.webhooks import deliveries, subscriptions
from service.webhooks.subscriptions import Subscription
from tests.support.processes import wait_for
from tests.support.webhook_receivers import PUBLIC_URL


def test_a_run_ends_also_while_a_subscriber_is_being_deleted(
    lab, database_url, session, sessions, settings
):
    """The delivery of a webhook that goes away in the same moment must not fail the run's end."""
    subscriptions.create(session, Subscription(PUBLIC_URL), caller="test", settings=settings)
    lab.submit()
    claim = lab.taken()
    lab.epoch(claim, 1)
    with psycopg.connect(database_url) as deleting, ThreadPoolExecutor(1) as pool:
        deleting.execute("DELETE FROM webhooks")
        ending = pool.submit(lab.epoch, claim, 2, "completed")
        blocked = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )

        def waits():
            with sessions() as session:
                return session.scalar(text(blocked))

        wait_for(waits, what="the run's end waits for the webhook")
        deleting.commit()
        ending.result(10)
    assert lab.run(claim.run_id).status == "completed"


def test_events_that_are_rolled_back_are_delivered_to_nobody(lab, session, settings):
    webhook_id = subscriptions.create(
        session, Subscription(PUBLIC_URL), caller="test", settings=settings
    ).id
    experiment_id = lab.submit()
    event = NewEvent(EventType.EXPERIMENT_FINISHED, experiment_id, data={"runs": {}})

    def fails_at_its_end():
        with session.begin():
            enqueue(session, [event])
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fails_at_its_end()
    found, _ = deliveries.search(session, webhook_id, cursor=None, limit=10)
    assert [delivery.event for delivery in found] == ["experiment.created"]
