"""Subscriptions: who may subscribe, what is refused and where, what is shown."""

import base64
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from service import api_keys
from service.api.app import create_app
from service.errors import InvalidError
from service.settings import Settings
from service.webhooks import subscriptions
from service.webhooks.subscriptions import Subscription
from tests.support.served_api import ask
from tests.support.webhook_receivers import PUBLIC_URL


@pytest.fixture(scope="module")
def app_alone():
    """The application without its database, which its own key makes unnecessary."""
    away = "postgresql://nobody@127.0.0.1:1/none"
    return create_app(Settings(database_url=away, api_key=SecretStr("secret")))


def test_subscribe_look_unsubscribe(app, post):
    body = {
        "url": PUBLIC_URL,
        "events": ["experiment.finished", "run.finished"],
        "description": "chat",
    }
    response = post("/v1/webhooks", body)
    assert response.status_code == 201
    created = response.json()
    assert response.headers["location"] == f"/v1/webhooks/{created['id']}"
    assert response.headers["cache-control"] == "no-store"
    assert (created["url"], created["description"], created["created_by"]) == (
        PUBLIC_URL,
        "chat",
        "local",
    )
    assert sorted(created["events"]) == sorted(body["events"])
    assert created["disabled_at"] is None
    secret = created.pop("secret")
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64
    shown = ask(app, "GET", f"/v1/webhooks/{created['id']}")
    assert shown.json() == created
    assert ask(app, "GET", "/v1/webhooks").json() == {"items": [created], "next_cursor": None}
    assert secret not in shown.text + ask(app, "GET", "/v1/webhooks").text
    assert ask(app, "DELETE", f"/v1/webhooks/{created['id']}").status_code == 204
    actions = [("POST", rest) for rest in ("/ping", "/disable", "/enable", "/secret")]
    for method, rest in [("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), *actions]:
        response = ask(app, method, f"/v1/webhooks/{created['id']}{rest}")
        assert response.status_code == 404, rest
        assert created["id"] in response.json()["detail"]


def test_pages_lead_through_all_webhooks_newest_first(app, post):
    created = [post("/v1/webhooks", {"url": f"{PUBLIC_URL}?{n}"}).json()["id"] for n in range(3)]
    first = ask(app, "GET", "/v1/webhooks?limit=2").json()
    rest = ask(app, "GET", f"/v1/webhooks?limit=2&cursor={first['next_cursor']}").json()
    assert [webhook["id"] for webhook in first["items"] + rest["items"]] == created[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("body", "pointer", "says"),
    [
        ({}, "/url", "required"),
        ({"url": 3}, "/url", "string"),
        ({"url": "lab.example.org"}, "/url", "write https:// before it"),
        ({"url": "ftp://192.88.98.7/"}, "/url", "'http' or 'https'"),
        ({"url": "http://me:secret@192.88.98.7/"}, "/url", "password"),
        ({"url": "https://192.88.98.7/#here"}, "/url", "'#'"),
        ({"url": f"http://{'a' * 64}.org/"}, "/url", "63"),
        ({"url": "http://localhost:8000/"}, "/url", "localhost is not a public"),
        ({"url": PUBLIC_URL, "event": []}, "/event", "'events'"),
        ({"url": PUBLIC_URL, "events": []}, "/events", "at least 1"),
        ({"url": PUBLIC_URL, "events": ["run.finish"]}, "/events/0", "did you mean 'run.finished'"),
        ({"url": PUBLIC_URL, "description": "\x00"}, "/description", "U+0000"),
    ],
)
def test_a_request_that_cannot_be_used_is_refused_at_its_field(app_alone, body, pointer, says):
    key = {"Authorization": "Bearer secret"}
    response = ask(app_alone, "POST", "/v1/webhooks", json=body, headers=key)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["pointer"] == pointer
    assert says in error["detail"]


def test_the_number_of_webhooks_is_limited(session, settings):
    limited = settings.model_copy(update={"max_webhooks": 1})
    subscriptions.create(session, Subscription(PUBLIC_URL), caller="test", settings=limited)
    other = Subscription(f"{PUBLIC_URL}?2")
    with pytest.raises(InvalidError, match="max_webhooks = 1"):
        subscriptions.create(session, other, caller="test", settings=limited)


def test_the_limit_holds_where_many_subscribe_at_once(sessions, settings):
    limited = settings.model_copy(update={"max_webhooks": 5})
    at_once = threading.Barrier(12)

    def subscribe(number):
        wanted = Subscription(f"{PUBLIC_URL}?{number}")
        at_once.wait()
        with sessions() as session:
            try:
                subscriptions.create(session, wanted, caller="test", settings=limited)
            except InvalidError:
                return "refused"
            return "subscribed"

    with ThreadPoolExecutor(12) as threads:
        answers = Counter(threads.map(subscribe, range(12)))
    assert answers == {"subscribed": 5, "refused": 7}


def test_a_key_subscribes_an_address_once(post, session, settings):
    first = post("/v1/webhooks", {"url": PUBLIC_URL, "events": ["run.finished"]}).json()
    for again in (PUBLIC_URL, PUBLIC_URL.replace("https", "HTTPS")):
        answer = post("/v1/webhooks", {"url": again, "events": ["run.started"]})
        assert answer.status_code == 409
        assert first["id"] in answer.json()["detail"]
    subscriptions.create(session, Subscription(PUBLIC_URL), caller="another", settings=settings)
    assert post(f"/v1/webhooks/{first['id']}/disable").status_code == 200
    assert post("/v1/webhooks", {"url": PUBLIC_URL}).status_code == 409


def test_reading_subscribing_and_deleting_need_scopes_of_their_own(app, session):
    tokens = {
        scope: {
            "Authorization": f"Bearer {api_keys.create(session, name=scope, scopes=[scope]).token}"
        }
        for scope in ("read", "submit", "admin")
    }

    def statuses(method, path, **request):
        return [
            ask(app, method, path, headers=token, **request).status_code
            for token in (tokens["read"], tokens["submit"], tokens["admin"])
        ]

    assert statuses("POST", "/v1/webhooks", json={"url": PUBLIC_URL}) == [403, 201, 201]
    assert statuses("GET", "/v1/webhooks") == [200, 200, 200]
    path = f"/v1/webhooks/{subscriptions.search(session, cursor=None, limit=1)[0][0].id}"
    assert statuses("POST", f"{path}/ping") == [403, 202, 202]
    assert statuses("POST", f"{path}/secret") == [403, 200, 200]
    assert statuses("POST", f"{path}/disable") == [403, 200, 200]
    assert ask(app, "GET", path, headers=tokens["read"]).json()["disabled_reason"] == (
        "submit disabled it."
    ), "disabling it again keeps the first reason"
    assert statuses("POST", f"{path}/enable") == [403, 200, 200]
    assert statuses("DELETE", path) == [403, 403, 204]
