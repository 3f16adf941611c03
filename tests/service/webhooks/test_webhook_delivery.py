"""Deliveries to real receivers: whatever they do, nothing is lost and nobody else waits."""

import contextlib
import json
import shutil
import signal
import ssl
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook as Verifier

from service.database.webhook_tables import WebhookDelivery
from service.operations import retention
from service.webhooks import deliveries, dispatch, subscriptions
from service.webhooks.dispatch import Outcome
from service.webhooks.sender import AT_ONCE, WebhookSender
from service.webhooks.subscriptions import Subscription
from tests.support.processes import Processes, wait_for
from tests.support.served_api import serving
from tests.support.webhook_receivers import Receiver

ENDS = ("run.finished", "experiment.finished")


@pytest.fixture
def settings(settings):
    return settings.model_copy(
        update={
            "webhook_private_addresses": True,
            "webhook_timeout_seconds": 1.0,
            "webhook_retry_seconds": "0.1,0.1",
        }
    )


@pytest.fixture
def subscribe(sessions, settings):
    """Subscribe an address, or a receiver's."""

    def create(target, *events):
        url = target if isinstance(target, str) else target.url
        with sessions() as session:
            wanted = Subscription(url, events or None)
            return subscriptions.create(session, wanted, caller="test", settings=settings)

    return create


@pytest.fixture
def log(sessions):
    """Read a webhook's deliveries, the oldest first."""

    def read(webhook):
        with sessions() as session:
            found, _ = deliveries.search(session, webhook.id, cursor=None, limit=1000)
            return found[::-1]

    return read


@pytest.fixture
def settled(log):
    """Wait until nothing is due for a webhook any more, and read its deliveries."""

    def wait(webhook):
        def ended():
            found = log(webhook)
            return found if all(each.status != "pending" for each in found) else None

        return wait_for(ended, what="every delivery is settled", seconds=15)

    return wait


