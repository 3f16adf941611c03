"""Messages that are not ours: a worker logs and drops them, and goes on."""

import base64
import json
import pickle
import random
import uuid

import pytest
from redis import Redis
from sqlalchemy import select
from structlog.testing import capture_logs

from service.database.tables import Run
from service.runs.doorbell import Doorbell, queue_name
from tests.support.processes import Processes, wait_for
from tests.support.small_experiments import submit
from workers.process.broker import _admitted
from workers.process.messages import ForeignMessageError, checked, ring

QUEUE = queue_name("cpu")
QUICK = {
    "dataset": {"name": "circles", "train_size": 16, "test_size": 8},
    "model": {"name": "mlp", "hidden_units": [4]},
    "batch_size": 16,
    "epochs": 1,
}


def changed(**fields):
    """A ring with some of its fields replaced; None takes a field out."""
    message = json.loads(ring(QUEUE)) | fields
    return json.dumps(
        {name: value for name, value in message.items() if value is not None}
    ).encode()


def headed(**headers):
    return changed(headers=json.loads(ring(QUEUE))["headers"] | headers)


def with_body(body, encoding="base64"):
    text = base64.b64encode(body).decode() if encoding == "base64" else body.decode("latin-1")
    properties = json.loads(ring(QUEUE))["properties"] | {"body_encoding": encoding}
    return changed(body=text, properties=properties)


def malformed():
    """Messages by what is wrong with them."""
    return {
        "nothing": b"",
        "a space": b" ",
        "a word": b"hello",
        "a number": b"17",
        "null": b"null",
        "true": b"true",
        "a text": b'"ring"',
        "a list": b"[1, 2]",
        "an empty object": b"{}",
        "cut off": ring(QUEUE)[:-20],
        "two in one": ring(QUEUE) * 2,
        "not UTF-8": b"\xff\xfe\x00\x80",
        "NUL bytes": b"\x00" * 50,
        "a lone surrogate": b'{"headers": {"task": "\\ud800"}, "body": "\\ud800"}',
        "nested too deep": b"[" * 10_000 + b"]" * 10_000,
        "an object nested too deep": b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
        "a huge number": b"1" * 15_000,
        "huge": b"x" * 5_000_000,
        "a huge body": with_body(b"[[], {}, {}]" + b" " * 3_000_000),
        "a pickle": pickle.dumps({"task": "actinium.train", "args": []}),
        "a pickled body": changed(**{"content-type": "application/x-python-serialize"}),
        "YAML": changed(**{"content-type": "application/x-yaml"}),
        "no content type": changed(**{"content-type": None}),
        "an unknown encoding": changed(**{"content-encoding": "klingon", "content-type": "x/y"}),
        "no headers": changed(headers=None),
        "headers that are a list": changed(headers=["task"]),
        "headers that are a text": changed(headers="actinium.train"),
        "an unknown task": headed(task="other.task"),
        "no task": headed(task=None),
        "a task that is a list": headed(task=["actinium.train"]),
        "no properties": changed(properties=None),
        "properties that are a number": changed(properties=3),
        "no body": changed(body=None),
        "a body that is an object": changed(body={"a": 1}),
        "a body that is not base64": changed(body="%%%"),
        "a body that is not JSON": with_body(b"nope"),
        "a body nested too deep": with_body(b"[" * 4_000 + b"]" * 4_000),
        "positional arguments": with_body(b"[[1, 2], {}, {}]"),
        "named arguments": with_body(b'[[], {"x": 1}, {}]'),
        "arguments of the wrong type": with_body(b'["a", "b", "c"]'),
        "a body without arguments": with_body(b"{}"),
        "Celery's first protocol": json.dumps({"task": "actinium.train", "id": "1"}).encode(),
    }


#: Rings with headers on which Celery would act: nothing of them is passed on.
ODD_RINGS = {
    "to be run in a year": headed(eta="2099-01-01T00:00:00"),
    "to be run at no time": headed(eta="not a time"),
    "expired": headed(expires="nonsense"),
    "with limits that are texts": headed(timelimit="ab"),
    "with an id that is a list": headed(id=["x"]),
    "with callbacks": headed(callbacks=17, errbacks="x", chord={"a": 1}),
    "with odd delivery": changed(
        properties={"body_encoding": "base64", "delivery_info": None, "delivery_tag": None}
    ),
}


@pytest.mark.parametrize("kind", malformed())
def test_what_is_no_ring_is_dropped_with_a_reason(kind):
    with pytest.raises(ForeignMessageError):
        checked(malformed()[kind])
    with capture_logs() as logs:
        assert _admitted(QUEUE.encode(), malformed()[kind]) is None
    (log,) = logs
    assert (log["log_level"], log["queue"]) == ("warning", QUEUE)
    assert log["reason"]
    assert len(log["start"]) < 1_000


@pytest.mark.parametrize("kind", ODD_RINGS)
def test_nothing_of_a_ring_is_passed_on(kind):
    _, passed = _admitted(QUEUE.encode(), ODD_RINGS[kind])
    headers = json.loads(passed)["headers"]
    assert set(headers) == {"lang", "task", "id", "root_id"}
    assert uuid.UUID(headers["id"])


def test_random_bytes_are_dropped():
    chance = random.Random(5)
    for _ in range(500):
        message = bytearray(ring(QUEUE))
        for _ in range(chance.randint(1, 8)):
            message[chance.randrange(len(message))] = chance.randrange(256)
        admitted = _admitted(QUEUE.encode(), bytes(message))
        assert admitted is None or json.loads(admitted[1])["headers"]["task"] == "actinium.train"


def test_a_worker_goes_on_whatever_is_in_its_queue(settings, session, sessions, tmp_path):
    with (
        Processes(settings, tmp_path / "logs") as processes,
        Redis.from_url(settings.redis_url) as redis,
    ):
        worker = processes.start("worker", "workers", "--gpu", "")
        worker.says("ready.")
        messages = [*malformed().values(), *ODD_RINGS.values()]
        for message in messages:
            redis.lpush(QUEUE, message)
        wait_for(lambda: not redis.llen(QUEUE), what="the queue is worked off", seconds=60)
        (run_id,) = submit(session, settings, **QUICK)
        doorbell = Doorbell(settings)
        doorbell.ring({"cpu": 1})
        doorbell.close()

        def completed():
            with sessions() as reading:
                wanted = select(Run.status).where(Run.id == run_id)
                return reading.scalar(wanted) == "completed"

        wait_for(completed, what=lambda: worker.output[-2_000:], seconds=60)
        assert worker.popen.poll() is None
        assert worker.output.count("Dropped a message") == len(malformed())
        assert "Traceback" not in worker.output
