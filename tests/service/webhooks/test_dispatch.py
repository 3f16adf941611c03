"""Deliveries are leased, recorded and scheduled, by any number of senders."""

from sqlalchemy import text

from service.webhooks import dispatch
from service.webhooks.dispatch import DeliveryOutcome

#: No connection is made to it: these tests are the sender.
URL = "http://127.0.0.1:1/"


def _failed(retry_after=0.0):
    return DeliveryOutcome(0.01, 503, "It answered 503.", retry_after)


def test_pauses_follow_the_schedule_with_jitter_until_it_is_given_up(
    lab, sessions, subscribe, log, settings
):
    scheduled = settings.model_copy(update={"webhook_retry_seconds": "5,300,1800"})
    webhook = subscribe(URL, "experiment.created")
    lab.submit()
    pauses = []
    for number in range(1, 5):
        with sessions() as session:
            (message,) = dispatch.claim(session, webhook.id, scheduled, limit=4)
            assert message.attempt == number
            asked = 1000.0 if number == 2 else 0.0
            dispatch.record(session, message, _failed(asked), scheduled)
            assert not dispatch.claim(session, webhook.id, scheduled, limit=4), "not yet"
            ahead = text(
                "SELECT extract(epoch FROM next_attempt_at - now()) FROM webhook_deliveries"
            )
            pauses.append(session.scalar(ahead))
            session.rollback()
        lab.execute("UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status='pending'")
    first, second, third, last = pauses
    assert 4 < first <= 6
    assert 990 < second <= 1000, "what the receiver asked for is longer"
    assert 1795 < third <= 2160
    assert last is None
    (delivery,) = log(webhook)
    assert (delivery.status, len(delivery.attempts)) == ("failed", 4)


def test_one_sender_at_a_time_and_the_last_one_counts(lab, sessions, subscribe, log, settings):
    webhook = subscribe(URL, "experiment.created")
    lab.submit()
    delivered = DeliveryOutcome(0.01, 200)
    with sessions() as one, sessions() as two:
        (first,) = dispatch.claim(one, webhook.id, settings, limit=4)
        assert dispatch.claim(two, webhook.id, settings, limit=4) == []
        assert dispatch.due_webhooks(two) == []
        lab.execute("UPDATE webhook_deliveries SET lease_expires_at = now()")
        (second,) = dispatch.claim(two, webhook.id, settings, limit=4)
        assert (second.id, second.body) == (first.id, first.body)
        assert dispatch.record(one, first, delivered, settings) is None
        assert log(webhook)[0].status == "pending"
        assert dispatch.record(two, second, delivered, settings) == "delivered"


def test_two_senders_claim_different_messages_of_one_receiver(lab, sessions, subscribe, settings):
    webhook = subscribe(URL, "experiment.created")
    for _ in range(6):
        lab.submit()
    with sessions() as holder, sessions() as session, holder.begin():
        locked = holder.execute(
            text("SELECT id FROM webhook_deliveries ORDER BY id LIMIT 2 FOR UPDATE")
        ).scalars()
        claimed = dispatch.claim(session, webhook.id, settings, limit=10)
        assert len(claimed) == 4
        assert not {message.id for message in claimed} & set(locked)
