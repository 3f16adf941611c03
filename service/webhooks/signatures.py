"""Secrets and signatures of webhooks (Standard Webhooks 1.0.0, "Signature scheme")."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret: 32 random bytes in base64, after the prefix of the specification."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return ``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


def headers(
    secrets_in_use: Iterable[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the headers of a message, signed with every secret that a receiver may use.

    Args:
        secrets_in_use: the secret, and the previous one while it is valid.
        message_id: the same at every attempt, so that a receiver recognizes duplicates.
        timestamp: when this attempt began, in seconds since 1970; a receiver refuses old ones.
        body: the bytes that are sent.
    """
    signatures = (sign(secret, message_id, timestamp, body) for secret in secrets_in_use)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
