"""Who is served: keys and scopes, and this machine alone while no key exists."""

import time
import uuid

import pytest
from fastapi import FastAPI
from sqlalchemy.orm import Session

from service import api_keys
from service.api.app import create_app
from service.settings import Settings
from tests.support.served_api import ask

SPEC = {"activation": "relu", "epochs": 1}

#: What nginx, Apache, load balancers, tunnels and content networks add.
OF_PROXIES = [
    "Via",
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-Real-IP",
    "CF-Connecting-IP",
    "CF-Ray",
    "True-Client-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "Fastly-Client-IP",
    "X-Original-Forwarded-For",
    "X-Envoy-External-Address",
    "X-Azure-ClientIP",
    "CDN-Loop",
    "Tailscale-User-Login",
]


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The application on the test's database."""
    return create_app(settings)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_without_any_key_this_machine_is_served(app: FastAPI) -> None:
    for address in ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"):
        for host in ("127.0.0.1:8000", "localhost:8000", "[::1]:8000"):
            response = ask(app, "GET", "/v1/experiments", address=address, headers={"Host": host})
            assert response.status_code == 200, (address, host, response.text)
    assert ask(app, "POST", "/v1/experiments", json=SPEC).status_code == 201


def test_without_any_key_no_other_machine_is_served(app: FastAPI) -> None:
    for address in ("192.0.2.7", "2001:db8::7", "10.0.0.1", "a name", ""):
        response = ask(app, "GET", "/v1/experiments", address=address)
        assert response.status_code == 403, address
        assert "actinium-admin keys create" in response.json()["detail"]


def test_without_any_key_nobody_can_ask_through_this_machine(app: FastAPI) -> None:
    disguises = [
        {"Host": "actinium.example"},
        {"Host": "127.0.0.1.actinium.example"},
        {"Host": "localhost.actinium.example:8000"},
        {"Origin": "https://actinium.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000", "Host": "localhost:8000"},
        {"Origin": "http://127.0.0.1:8000", "Host": "localhost:8000"},
        {"Origin": "https://localhost:8000", "Host": "localhost:8000"},
        {"Origin": "http://localhost", "Host": "localhost:8000"},
        {"Origin": "http://localhost:8000@localhost:3000", "Host": "localhost:8000"},
        {"Origin": "http://localhost:8000/x", "Host": "localhost:8000"},
        {"Origin": "http://localhost:99999", "Host": "localhost:8000"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        *({name: "192.0.2.7"} for name in OF_PROXIES),
    ]
    for headers in disguises:
        response = ask(app, "GET", "/v1/experiments", headers=headers)
        assert response.status_code == 403, headers


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "localhost"])
@pytest.mark.parametrize("site", ["same-origin", "none", None])
def test_the_own_page_may_ask(app: FastAPI, host: str, site: str | None) -> None:
    headers = {"Host": host, "Origin": f"http://{host}"}
    if site is not None:
        headers["Sec-Fetch-Site"] = site
    assert ask(app, "GET", "/v1/experiments", headers=headers).status_code == 200
    assert ask(app, "POST", "/v1/experiments", json=SPEC, headers=headers).status_code == 201


def test_revoking_the_last_key_opens_nothing(app: FastAPI, session: Session) -> None:
    made = api_keys.create(session, name="lab", scopes=["admin"])
    api_keys.revoke(session, made.key.id)
    assert ask(app, "GET", "/v1/experiments").status_code == 401
    assert (
        ask(create_app(app.state.settings), "POST", "/v1/experiments", json=SPEC).status_code == 401
    )


