"""Signatures of messages, and the change of a secret."""

import base64
import hashlib
import hmac
import uuid

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from service.webhooks import dispatch
from service.webhooks.signatures import headers, new_secret, sign


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
    """Return the body of the message that is due, and the headers it would be sent with now."""
    (message,) = dispatch.claim(session, webhook_id, settings, limit=1)
    now = int(session.scalar(text("SELECT extract(epoch FROM now())")))
    session.rollback()
    return message.body, headers(message.secrets, str(message.id), now, message.body)


def test_a_new_secret_leaves_a_day_to_take_it_over(post, webhook, session, settings, lab):
    response = post(f"/v1/webhooks/{webhook['id']}/secret")
    assert response.status_code == 200
    new = response.json()["secret"]
    assert new != webhook["secret"]
    assert response.json()["previous_secret_expires_at"] is not None
    post(f"/v1/webhooks/{webhook['id']}/ping")
    body, sent = _sent(session, uuid.UUID(webhook["id"]), settings)
    assert len(sent["webhook-signature"].split(" ")) == 2
    for secret in (webhook["secret"], new):
        assert Verifier(secret).verify(body, sent)["type"] == "webhook.ping"
    lab.execute("UPDATE webhooks SET previous_secret_expires_at = now()")
    post(f"/v1/webhooks/{webhook['id']}/ping")
    body, sent = _sent(session, uuid.UUID(webhook["id"]), settings)
    Verifier(new).verify(body, sent)
    with pytest.raises(WebhookVerificationError):
        Verifier(webhook["secret"]).verify(body, sent)
