"""API keys: who makes a request, and what it allows.

A key is 256 random bits, shown once. Only its sha256 is stored: a slow password hash would
add nothing, since nobody can guess 256 bits.
"""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session

from service.database.tables import ApiKey
from service.errors import InvalidError, NotFoundError, UnauthorizedError
from service.ids import uuid7
from service.settings import Settings

PREFIX = "act_"

#: The scopes that each scope includes.
SCOPES: dict[str, frozenset[str]] = {
    "read": frozenset({"read"}),
    "submit": frozenset({"read", "submit"}),
    "admin": frozenset({"read", "submit", "admin"}),
}

#: ``last_used_at`` is this precise; writing it at every request would make each read a write.
_LAST_USED_RESOLUTION = timedelta(minutes=1)

_INVALID = "The API key is not valid: it is mistyped, or it was revoked."


@dataclass(frozen=True)
class Caller:
    """Who makes a request. ``id`` is stable: rate limits and idempotency keys belong to it."""

    id: str
    name: str
    scopes: frozenset[str]


#: The caller on this machine until the first key is made.
LOCAL = Caller("local", "local", SCOPES["admin"])

#: The name of the caller with the key that the settings name.
OWN = "settings"


@dataclass(frozen=True)
class CreatedKey:
    """A new key with its token, which is stored nowhere."""

    key: ApiKey
    token: str


def create(session: Session, *, name: str, scopes: Iterable[str]) -> CreatedKey:
    """Create a key.

    Raises:
        InvalidError: the name is empty, or a scope is missing or unknown.
    """
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if not wanted or unknown:
        found = f"not {', '.join(map(repr, unknown))}" if unknown else "at least one"
        raise InvalidError(f"A key's scopes are {', '.join(SCOPES)}; {found}.")
    name = name.strip()
    if not name:
        raise InvalidError("A key needs a name that tells it from the others.")
    if not name.isprintable():
        raise InvalidError(
            "A key's name holds letters, digits, punctuation and spaces; this one has characters "
            "that are not shown, such as line ends or escapes."
        )
    token = PREFIX + secrets.token_urlsafe(32)
    with session.begin():
        key = ApiKey(id=uuid7(), name=name, digest=_digest(token), scopes=wanted)
        session.add(key)
        session.flush()
        session.refresh(key)
    return CreatedKey(key, token)


def list_all(session: Session) -> Sequence[ApiKey]:
    """List every key, revoked ones too, oldest first."""
    with session.begin():
        return session.scalars(select(ApiKey).order_by(ApiKey.id)).all()


def revoke(session: Session, key_id: uuid.UUID) -> ApiKey:
    """Revoke a key, for good.

    Raises:
        NotFoundError: there is no such key.
    """
    with session.begin():
        key = session.get(ApiKey, key_id, with_for_update=True)
        if key is None:
            raise NotFoundError(f"There is no key {key_id}.")
        if key.revoked_at is None:
            key.revoked_at = session.scalar(select(func.now()))
        return key


def authenticate(session: Session, token: str, settings: Settings) -> Caller:
    """Return the caller with a token.

    Raises:
        UnauthorizedError: it belongs to no key, or to a revoked one.
    """
    digest = _digest(token)
    own = settings.api_key
    if own is not None and hmac.compare_digest(digest, _digest(own.get_secret_value())):
        return Caller(OWN, OWN, SCOPES["admin"])
    with session.begin():
        stale = or_(
            ApiKey.last_used_at.is_(None),
            ApiKey.last_used_at < func.now() - _LAST_USED_RESOLUTION,
        )
        columns = (ApiKey.id, ApiKey.name, ApiKey.digest, ApiKey.scopes, ApiKey.revoked_at)
        key = session.execute(
            select(*columns, stale.label("stale")).where(ApiKey.digest == digest)
        ).one_or_none()
        if key is None:
            raise UnauthorizedError(_INVALID)
        if not hmac.compare_digest(key.digest, digest) or key.revoked_at is not None:
            raise UnauthorizedError(_INVALID)
        if key.stale:
            session.execute(
                update(ApiKey).where(ApiKey.id == key.id, stale).values(last_used_at=func.now())
            )
    allowed = frozenset().union(*(SCOPES.get(scope, frozenset()) for scope in key.scopes))
    return Caller(str(key.id), key.name, allowed)


def any_exist(session: Session, settings: Settings) -> bool:
    """Whether any key exists or existed, so that requests need one.

    Revoked keys count: revoking the last one closes the service, and does not open it.
    """
    if settings.api_key is not None:
        return True
    with session.begin():
        return bool(session.scalar(select(exists().where(ApiKey.id.is_not(None)))))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
