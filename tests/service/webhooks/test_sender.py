"""Senders and real receivers: whatever a receiver does, nothing is lost and nobody else waits."""

import json
import shutil
import signal
import ssl
import subprocess
from datetime import datetime, timedelta

import pytest
from standardwebhooks import Webhook as Verifier

from service.webhooks import subscriptions
from service.webhooks.sender import AT_ONCE
from tests.support.processes import Processes, wait_for
from tests.support.served_api import serving
from tests.support.webhook_receivers import Receiver
from tests.support.webhook_sender import sending

pytestmark = pytest.mark.slow


def test_an_ended_experiment_is_delivered_signed_to_its_subscribers(
    lab, subscribe, log, settled, delivering
):
    with Receiver() as everything, Receiver() as ends:
        first = subscribe(everything)
        second = subscribe(ends, "experiment.finished")
        experiment_id = lab.submit(seeds=2)
        lab.train_all()
        assert not everything.received, "without a sender there are rows only"
        with sending(delivering):
            settled(first)
            settled(second)
    types = [json.loads(message.body)["type"] for message in everything.received]
    assert sorted(types) == [
        "experiment.created",
        "experiment.finished",
        *2 * ["run.finished"],
        *2 * ["run.started"],
    ]
    (end,) = ends.received
    payload = Verifier(second.secret).verify(end.body, end.headers)
    assert payload["type"] == "experiment.finished"
    assert payload["data"] == {"experiment_id": str(experiment_id), "runs": {"completed": 2}}
    assert end.path == "/hook?of=test"
    assert end.headers["content-type"] == "application/json"
    assert end.headers["host"] == f"localhost:{ends.port}"
    assert end.headers["user-agent"].startswith("Actinium/")
    run_ids = {str(run.id) for run in lab.runs(experiment_id)}
    payloads = [
        Verifier(first.secret).verify(message.body, message.headers)
        for message in everything.received
    ]
    ended = [payload for payload in payloads if payload["type"] == "run.finished"]
    assert {payload["data"]["run_id"] for payload in ended} == run_ids
    (delivery,) = log(second)
    assert (delivery.status, str(delivery.id)) == ("delivered", end.id)
    assert [(attempt["number"], attempt["status_code"]) for attempt in delivery.attempts] == [
        (1, 204)
    ]


def test_what_fails_is_tried_again_under_its_id_and_freshly_signed(
    lab, subscribe, settled, delivering
):
    with Receiver((500, {}), (429, {"Retry-After": "1"})) as receiver:
        webhook = subscribe(receiver, "experiment.created")
        lab.submit()
        with sending(delivering):
            (delivery,) = settled(webhook)
    assert delivery.status == "delivered"
    assert {message.id for message in receiver.received} == {str(delivery.id)}
    for message in receiver.received:
        Verifier(webhook.secret).verify(message.body, message.headers)
    codes = [(attempt["status_code"], attempt["error"]) for attempt in delivery.attempts]
    assert codes == [(500, "It answered 500."), (429, "It answered 429."), (204, None)]
    starts = [datetime.fromisoformat(attempt["started_at"]) for attempt in delivery.attempts]
    assert starts[2] - starts[1] >= timedelta(seconds=1), "the receiver asked for a second"
    stamps = [int(message.headers["webhook-timestamp"]) for message in receiver.received]
    assert stamps[2] > stamps[1]


def test_a_redirect_is_not_followed_and_the_log_outlives_the_last_attempt(
    lab, subscribe, settled, delivering
):
    with Receiver() as inside, Receiver() as receiver:
        receiver.answers.extend(3 * [(307, {"Location": inside.url})])
        webhook = subscribe(receiver, "experiment.created")
        lab.submit()
        with sending(delivering):
            (delivery,) = settled(webhook)
        assert not inside.received
    assert delivery.status == "failed"
    assert [attempt["status_code"] for attempt in delivery.attempts] == [307, 307, 307]
    assert "Redirects are not followed" in delivery.attempts[-1]["error"]
    assert [attempt["next_attempt_at"] is None for attempt in delivery.attempts] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("dripping", [False, True])
def test_a_receiver_that_hangs_delays_nobody_else(
    lab, subscribe, log, settled, delivering, dripping
):
    with Receiver() as silent, Receiver() as prompt:
        silent.silent.set()
        silent.dripping = dripping
        slow = subscribe(silent, "experiment.created")
        for _ in range(6):
            lab.submit()
        with sending(delivering):
            silent.wait_for(AT_ONCE)
            quick = subscribe(prompt, "experiment.created")
            lab.submit()
            prompt.wait_for(1)
            assert {len(delivery.attempts) for delivery in log(slow)} == {0}, (
                "the silent receiver is still waited for"
            )
            settled(quick)
            attempt = wait_for(lambda: next(iter(log(slow)[0].attempts), None), what="it ends")
            silent.silent.clear()
    assert attempt["error"] == "No answer within 1 s."
    assert 1 <= attempt["seconds"] < 15


