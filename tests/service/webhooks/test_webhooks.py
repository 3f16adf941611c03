"""Webhooks: subscribing, who may, what is refused, secrets, and the log over HTTP."""

import base64
import hashlib
import hmac
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from service import api_keys
from service.api.app import create_app
from service.errors import InvalidError
from service.events.event_types import EventType, NewEvent
from service.events.outbox import enqueue
from service.settings import Settings
from service.webhooks import deliveries, dispatch, subscriptions
from service.webhooks.signatures import headers, new_secret, sign
from service.webhooks.subscriptions import Subscription
from service.webhooks.targets import checked_url, is_public
from tests.support.processes import wait_for
from tests.support.served_api import ask

#: An address of the public network that nobody is asked at.
URL = "https://192.88.98.7/hook"


@pytest.fixture
def app(settings):
    return create_app(settings)


@pytest.fixture(scope="module")
def door():
    """The application alone: its own key spares it the database, which is away."""
    away = "postgresql://nobody@127.0.0.1:1/none"
    return create_app(Settings(database_url=away, api_key=SecretStr("secret")))


@pytest.fixture
def post(app):
    """Post JSON, or nothing."""

    def send(path, body=None, **more):
        return ask(app, "POST", path, **({"json": body} if body is not None else {}), **more)

    return send


@pytest.fixture
def webhook(post):
    """One that tells everything."""
    return post("/v1/webhooks", {"url": URL}).json()


def _path(webhook, rest=""):
    return f"/v1/webhooks/{webhook['id']}{rest}"


def test_subscribe_look_unsubscribe(app, post):
    body = {"url": URL, "events": ["experiment.finished", "run.finished"], "description": "chat"}
    response = post("/v1/webhooks", body)
    assert response.status_code == 201
    made = response.json()
    assert response.headers["location"] == _path(made)
    assert response.headers["cache-control"] == "no-store"
    assert (made["url"], made["description"], made["created_by"]) == (URL, "chat", "local")
    assert sorted(made["events"]) == sorted(body["events"])
    assert made["disabled_at"] is None
    secret = made.pop("secret")
    assert secret.startswith("whsec_")
    assert 24 <= len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) <= 64
    shown = ask(app, "GET", _path(made))
    assert shown.json() == made
    assert ask(app, "GET", "/v1/webhooks").json() == {"items": [made], "next_cursor": None}
    assert secret not in shown.text + ask(app, "GET", "/v1/webhooks").text
    assert ask(app, "DELETE", _path(made)).status_code == 204
    actions = [("POST", each) for each in ("/ping", "/disable", "/enable", "/secret")]
    for method, rest in [("GET", ""), ("DELETE", ""), ("GET", "/deliveries"), *actions]:
        response = ask(app, method, _path(made, rest))
        assert response.status_code == 404, rest
        assert made["id"] in response.json()["detail"]


def test_pages_lead_through_all_webhooks_newest_first(app, post):
    made = [post("/v1/webhooks", {"url": URL}).json()["id"] for _ in range(3)]
    first = ask(app, "GET", "/v1/webhooks?limit=2").json()
    rest = ask(app, "GET", f"/v1/webhooks?limit=2&cursor={first['next_cursor']}").json()
    assert [each["id"] for each in first["items"] + rest["items"]] == made[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("body", "pointer", "says"),
    [
        ({}, "/url", "required"),
        ({"url": 3}, "/url", "string"),
        ({"url": "lab.example.org"}, "/url", "valid URL"),
        ({"url": "ftp://192.88.98.7/"}, "/url", "'http' or 'https'"),
        ({"url": "http://me:secret@192.88.98.7/"}, "/url", "password"),
        ({"url": "https://192.88.98.7/#here"}, "/url", "'#'"),
        ({"url": f"http://{'a' * 64}.org/"}, "/url", "63"),
        ({"url": "http://localhost:8000/"}, "/url", "localhost leads to"),
        ({"url": URL, "event": []}, "/event", "'events'"),
        ({"url": URL, "events": []}, "/events", "at least 1"),
        ({"url": URL, "events": ["run.ended"]}, "/events/0", "did you mean 'run.finished'"),
        ({"url": URL, "description": "\x00"}, "/description", "U+0000"),
    ],
)
def test_what_cannot_be_used_is_refused_where_it_stands(door, body, pointer, says):
    key = {"Authorization": "Bearer secret"}
    response = ask(door, "POST", "/v1/webhooks", json=body, headers=key)
    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["pointer"] == pointer
    assert says in error["detail"]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",  # a name, which leads home
        "127.0.0.1",
        "127.9.9.9:8000",
        "2130706433",  # 127.0.0.1 as one number
        "0x7f.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # where clouds hand out credentials
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:db8::1]",
    ],
)
def test_no_webhook_leads_inside(host):
    with pytest.raises(InvalidError, match="not a public address") as refused:
        checked_url(f"http://{host}/", Settings())
    (error,) = refused.value.errors
    assert error.location == ("url",)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_public_addresses_are_told_from_others(address):
    assert is_public(address)


