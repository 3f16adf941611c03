"""Messages of the broker: which are a ring of the doorbell; all others are dropped.

Whoever can write to Redis can put anything into a worker's queue: other programs' tasks, a message
that a person typed, bytes that are no message. Celery ends the worker on some of these. A ring
carries nothing but, where requests are traced, the trace it belongs to. So nothing else of a
received message is passed on: Celery gets one that is written here instead.
"""

import base64
import binascii
import json
import re
import uuid
from typing import Any

from service.runs.doorbell import TRAIN_TASK
from service.tracing import TRACEPARENT

#: A ring has less than a thousand bytes.
_MOST_BYTES = 16_384

#: W3C's Trace Context, version 00.
_TRACE_CONTEXT = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

#: What Celery sends for a task without arguments, before what it may add for other tasks to follow.
_NO_ARGUMENTS: list[Any] = [[], {}]


class ForeignMessageError(ValueError):
    """A message that is no ring of the doorbell; the sentence says why."""


def checked(received: bytes) -> str | None:
    """Check that a message in a worker's queue is a ring of the doorbell.

    Returns:
        The trace context of the request that rang, where it has one.

    Raises:
        ForeignMessageError: it is anything else.
    """
    if len(received) > _MOST_BYTES:
        raise ForeignMessageError(f"It has {len(received):,} bytes.")
    message = _parsed(received, "The message")
    if not isinstance(message, dict):
        raise ForeignMessageError("It is not an object.")
    headers = message.get("headers")
    if not isinstance(headers, dict) or headers.get("task") != TRAIN_TASK:
        raise ForeignMessageError(f"Its headers do not name the task {TRAIN_TASK}.")
    if message.get("content-type") != "application/json":
        raise ForeignMessageError("Its content type is not application/json.")
    body = _parsed(_body(message), "Its body")
    if not isinstance(body, list) or body[:2] != _NO_ARGUMENTS:
        raise ForeignMessageError("The task takes no arguments.")
    context = headers.get(TRACEPARENT)
    known = isinstance(context, str) and _TRACE_CONTEXT.fullmatch(context)
    return context if known else None


def _parsed(text: bytes, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ForeignMessageError(f"{what} is not JSON.") from error


def _body(message: dict[str, Any]) -> bytes:
    body, properties = message.get("body"), message.get("properties")
    if not isinstance(body, str) or not isinstance(properties, dict):
        raise ForeignMessageError("It has no body, or no properties.")
    if properties.get("body_encoding") != "base64":
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ForeignMessageError("Its body is not base64.") from error


def ring(queue: str, context: str | None = None) -> bytes:
    """Return a ring as Celery reads it (message protocol 2) from this queue.

    Args:
        queue: its name.
        context: the trace that the ring belongs to.
    """
    task_id = str(uuid.uuid4())
    headers = {"lang": "py", "task": TRAIN_TASK, "id": task_id, "root_id": task_id}
    if context is not None:
        headers[TRACEPARENT] = context
    message = {
        "body": base64.b64encode(json.dumps([*_NO_ARGUMENTS, {}]).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": {
            "correlation_id": task_id,
            "delivery_mode": 2,
            "delivery_info": {"exchange": queue, "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }
    return json.dumps(message).encode()
