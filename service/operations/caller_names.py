"""The callers that metrics name: a bounded number, and the same ones in every process."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.api_keys import LOCAL, OWN
from service.database.tables import ApiKey

#: Names of keys that get a series of their own, those of the oldest keys that are not revoked.
MOST_NAMES = 50

#: Stands for all other callers.
OTHER = "other"


class CallerNames:
    """Names callers for metrics.

    Args:
        keys: names of API keys; their runs carry the same names.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self.all = tuple(dict.fromkeys((LOCAL.name, OWN, *keys, OTHER)))
        self._known = frozenset(self.all)

    def of(self, caller: str) -> str:
        """Return the name of a caller: its own, or ``other``."""
        return caller if caller in self._known else OTHER


def read_caller_names(session: Session) -> CallerNames:
    """Return the names of this moment; inside a transaction."""
    oldest = (
        select(ApiKey.name)
        .where(ApiKey.revoked_at.is_(None))
        .group_by(ApiKey.name)
        .order_by(func.min(ApiKey.created_at), ApiKey.name)
        .limit(MOST_NAMES)
    )
    return CallerNames(session.scalars(oldest).all())