def test_the_settings_can_allow_private_addresses(session, settings):
    wanted = Subscription("http://LOCALHOST:80/a b")
    with pytest.raises(InvalidError, match="localhost leads to"):
        subscriptions.create(session, wanted, caller="test", settings=settings)
    allowed = settings.model_copy(update={"webhook_private_addresses": True})
    made = subscriptions.create(session, wanted, caller="test", settings=allowed)
    assert made.url == "http://localhost/a%20b"


def test_a_name_that_nobody_knows_yet_may_be_subscribed():
    assert checked_url("https://later.invalid", Settings()) == "https://later.invalid/"


def test_there_is_a_limit_to_their_number(session, settings):
    limited = settings.model_copy(update={"max_webhooks": 1})
    subscriptions.create(session, Subscription(URL), caller="test", settings=limited)
    with pytest.raises(InvalidError, match="max_webhooks = 1"):
        subscriptions.create(session, Subscription(URL), caller="test", settings=limited)


def test_whoever_reads_cannot_subscribe_and_whoever_subscribes_cannot_delete(app, session):
    tokens = {
        scope: {
            "Authorization": f"Bearer {api_keys.create(session, name=scope, scopes=[scope]).token}"
        }
        for scope in ("read", "submit", "admin")
    }

    def statuses(method, path, **request):
        return [
            ask(app, method, path, headers=each, **request).status_code
            for each in (tokens["read"], tokens["submit"], tokens["admin"])
        ]

    assert statuses("POST", "/v1/webhooks", json={"url": URL}) == [403, 201, 201]
    assert statuses("GET", "/v1/webhooks") == [200, 200, 200]
    path = f"/v1/webhooks/{subscriptions.search(session, cursor=None, limit=1)[0][0].id}"
    assert statuses("POST", f"{path}/ping") == [403, 202, 202]
    assert statuses("POST", f"{path}/secret") == [403, 200, 200]
    assert statuses("POST", f"{path}/disable") == [403, 200, 200]
    assert ask(app, "GET", path, headers=tokens["read"]).json()["disabled_reason"] == (
        "submit disabled it."
    ), "the first one's word stands"
    assert statuses("POST", f"{path}/enable") == [403, 200, 200]
    assert statuses("DELETE", path) == [403, 403, 204]


def test_signatures_are_those_of_the_specification():
    secret, body = new_secret(), b'{"a": 1}'
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b"msg." + b"1674087231." + body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert sign(secret, "msg", 1674087231, body) == f"v1,{expected}"
    assert sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    ) == ("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")


def _sent(session, webhook_id, settings):
    """The message that is due, and its headers as they would be sent now."""
    (message,) = dispatch.claim(session, webhook_id, settings, limit=1)
    now = int(session.scalar(text("SELECT extract(epoch FROM now())")))
    session.rollback()
    return message.body, headers(message.secrets, str(message.id), now, message.body)


def test_a_new_secret_leaves_a_day_to_take_it_over(post, webhook, session, settings, lab):
    response = post(_path(webhook, "/secret"))
    assert response.status_code == 200
    new = response.json()["secret"]
    assert new != webhook["secret"]
    assert response.json()["previous_secret_expires_at"] is not None
    post(_path(webhook, "/ping"))
    body, sent = _sent(session, uuid.UUID(webhook["id"]), settings)
    assert len(sent["webhook-signature"].split(" ")) == 2
    for secret in (webhook["secret"], new):
        assert Verifier(secret).verify(body, sent)["type"] == "webhook.ping"
    lab.execute("UPDATE webhooks SET previous_secret_expires_at = now()")
    post(_path(webhook, "/ping"))
    body, sent = _sent(session, uuid.UUID(webhook["id"]), settings)
    Verifier(new).verify(body, sent)
    with pytest.raises(WebhookVerificationError):
        Verifier(webhook["secret"]).verify(body, sent)