def test_with_a_key_everyone_needs_one(app: FastAPI, session: Session) -> None:
    made = api_keys.create(session, name="lab", scopes=["read"])
    for headers in ({}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}):
        response = ask(app, "GET", "/v1/experiments", headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")
    response = ask(app, "GET", "/v1/experiments", address="192.0.2.7", headers=_bearer(made.token))
    assert response.status_code == 200


def test_a_revoked_key_is_refused_even_if_it_was_the_last(app: FastAPI, session: Session) -> None:
    made = api_keys.create(session, name="lab", scopes=["admin"])
    headers = _bearer(made.token)
    assert ask(app, "GET", "/v1/experiments", headers=headers).status_code == 200
    api_keys.revoke(session, made.key.id)
    assert ask(app, "GET", "/v1/experiments", headers=headers).status_code == 401


def test_a_scope_opens_what_it_names(app: FastAPI, session: Session) -> None:
    headers = {
        scope: _bearer(api_keys.create(session, name=scope, scopes=[scope]).token)
        for scope in api_keys.SCOPES
    }
    absent = f"/v1/experiments/{uuid.uuid4()}"
    served = {
        scope: (
            ask(app, "GET", "/v1/experiments", headers=key).status_code,
            ask(app, "POST", "/v1/experiments", json=SPEC, headers=key).status_code,
            ask(app, "DELETE", absent, headers=key).status_code,
        )
        for scope, key in headers.items()
    }
    assert served == {"read": (200, 403, 403), "submit": (200, 201, 403), "admin": (200, 201, 404)}


def test_the_caller_is_noted_with_what_he_submits(app: FastAPI, session: Session) -> None:
    made = api_keys.create(session, name="lab", scopes=["submit"])
    response = ask(app, "POST", "/v1/experiments", json=SPEC, headers=_bearer(made.token))
    assert response.json()["created_by"] in {str(made.key.id), "lab"}


def test_what_shows_no_data_is_open_to_all(app: FastAPI, session: Session) -> None:
    api_keys.create(session, name="lab", scopes=["read"])
    for path in ("/healthz", "/readyz", "/docs", "/openapi.json"):
        response = ask(app, "GET", path, address="192.0.2.7", headers={"Host": "any.example"})
        assert response.status_code in {200, 503}
    for path in ("/metrics", "/v1/experiments", "/nothing"):
        assert ask(app, "GET", path, address="192.0.2.7").status_code == 401


def test_the_key_is_asked_for_before_the_body_is_read(app: FastAPI, session: Session) -> None:
    api_keys.create(session, name="lab", scopes=["read"])
    assert ask(app, "POST", "/v1/experiments", content=b"{" * 10**7).status_code == 401


def test_too_many_requests_are_refused_caller_by_caller(
    settings: Settings, session: Session
) -> None:
    app = create_app(settings.model_copy(update={"rate_limit": "3/hour"}))
    one = _bearer(api_keys.create(session, name="one", scopes=["read"]).token)
    two = _bearer(api_keys.create(session, name="two", scopes=["read"]).token)
    answers = [ask(app, "GET", "/v1/experiments", headers=one) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    left = [answer.headers["ratelimit-remaining"] for answer in answers]
    assert left == ["2", "1", "0", "0"]
    refused = answers[-1]
    assert refused.headers["content-type"] == "application/problem+json"
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert refused.headers["ratelimit-limit"] == "3"
    assert ask(app, "GET", "/v1/experiments", headers=two).status_code == 200


def test_a_caller_may_ask_again_when_the_window_is_over(
    settings: Settings, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings.model_copy(update={"rate_limit": "1/hour"}))
    one = _bearer(api_keys.create(session, name="one", scopes=["read"]).token)
    answers = [ask(app, "GET", "/v1/presets", headers=one) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[0].headers["ratelimit-policy"] == "1;w=3600"
    over = time.time() + int(answers[1].headers["retry-after"])
    monkeypatch.setattr(time, "time", lambda: over)
    again = ask(app, "GET", "/v1/presets", headers=one)
    assert (again.status_code, again.headers["ratelimit-reset"]) == (200, "3600")


def test_guessing_keys_is_limited_too(settings: Settings, session: Session) -> None:
    api_keys.create(session, name="lab", scopes=["read"])
    app = create_app(settings.model_copy(update={"rate_limit": "3/hour"}))
    guesses = [
        ask(app, "GET", "/v1/experiments", headers=_bearer(f"act_{n}")).status_code
        for n in range(5)
    ]
    assert guesses == [401, 401, 401, 429, 429]