@contextlib.contextmanager
def sending(settings):
    """A sender at work, until the block ends."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        sender = pool.submit(WebhookSender(settings).run, stop)
        sender.add_done_callback(lambda _: stop.set())
        try:
            yield
        finally:
            stop.set()
        sender.result(20)


def test_an_ended_experiment_is_told_to_whoever_subscribed_signed(
    lab, subscribe, log, settled, settings
):
    with Receiver() as everything, Receiver() as ends:
        first = subscribe(everything)
        second = subscribe(ends, "experiment.finished")
        experiment_id = lab.submit(seeds=2)
        lab.train_all()
        assert not everything.received, "rows first: they tell as much without a sender"
        with sending(settings):
            settled(first)
            settled(second)
    types = [json.loads(each.body)["type"] for each in everything.received]
    assert sorted(types) == ["experiment.created", "experiment.finished", *2 * ["run.finished"]]
    (told,) = ends.received
    payload = Verifier(second.secret).verify(told.body, told.headers)
    assert payload["type"] == "experiment.finished"
    assert payload["data"] == {"experiment_id": str(experiment_id), "runs": {"completed": 2}}
    assert told.path == "/hook?of=test"
    assert told.headers["content-type"] == "application/json"
    assert told.headers["host"] == f"localhost:{ends.port}"
    assert told.headers["user-agent"].startswith("Actinium/")
    run_ids = {str(run.id) for run in lab.runs(experiment_id)}
    bodies = [
        Verifier(first.secret).verify(each.body, each.headers) for each in everything.received
    ]
    assert {each["data"]["run_id"] for each in bodies if each["type"] == ENDS[0]} == run_ids
    (delivery,) = log(second)
    assert (delivery.status, str(delivery.id)) == ("delivered", told.id)
    assert [(each["number"], each["status_code"]) for each in delivery.attempts] == [(1, 204)]


def test_what_fails_is_tried_again_under_its_id_and_freshly_signed(
    lab, subscribe, settled, settings
):
    with Receiver((500, {}), (429, {"Retry-After": "1"})) as receiver:
        webhook = subscribe(receiver, "experiment.created")
        lab.submit()
        with sending(settings):
            (delivery,) = settled(webhook)
    assert delivery.status == "delivered"
    assert {each.id for each in receiver.received} == {str(delivery.id)}
    for each in receiver.received:
        Verifier(webhook.secret).verify(each.body, each.headers)
    codes = [(each["status_code"], each["error"]) for each in delivery.attempts]
    assert codes == [(500, "It answered 500."), (429, "It answered 429."), (204, None)]
    ends = [datetime.fromisoformat(each["started_at"]) for each in delivery.attempts]
    assert ends[2] - ends[1] >= timedelta(seconds=1), "the receiver asked for a second"
    stamps = [int(each.headers["webhook-timestamp"]) for each in receiver.received]
    assert stamps[2] > stamps[1]


def test_a_redirect_is_not_followed_and_the_log_outlives_the_last_attempt(
    lab, subscribe, settled, settings
):
    with Receiver() as inside, Receiver() as receiver:
        receiver.answers.extend(3 * [(307, {"Location": inside.url})])
        webhook = subscribe(receiver, "experiment.created")
        lab.submit()
        with sending(settings):
            (delivery,) = settled(webhook)
        assert not inside.received
    assert delivery.status == "failed"
    assert [each["status_code"] for each in delivery.attempts] == [307, 307, 307]
    assert "Redirects are not followed" in delivery.attempts[-1]["error"]
    assert [each["next_attempt_at"] is None for each in delivery.attempts] == [False, False, True]


@pytest.mark.parametrize("dripping", [False, True])
def test_a_receiver_that_hangs_delays_nobody_else(lab, subscribe, log, settled, settings, dripping):
    with Receiver() as hung, Receiver() as prompt:
        hung.held.set()
        hung.dripping = dripping
        slow = subscribe(hung, "experiment.created")
        for _ in range(6):
            lab.submit()
        with sending(settings):
            hung.waits_for(AT_ONCE)
            quick = subscribe(prompt, "experiment.created")
            lab.submit()
            prompt.waits_for(1)
            assert {len(each.attempts) for each in log(slow)} == {0}, "the hung ones still hang"
            settled(quick)
            attempt = wait_for(lambda: next(iter(log(slow)[0].attempts), None), what="it ends")
            hung.held.clear()
    assert attempt["error"] == "No answer within 1 s."
    assert 1 <= attempt["seconds"] < 3


def test_gone_ends_a_subscription(lab, sessions, subscribe, log, settled, settings):
    with Receiver((410, {})) as receiver:
        webhook = subscribe(receiver, "experiment.created")
        lab.submit()
        lab.submit()
        lab.execute(
            "UPDATE webhook_deliveries SET next_attempt_at = now() + interval '1 day' "
            "WHERE id = :id",
            id=log(webhook)[1].id,
        )
        with sending(settings):
            settled(webhook)
        lab.submit()
        assert [each.status for each in log(webhook)] == ["failed", "failed"]
        assert len(receiver.received) == 1
    with sessions() as session:
        shown = subscriptions.get(session, webhook.id)
        assert shown.disabled_reason == "Its receiver answered 410 Gone."
        assert shown.disabled_at is not None


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_disabled_webhook_is_silent_until_it_is_enabled(
    lab, subscribe, settled, settings, by_hand
):
    with Receiver() as receiver, serving(settings) as served, sending(settings):
        webhook = subscribe(receiver, "experiment.created")
        path = f"/v1/webhooks/{webhook.id}"
        if by_hand:
            receiver.answers.append((500, {"Retry-After": "3600"}))
        else:
            receiver.answers.append((410, {}))
        lab.submit()
        receiver.waits_for(1)
        if by_hand:
            disabled = _told(served.client.post(f"{path}/disable"))
        (given_up,) = settled(webhook)
        if not by_hand:
            disabled = _told(served.client.get(path))
        assert given_up.status == "failed"
        reason = "local disabled it." if by_hand else "Its receiver answered 410 Gone."
        assert (disabled["disabled_reason"], disabled["disabled_at"] is None) == (reason, False)
        again = f"{path}/deliveries/{given_up.id}/redeliver"
        lab.submit()
        assert served.client.post(f"{path}/ping").status_code == 409
        assert served.client.post(again).status_code == 409

        enabled = _told(served.client.post(f"{path}/enable"))
        assert (enabled["disabled_reason"], enabled["disabled_at"]) == (None, None)
        assert _told(served.client.post(f"{path}/enable")) == enabled, "twice is once"
        told = lab.submit()
        receiver.waits_for(2)
        assert _told(served.client.post(again), 202)["status"] == "pending"
        settled(webhook)
        first, new, old = receiver.received
    assert json.loads(new.body)["data"]["experiment_id"] == str(told), "not of the time between"
    assert (old.id, old.body) == (first.id, first.body)


def _told(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_sender_killed_in_the_middle_leaves_nothing_undelivered(
    lab, subscribe, settled, settings, tmp_path
):
    patient = settings.model_copy(update={"webhook_timeout_seconds": 30.0})
    with Receiver() as receiver, Processes(patient, tmp_path / "logs") as processes:
        receiver.held.set()
        webhook = subscribe(receiver, "experiment.created")
        lab.submit()
        scheduler = processes.scheduler()
        receiver.waits_for(1)
        scheduler.send(signal.SIGKILL)
        scheduler.wait()
        receiver.held.clear()
        lab.execute("UPDATE webhook_deliveries SET lease_expires_at = now()")
        with sending(patient):
            (delivery,) = settled(webhook)
        assert [each.id for each in receiver.received] == [str(delivery.id)] * 2
    assert delivery.status == "delivered"
    assert [each["number"] for each in delivery.attempts] == [2]


def test_no_connection_is_made_to_an_address_that_is_not_public(lab, subscribe, settled, settings):
    """The name was fine when it was subscribed; what it leads to is looked at each time."""
    with Receiver() as receiver:
        webhook = subscribe(receiver, "experiment.created")
        mapped = subscribe(f"http://[::ffff:127.0.0.1]:{receiver.port}/", "experiment.created")
        lab.submit()
        strict = {"webhook_private_addresses": False, "webhook_retry_seconds": ""}
        with sending(settings.model_copy(update=strict)):
            (named,), (literal,) = settled(webhook), settled(mapped)
        assert not receiver.received
    assert named.status == literal.status == "failed"
    assert "localhost leads to" in named.attempts[0]["error"]
    assert "not a public address" in literal.attempts[0]["error"]


def test_a_receiver_that_cannot_be_reached_is_a_failed_attempt(lab, subscribe, settled, settings):
    urls = ("http://nobody.invalid/", "http://127.0.0.1:1/", "http://[::1]:1/")
    away = [subscribe(each, "experiment.created") for each in urls]
    lab.submit()
    with sending(settings.model_copy(update={"webhook_retry_seconds": ""})):
        deliveries = [settled(each)[0] for each in away]
    for each in deliveries:
        assert each.attempts[0]["error"].startswith("No answer: ")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_keeps_the_name_and_refuses_another(
    lab, subscribe, settled, settings, tmp_path, monkeypatch
):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    made += f" -subj /CN=test -addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}"
    subprocess.run(made.split(), check=True, capture_output=True)
    asked = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    tls.sni_callback = lambda _, name, __: asked.append(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Receiver(tls=tls) as receiver:
        named = subscribe(receiver, "experiment.created")
        other = subscribe(receiver.url.replace("localhost", "127.0.0.1"), "experiment.created")
        lab.submit()
        with sending(settings.model_copy(update={"webhook_retry_seconds": ""})):
            (delivered,), (refused,) = settled(named), settled(other)
    assert delivered.status == "delivered", delivered.attempts
    assert "localhost" in asked
    assert refused.status == "failed"
    assert "certificate" in refused.attempts[0]["error"].lower()


def _failed(settings, retry_after=0.0):
    return Outcome(0.01, 503, "It answered 503.", retry_after)


def test_pauses_follow_the_schedule_with_jitter_until_it_is_given_up(
    lab, sessions, subscribe, log, settings
):
    scheduled = settings.model_copy(update={"webhook_retry_seconds": "5,300,1800"})
    webhook = subscribe("http://127.0.0.1:1/", "experiment.created")
    lab.submit()
    pauses = []
    for number in range(1, 5):
        with sessions() as session:
            (message,) = dispatch.claim(session, webhook.id, scheduled, limit=4)
            assert message.attempt == number
            asked = 1000.0 if number == 2 else 0.0
            dispatch.record(session, message, _failed(scheduled, asked), scheduled)
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
    webhook = subscribe("http://127.0.0.1:1/", "experiment.created")
    lab.submit()
    delivered = Outcome(0.01, 200)
    with sessions() as one, sessions() as two:
        (first,) = dispatch.claim(one, webhook.id, settings, limit=4)
        assert dispatch.claim(two, webhook.id, settings, limit=4) == []
        assert dispatch.waiting(two) == []
        lab.execute("UPDATE webhook_deliveries SET lease_expires_at = now()")
        (second,) = dispatch.claim(two, webhook.id, settings, limit=4)
        assert (second.id, second.body) == (first.id, first.body)
        assert dispatch.record(one, first, delivered, settings) is None
        assert log(webhook)[0].status == "pending"
        assert dispatch.record(two, second, delivered, settings) == "delivered"


def test_two_senders_claim_different_messages_of_one_receiver(lab, sessions, subscribe, settings):
    webhook = subscribe("http://127.0.0.1:1/", "experiment.created")
    for _ in range(6):
        lab.submit()
    with sessions() as holder, sessions() as session, holder.begin():
        held = holder.execute(
            text("SELECT id FROM webhook_deliveries ORDER BY id LIMIT 2 FOR UPDATE")
        ).scalars()
        taken = dispatch.claim(session, webhook.id, settings, limit=10)
        assert len(taken) == 4
        assert not {each.id for each in taken} & set(held)


def test_deliveries_are_forgotten_with_the_events_but_never_one_that_waits(
    lab, sessions, subscribe, log, settings
):
    webhook = subscribe("http://127.0.0.1:1/", "experiment.created")
    for _ in range(3):
        lab.submit()
    done, fresh, waits = log(webhook)
    lab.execute("UPDATE webhook_deliveries SET created_at = now() - interval '31 days'")
    lab.execute(
        "UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL WHERE id != :id",
        id=waits.id,
    )
    lab.execute("UPDATE webhook_deliveries SET created_at = now() WHERE id = :id", id=fresh.id)
    with sessions() as session:
        assert retention.purge_deliveries(session, settings) == 1
        assert {each.id for each in log(webhook)} == {fresh.id, waits.id}
        assert session.get(WebhookDelivery, done.id) is None