def test_the_log_is_read_page_by_page_and_by_status(app, post, webhook, lab):
    experiment_id = lab.submit()
    lab.train_all()
    answer = ask(app, "GET", _path(webhook, "/deliveries?limit=2")).json()
    events = [each["event"] for each in answer["items"]]
    assert events == ["experiment.finished", "run.finished"]
    told = answer["items"][1]
    assert told["status"] == "pending"
    assert told["attempts"] == []
    assert told["payload"]["timestamp"] == told["created_at"]
    assert told["payload"]["data"] == {
        "experiment_id": str(experiment_id),
        "run_id": str(lab.runs(experiment_id)[0].id),
        "status": "completed",
        "epoch": 2,
        "epochs": 2,
        "val_accuracy": 0.25,
        "val_loss": 1.5,
        "reused_from": None,
        "error": None,
    }
    cursor = answer["next_cursor"]
    rest = ask(app, "GET", _path(webhook, f"/deliveries?limit=2&cursor={cursor}")).json()
    assert [each["event"] for each in rest["items"]] == ["experiment.created"]
    assert ask(app, "GET", _path(webhook, f"/deliveries/{told['id']}")).json() == told
    assert ask(app, "GET", _path(webhook, "/deliveries?status=failed")).json()["items"] == []
    other = post("/v1/webhooks", {"url": URL}).json()
    assert ask(app, "GET", _path(other, "/deliveries")).json()["items"] == []
    assert ask(app, "GET", _path(other, f"/deliveries/{told['id']}")).status_code == 404


def test_what_failed_can_be_asked_for_again(post, webhook, session, settings, lab):
    pinged = post(_path(webhook, "/ping"))
    assert pinged.status_code == 202
    assert pinged.headers["location"] == _path(webhook, f"/deliveries/{pinged.json()['id']}")
    lab.execute(
        "UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL, attempt = 3, "
        "failures = 3"
    )
    webhook_id = uuid.UUID(webhook["id"])
    assert dispatch.claim(session, webhook_id, settings, limit=1) == []
    again = post(_path(webhook, f"/deliveries/{pinged.json()['id']}/redeliver"))
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    (message,) = dispatch.claim(session, webhook_id, settings, limit=1)
    assert (str(message.id), message.attempt) == (pinged.json()["id"], 4)
    post(_path(webhook, f"/deliveries/{pinged.json()['id']}/redeliver"))
    assert dispatch.claim(session, webhook_id, settings, limit=1) == [], "it is under way"


def test_a_disabled_webhook_is_sent_nothing_more(app, post, webhook, lab):
    lab.submit()
    (delivery,) = ask(app, "GET", _path(webhook, "/deliveries")).json()["items"]
    lab.execute("UPDATE webhooks SET disabled_at = now(), disabled_reason = 'It is gone.'")
    for rest in ("/ping", f"/deliveries/{delivery['id']}/redeliver"):
        response = post(_path(webhook, rest))
        assert response.status_code == 409
        assert response.json()["detail"] == (
            "The webhook is disabled: It is gone. Enable it first, by a POST to "
            f"{_path(webhook, '/enable')}."
        )
    lab.submit()
    assert len(ask(app, "GET", _path(webhook, "/deliveries")).json()["items"]) == 1


def test_a_run_ends_also_while_a_subscriber_is_being_deleted(
    lab, database_url, session, sessions, settings
):
    """The delivery of a webhook that goes away in the same moment must not fail the run's end."""
    subscriptions.create(session, Subscription(URL), caller="test", settings=settings)
    lab.submit()
    held = lab.taken()
    lab.epoch(held, 1)
    with psycopg.connect(database_url) as deleting, ThreadPoolExecutor(1) as pool:
        deleting.execute("DELETE FROM webhooks")
        ending = pool.submit(lab.epoch, held, 2, "completed")
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
    assert lab.run(held.run_id).status == "completed"


def test_events_that_are_rolled_back_are_told_to_nobody(lab, session, settings):
    webhook_id = subscriptions.create(
        session, Subscription(URL), caller="test", settings=settings
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
    assert [each.event for each in found] == ["experiment.created"]
