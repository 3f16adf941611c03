"""API keys: shown once, stored as digests, found by their token, revoked for good."""

import uuid
from datetime import timedelta

import pytest
from pydantic import SecretStr
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from service import api_keys
from service.database.tables import ApiKey
from service.errors import InvalidError, NotFoundError, UnauthorizedError
from service.settings import Settings


def _rewind(session: Session, key_id: uuid.UUID, by: timedelta) -> None:
    with session.begin():
        session.execute(
            update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=ApiKey.last_used_at - by)
        )


def _last_used(session: Session, key_id: uuid.UUID) -> object:
    with session.begin():
        return session.get_one(ApiKey, key_id, populate_existing=True).last_used_at


def test_a_key_is_found_by_its_token_alone(session: Session, settings: Settings) -> None:
    created = api_keys.create(session, name="lab", scopes=["submit"])
    assert created.token.startswith("act_")
    assert len(created.token) == len("act_") + 43
    caller = api_keys.authenticate(session, created.token, settings)
    assert (caller.id, caller.name) == (str(created.key.id), "lab")
    for wrong in (created.token[:-1], f"{created.token}x", "", "act_", created.token.upper()):
        with pytest.raises(UnauthorizedError):
            api_keys.authenticate(session, wrong, settings)


def test_the_token_itself_is_stored_nowhere(session: Session) -> None:
    created = api_keys.create(session, name="lab", scopes=["read"])
    with session.begin():
        row = str(session.execute(text("SELECT api_keys::text FROM api_keys")).scalar_one())
    assert created.token not in row
    assert created.token.encode().hex() not in row


@pytest.mark.parametrize(
    ("granted", "allowed"),
    [
        (["read"], {"read"}),
        (["submit"], {"read", "submit"}),
        (["admin"], {"read", "submit", "admin"}),
        (["read", "submit"], {"read", "submit"}),
    ],
)
def test_a_scope_implies_the_lesser_ones(
    session: Session, settings: Settings, granted: list[str], allowed: set[str]
) -> None:
    created = api_keys.create(session, name="lab", scopes=granted)
    assert api_keys.authenticate(session, created.token, settings).scopes == allowed


@pytest.mark.parametrize(
    ("name", "scopes"), [("lab", []), ("lab", ["write"]), (" ", ["read"]), ("a\x00", ["read"])]
)
def test_a_key_needs_a_name_and_known_scopes(
    session: Session, name: str, scopes: list[str]
) -> None:
    with pytest.raises(InvalidError):
        api_keys.create(session, name=name, scopes=scopes)
    assert api_keys.list_all(session) == []


def test_a_revoked_key_is_refused(session: Session, settings: Settings) -> None:
    created = api_keys.create(session, name="lab", scopes=["read"])
    key_id = created.key.id
    first = api_keys.revoke(session, key_id).revoked_at
    assert first is not None
    with pytest.raises(UnauthorizedError):
        api_keys.authenticate(session, created.token, settings)
    assert api_keys.revoke(session, key_id).revoked_at == first
    assert [key.id for key in api_keys.list_all(session)] == [key_id]
    with pytest.raises(NotFoundError):
        api_keys.revoke(session, uuid.uuid4())


def test_use_is_recorded_at_most_once_per_minute(session: Session, settings: Settings) -> None:
    created = api_keys.create(session, name="lab", scopes=["read"])
    assert _last_used(session, created.key.id) is None
    api_keys.authenticate(session, created.token, settings)
    first = _last_used(session, created.key.id)
    assert first is not None
    api_keys.authenticate(session, created.token, settings)
    assert _last_used(session, created.key.id) == first
    _rewind(session, created.key.id, timedelta(seconds=61))
    api_keys.authenticate(session, created.token, settings)
    assert _last_used(session, created.key.id) > first  # type: ignore[operator]


def test_the_settings_can_name_a_key(session: Session, settings: Settings) -> None:
    own = settings.model_copy(update={"api_key": SecretStr("from the vault")})
    assert api_keys.authenticate(session, "from the vault", own).scopes == {
        "read",
        "submit",
        "admin",
    }
    assert api_keys.any_exist(session, own)
    with pytest.raises(UnauthorizedError):
        api_keys.authenticate(session, "from the vault", settings)


def test_once_a_key_existed_one_is_needed(session: Session, settings: Settings) -> None:
    assert not api_keys.any_exist(session, settings)
    created = api_keys.create(session, name="lab", scopes=["read"])
    assert api_keys.any_exist(session, settings)
    api_keys.revoke(session, created.key.id)
    assert api_keys.any_exist(session, settings)


@pytest.mark.parametrize(
    "name",
    ["a\nb", "\x1b[31mred", "tab\there", "\x00", "x\u202ey", "a\u2028b", "\x7f", "b\x85c", "\ud800"],
)
def test_a_name_holds_what_is_shown_only(session: Session, name: str) -> None:
    with pytest.raises(InvalidError, match="not shown"):
        api_keys.create(session, name=name, scopes=["read"])
    assert not api_keys.list_all(session)


@pytest.mark.parametrize("name", ["lab", "Grace Hopper's", "实验室 2", "é (CI)"])
def test_names_of_every_language(session: Session, name: str) -> None:
    assert api_keys.create(session, name=name, scopes=["read"]).key.name == name
