"""A worker's Celery application: its settings, its task and the steps added to Celery's start.

Celery wakes a worker and gives the training a process of its own. Postgres decides which run is
trained, by which worker and how often it is tried.
"""

import os
import socket
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init, worker_process_shutdown

from service.runs.doorbell import DEVICES, broker_settings, queue_name
from service.tracing import stop_tracing
from workers.process import signals
from workers.process.broker import (
    EarlyChildReplacement,
    receive_rings_only,
    unacknowledged_queue,
)
from workers.process.heartbeat import Heartbeat
from workers.process.identity import WorkerIdentity
from workers.process.task import add_train_task


def celery_settings(identity: WorkerIdentity) -> dict[str, Any]:
    """Return a worker's Celery settings, each with its reason."""
    return {
        **broker_settings(identity.settings),
        # The training runs in a child process: the parent goes on answering signals and Redis, and
        # survives a training that crashes. One child: a pack has the device to itself.
        "worker_pool": "prefork",
        "worker_concurrency": 1,
        # The broker keeps no copy of a received message (see ``process.broker``).
        "task_queues": [unacknowledged_queue(queue_name(device)) for device in DEVICES],
        # No message waits at a busy worker while another is idle.
        "worker_disable_prefetch": True,
        # A restart of Redis must not kill a training: only the lease in Postgres matters to it.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # Redis may start after us, or be away for a night: never give up (by default at 100).
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        # A child imports torch before it reports that it is ready: seconds, more on a busy machine.
        "worker_proc_alive_timeout": 120.0,
        # Celery waits 10 s for the last result of a killed child before it starts another.
        # Our tasks have no results, so the next child may start after one second.
        "worker_lost_wait": 1.0,
        # Nobody commands workers through Redis: cancels and state go through Postgres.
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        # Leave standard output alone; Celery's log goes to our logging (see ``create_app``).
        "worker_redirect_stdouts": False,
        "task_default_queue": queue_name(identity.device),
    }


def create_app(identity: WorkerIdentity) -> Celery:
    """Return the Celery application of a worker, with its task and its signal handlers."""
    receive_rings_only()
    app = Celery("actinium")
    app.conf.update(celery_settings(identity))
    app.steps["worker"].add(Heartbeat)
    app.steps["consumer"].add(EarlyChildReplacement)
    add_train_task(app, identity)
    parent_pid = os.getpid()

    def keep_logging(**_: Any) -> None:
        """Do nothing: Celery leaves logging as it is where this signal has a handler."""

    def prepare_child(**_: Any) -> None:
        signals.prepare_child(identity, parent_pid)

    def end_child(**_: Any) -> None:
        stop_tracing()

    setup_logging.connect(keep_logging, weak=False)
    worker_process_shutdown.connect(end_child, weak=False)
    worker_process_init.connect(prepare_child, weak=False)
    return app


def create_worker(identity: WorkerIdentity) -> Any:
    """Return the Celery worker, ready to be started in this process."""
    app = create_app(identity)

    class SignalledWorker(app.Worker):  # type: ignore[name-defined, misc]
        def install_platform_tweaks(self, worker: Any) -> None:
            """Replace Celery's signal handlers before any other part of the worker runs."""
            super().install_platform_tweaks(worker)
            signals.install_stop_handlers(identity)

    return SignalledWorker(
        hostname=f"{identity.name}@{socket.gethostname()}",
        queues=[queue_name(identity.device)],
        identity=identity,
        quiet=True,
        # Disable gossip and mingle: workers do not coordinate through Celery.
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
