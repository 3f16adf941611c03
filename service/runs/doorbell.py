"""The doorbell: messages that wake workers, and carry nothing else.

Postgres decides which run a worker claims when it wakes. So a message that is lost, late or sent
twice changes nothing; the scheduler rings again.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from service.settings import Settings

TRAIN_TASK = "actinium.train"
DEVICES = ("cpu", "cuda")

_log = structlog.get_logger(__name__)


def queue_name(device: str) -> str:
    """Return the name of the queue that workers of a device listen to."""
    return f"actinium.{device}"


def broker_settings(settings: Settings) -> dict[str, Any]:
    """Return the Celery settings that sender and workers share."""
    return {
        "broker_url": settings.redis_url,
        "broker_transport_options": {
            # Without timeouts, sending to a hung Redis blocks for over 25 s.
            "socket_timeout": 5,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
        },
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "result_backend": None,
        "timezone": "UTC",
    }


class Doorbell:
    """Rings for workers. A ring that fails is only late: the scheduler rings again."""

    def __init__(self, settings: Settings) -> None:
        self._celery = Celery("actinium-doorbell", set_as_current=False)
        self._celery.conf.update(broker_settings(settings))
        self._redis = Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2)

    def ring(self, wanted: Mapping[str, int]) -> None:
        """Fill each device's queue up to one message per wanted worker."""
        for device, count in wanted.items():
            if count <= 0:
                continue
            try:
                missing = count - int(self._redis.llen(queue_name(device)))
                for _ in range(missing):
                    self._celery.send_task(TRAIN_TASK, queue=queue_name(device), retry=False)
            except (RedisError, OperationalError, OSError) as error:
                _log.warning("The doorbell could not ring", device=device, reason=str(error))
                return  # the other queue is on the same Redis, and would take its time-out too

    def reachable(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self._redis.ping())
        except (RedisError, OSError):
            return False

    def close(self) -> None:
        """Close the connections."""
        self._celery.close()
        self._redis.close()
