"""Idempotency keys: a request that is sent again is answered again, and done once.

The key's row is written in the transaction of the submission itself, so that neither can
exist without the other; an advisory lock on the key tells a twin that is still in flight.
"""

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.database.tables import IdempotencyKey
from service.errors import ConflictError, IdempotencyMismatchError, InvalidError
from service.settings import Settings

#: What a key may look like: 1 to 255 printable ASCII characters.
KEY_PATTERN = r"^[\x20-\x7e]{1,255}$"

#: Seed of the locks' numbers; it differs from that of ``service.events.publishing``.
_LOCK_SEED = 1


class InFlightError(ConflictError):
    """A request with this key has not ended yet."""

    type = "request-in-flight"
    title = "The same request is in flight"


@dataclass(frozen=True)
class KeyedRequest:
    """A request with an Idempotency-Key; keys belong to their caller."""

    caller: str
    key: str
    fingerprint: bytes


def keyed_request(*, caller: str, key: str, method: str, target: str, body: bytes) -> KeyedRequest:
    """Return a request by its key and a digest of its content.

    Raises:
        InvalidError: the key is not 1 to 255 printable ASCII characters.
    """
    if not re.fullmatch(KEY_PATTERN, key):
        raise InvalidError("An Idempotency-Key is 1 to 255 printable ASCII characters.")
    content = hashlib.sha256()
    for part in (method.encode(), target.encode(), body):
        content.update(len(part).to_bytes(8))
        content.update(part)
    return KeyedRequest(caller, key, content.digest())


def recall(session: Session, request: KeyedRequest) -> IdempotencyKey | None:
    """Return the stored answer to this request; without one, lock its key until the commit.

    Raises:
        InFlightError: a request with this key has not ended yet.
        IdempotencyMismatchError: the key came with another request before.
    """
    name = func.hashtextextended(f"{request.caller}\n{request.key}", _LOCK_SEED)
    if not session.scalar(select(func.pg_try_advisory_xact_lock(name))):
        raise InFlightError("A request with this Idempotency-Key is in flight; try again.")
    stored = session.scalars(
        select(IdempotencyKey).where(
            IdempotencyKey.caller == request.caller,
            IdempotencyKey.key == request.key,
            IdempotencyKey.expires_at > func.now(),
        )
    ).one_or_none()
    if stored is not None and stored.fingerprint != request.fingerprint:
        raise IdempotencyMismatchError(
            "This Idempotency-Key came with another request before. Use a new key for a new "
            "request."
        )
    return stored


def remember(
    session: Session,
    request: KeyedRequest,
    experiment_id: uuid.UUID,
    response: bytes,
    settings: Settings,
) -> None:
    """Store the answer to a request, in the transaction that did what it asked for."""
    values = {
        "fingerprint": request.fingerprint,
        "experiment_id": experiment_id,
        "response": response,
        "expires_at": func.now() + timedelta(hours=settings.idempotency_hours),
    }
    session.execute(
        insert(IdempotencyKey)
        .values(caller=request.caller, key=request.key, **values)
        # Only an expired row can be in the way.
        .on_conflict_do_update(index_elements=["caller", "key"], set_=values)
    )


def purge(session: Session) -> int:
    """Delete expired keys; return how many."""
    with session.begin():
        forgotten = session.execute(
            delete(IdempotencyKey).where(IdempotencyKey.expires_at <= func.now())
        )
        return int(getattr(forgotten, "rowcount", 0))
