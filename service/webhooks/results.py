"""Counts of how deliveries ended, by result; metrics tell them.

They are counted in the transaction that records the result. The messages themselves are deleted
after some time, so they cannot be counted later.
"""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.database.webhook_tables import WebhookResult

#: Rows of a result.
_SHARDS = 8


class DeliveryResult(StrEnum):
    """How an attempt to deliver a message ended, or why none was made."""

    DELIVERED = "delivered"
    #: The receiver did not accept it; it is tried again or given up.
    FAILED = "failed"
    #: It was given up without an attempt, as its webhook was disabled.
    DISABLED = "disabled"


def count_result(session: Session, result: DeliveryResult, number: int = 1) -> None:
    """Count so many more of a result; inside a transaction."""
    if number == 0:
        return
    shard = func.pg_backend_pid() % _SHARDS
    row = insert(WebhookResult).values(result=result, shard=shard, count=number)
    session.execute(
        row.on_conflict_do_update(
            index_elements=[WebhookResult.result, WebhookResult.shard],
            set_={"count": WebhookResult.count + row.excluded.count},
        )
    )


def read_results(session: Session) -> Mapping[str, int]:
    """Return how many there were of each result since the service was set up."""
    counted = select(WebhookResult.result, func.sum(WebhookResult.count)).group_by(
        WebhookResult.result
    )
    found = dict(session.execute(counted).all())
    return {result: int(found.get(result, 0)) for result in DeliveryResult}
