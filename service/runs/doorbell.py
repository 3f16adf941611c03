"""The doorbell: messages that say "there may be work", and nothing else.

Which run a worker takes is decided in Postgres when it answers the bell. A message lost,
doubled or late therefore changes nothing; the scheduler rings again.
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
    """The queue on which workers of a device listen."""
    return f"actinium.{device}"


def broker_settings(settings: Settings) -> dict[str, Any]:
    """Celery settings that sender and workers share."""
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
        """See that each device's queue holds as many messages as workers are wanted."""
        for device, count in wanted.items():
            if count <= 0:
                continue
            try:
                missing = count - int(self._redis.llen(queue_name(device)))
                for _ in range(missing):
                    self._celery.send_task(TRAIN_TASK, queue=queue_name(device), retry=False)
            except (RedisError, OperationalError, OSError) as error:
                _log.warning("The doorbell is silent", device=device, reason=str(error))
                return  # the other queue lies on the same Redis, and waiting costs its time-out

    def reachable(self) -> bool:
        """Say whether Redis answers."""
        try:
            return bool(self._redis.ping())
        except (RedisError, OSError):
            return False

    def close(self) -> None:
        """Give the connections back."""
        self._celery.close()
        self._redis.close()
