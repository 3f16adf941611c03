"""Retention: deliveries are forgotten with the events, except those that still wait."""

from service.database.webhook_tables import WebhookDelivery
from service.operations import retention
from service.webhooks import deliveries, subscriptions
from service.webhooks.subscriptions import Subscription
from tests.support.webhook_receivers import PUBLIC_URL


def test_old_deliveries_are_deleted_except_those_that_wait(lab, sessions, settings):
    def log():
        with sessions() as session:
            return deliveries.search(session, webhook.id, cursor=None, limit=10)[0][::-1]

    with sessions() as session:
        wanted = Subscription(PUBLIC_URL, ["experiment.created"])
        webhook = subscriptions.create(session, wanted, caller="test", settings=settings)
    for _ in range(3):
        lab.submit()
    ended, fresh, waiting = log()
    lab.execute("UPDATE webhook_deliveries SET created_at = now() - interval '31 days'")
    lab.execute(
        "UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL WHERE id != :id",
        id=waiting.id,
    )
    lab.execute("UPDATE webhook_deliveries SET created_at = now() WHERE id = :id", id=fresh.id)
    with sessions() as session:
        assert retention.purge_deliveries(session, settings) == 1
        assert {delivery.id for delivery in log()} == {fresh.id, waiting.id}
        assert session.get(WebhookDelivery, ended.id) is None