def test_gone_ends_a_subscription(lab, sessions, subscribe, log, settled, delivering):
    with Receiver((410, {})) as receiver:
        webhook = subscribe(receiver, "experiment.created")
        lab.submit()
        lab.submit()
        lab.execute(
            "UPDATE webhook_deliveries SET next_attempt_at = now() + interval '1 day' "
            "WHERE id = :id",
            id=log(webhook)[1].id,
        )
        with sending(delivering):
            settled(webhook)
        lab.submit()
        assert [delivery.status for delivery in log(webhook)] == ["failed", "failed"]
        assert len(receiver.received) == 1
    with sessions() as session:
        shown = subscriptions.get(session, webhook.id)
        assert shown.disabled_reason == "Its receiver answered 410 Gone."
        assert shown.disabled_at is not None


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_disabled_webhook_is_silent_until_it_is_enabled(
    lab, subscribe, settled, delivering, by_hand
):
    with Receiver() as receiver, serving(delivering) as served, sending(delivering):
        webhook = subscribe(receiver, "experiment.created")
        path = f"/v1/webhooks/{webhook.id}"
        if by_hand:
            receiver.answers.append((500, {"Retry-After": "3600"}))
        else:
            receiver.answers.append((410, {}))
        lab.submit()
        receiver.wait_for(1)
        if by_hand:
            disabled = _answered(served.client.post(f"{path}/disable"))
        (given_up,) = settled(webhook)
        if not by_hand:
            disabled = _answered(served.client.get(path))
        assert given_up.status == "failed"
        reason = "local disabled it." if by_hand else "Its receiver answered 410 Gone."
        assert (disabled["disabled_reason"], disabled["disabled_at"] is None) == (reason, False)
        again = f"{path}/deliveries/{given_up.id}/redeliver"
        lab.submit()
        assert served.client.post(f"{path}/ping").status_code == 409
        assert served.client.post(again).status_code == 409

        enabled = _answered(served.client.post(f"{path}/enable"))
        assert (enabled["disabled_reason"], enabled["disabled_at"]) == (None, None)
        assert _answered(served.client.post(f"{path}/enable")) == enabled, "twice is once"
        later = lab.submit()
        receiver.wait_for(2)
        assert _answered(served.client.post(again), 202)["status"] == "pending"
        settled(webhook)
        first, new, old = receiver.received
    assert json.loads(new.body)["data"]["experiment_id"] == str(later), "not of the time between"
    assert (old.id, old.body) == (first.id, first.body)


def _answered(answer, status=200):
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_sender_killed_in_the_middle_leaves_nothing_undelivered(
    lab, subscribe, settled, delivering, tmp_path
):
    patient = delivering.model_copy(update={"webhook_timeout_seconds": 30.0})
    with Receiver() as receiver, Processes(patient, tmp_path / "logs") as processes:
        receiver.silent.set()
        webhook = subscribe(receiver, "experiment.created")
        lab.submit()
        scheduler = processes.scheduler()
        receiver.wait_for(1)
        scheduler.send(signal.SIGKILL)
        scheduler.wait()
        receiver.silent.clear()
        lab.execute("UPDATE webhook_deliveries SET lease_expires_at = now()")
        with sending(patient):
            (delivery,) = settled(webhook)
        assert [message.id for message in receiver.received] == [str(delivery.id)] * 2
    assert delivery.status == "delivered"
    assert [attempt["number"] for attempt in delivery.attempts] == [2]


def test_no_connection_is_made_to_an_address_that_is_not_public(
    lab, subscribe, settled, delivering
):
    """A name is resolved and checked again for every connection."""
    with Receiver() as receiver:
        webhook = subscribe(receiver, "experiment.created")
        mapped = subscribe(f"http://[::ffff:127.0.0.1]:{receiver.port}/", "experiment.created")
        lab.submit()
        strict = {"webhook_private_addresses": False, "webhook_retry_seconds": ""}
        with sending(delivering.model_copy(update=strict)):
            (named,), (literal,) = settled(webhook), settled(mapped)
        assert not receiver.received
    assert named.status == literal.status == "failed"
    assert "no public address" in named.attempts[0]["error"]
    assert "no public address" in literal.attempts[0]["error"]


def test_a_receiver_that_cannot_be_reached_is_a_failed_attempt(lab, subscribe, settled, delivering):
    urls = ("http://nobody.invalid/", "http://127.0.0.1:1/", "http://[::1]:1/")
    webhooks = [subscribe(url, "experiment.created") for url in urls]
    lab.submit()
    with sending(delivering.model_copy(update={"webhook_retry_seconds": ""})):
        deliveries = [settled(webhook)[0] for webhook in webhooks]
    for delivery in deliveries:
        assert delivery.attempts[0]["error"].startswith("No answer: ")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls_keeps_the_name_and_refuses_another(
    lab, subscribe, settled, delivering, tmp_path, monkeypatch
):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    command += (
        f" -subj /CN=test -addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    names = []
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    tls.sni_callback = lambda _, name, __: names.append(name)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Receiver(tls=tls) as receiver:
        named = subscribe(receiver, "experiment.created")
        other = subscribe(receiver.url.replace("localhost", "127.0.0.1"), "experiment.created")
        lab.submit()
        with sending(delivering.model_copy(update={"webhook_retry_seconds": ""})):
            (delivered,), (refused,) = settled(named), settled(other)
    assert delivered.status == "delivered", delivered.attempts
    assert "localhost" in names
    assert refused.status == "failed"
    assert "certificate" in refused.attempts[0]["error"].lower()
