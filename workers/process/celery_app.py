"""The Celery side of a worker: its settings, and what its processes do when they start and stop.

Celery wakes a worker and gives its training a process of its own. Which run is trained, by
whom, and how often it is tried is decided in Postgres.
"""

import os
import socket
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init

from service.runs.doorbell import DEVICES, broker_settings, queue_name
from workers.process import signals
from workers.process.broker import ChildMayDieEarly, listen_to
from workers.process.heartbeat import Registration
from workers.process.identity import Station
from workers.process.task import add_train_task


def worker_settings(station: Station) -> dict[str, Any]:
    """Celery settings of a worker, each with its reason."""
    return {
        **broker_settings(station.settings),
        # A process of its own for the training: the parent goes on answering signals and Redis
        # and outlives a training that crashes. One at a time: a run has the device to itself.
        "worker_pool": "prefork",
        "worker_concurrency": 1,
        # Nothing is kept of a message that was received (see ``listening``).
        "task_queues": [listen_to(queue_name(device)) for device in DEVICES],
        # No message waits at a busy worker while another is idle.
        "worker_disable_prefetch": True,
        # A restart of Redis must not kill a training: what it needs is its lease in Postgres.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # Redis may start after us, or be away for a night: never give up (by default at 100).
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # A child imports torch before it reports for work: seconds, on a busy machine many.
        "worker_proc_alive_timeout": 120.0,
        # A killed child may have sent a last result, says Celery, and holds its place for 10 s.
        # We have no results; the next child may work at once.
        "worker_lost_wait": 1.0,
        # Nobody commands workers through Redis: cancels and state go through Postgres.
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        # Standard output stays what it is; our logging takes Celery's (see ``create_app``).
        "worker_redirect_stdouts": False,
        "task_default_queue": queue_name(station.device),
    }


def create_app(station: Station) -> Celery:
    """Make the Celery app of a worker, with its task and its reactions to Celery's signals."""
    app = Celery("actinium")
    app.conf.update(worker_settings(station))
    app.steps["worker"].add(Registration)
    app.steps["consumer"].add(ChildMayDieEarly)
    add_train_task(app, station)
    parent = os.getpid()

    def keep_logging(**_: Any) -> None:
        """Being connected is enough: Celery then leaves logging as it is."""

    def prepare_child(**_: Any) -> None:
        signals.prepare_child(parent)

    setup_logging.connect(keep_logging, weak=False)
    worker_process_init.connect(prepare_child, weak=False)
    return app


def create_worker(station: Station) -> Any:
    """Make the Celery worker of a station, to be started in this process."""
    app = create_app(station)

    class Worker(app.Worker):  # type: ignore[name-defined, misc]
        def install_platform_tweaks(self, worker: Any) -> None:
            """Take the signals over from Celery before anything of the worker runs."""
            super().install_platform_tweaks(worker)
            signals.heed_signals(station)

    return Worker(
        hostname=f"{station.name}@{socket.gethostname()}",
        queues=[queue_name(station.device)],
        station=station,
        quiet=True,
        # Workers have nothing to tell one another: fewer moving parts.
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
