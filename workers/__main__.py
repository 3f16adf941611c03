"""Start a worker: ``python -m workers``. Ctrl-C or SIGTERM stops it; its runs go on elsewhere."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import warnings
from typing import Literal, cast

import structlog
from celery.exceptions import CPendingDeprecationWarning, SecurityWarning

from service.database.outages import wait_for_schema
from service.database.schema_version import SchemaVersionError
from service.liveness import is_alive
from service.logs import configure_logging, last_words
from service.settings import SettingsError, get_settings
from service.specs.memory import IDLE_BYTES
from service.tracing import TracingError, check_tracing
from service.weights.location import LocationError, check_location_apart
from workers.process import heartbeat
from workers.process.celery_app import create_worker
from workers.process.identity import WorkerIdentity
from workers.training.machine_memory import MachineMemory

#: A heartbeat may have to wait this long for a Postgres that does not answer.
_SLOWEST_BEAT_SECONDS = 30.0

#: Exit status of the process that is asked for a device which is not there.
_NO_DEVICE = 3

_log = structlog.get_logger(__name__)


def main() -> None:
    """Run a worker until it has to stop, or with ``--check`` exit by whether one is alive."""
    with last_words():
        _run()


def _run() -> None:
    arguments = _parser().parse_args()
    try:
        settings = get_settings()
    except SettingsError as error:
        sys.exit(str(error))
    if arguments.check:
        within = heartbeat.BEAT_SECONDS + _SLOWEST_BEAT_SECONDS
        alive = is_alive(settings, heartbeat.PROCESS, within=within)
        sys.exit(0 if alive else "No worker of this home is alive.")
    configure_logging(settings)
    try:
        check_tracing()
        check_location_apart(settings)
    except (TracingError, LocationError) as error:
        sys.exit(str(error))
    # The first process of a container ignores signals it has no handler for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Read once, when the child imports torch.
    os.environ["OMP_NUM_THREADS"] = str(settings.training_threads or 1)
    # Threads that wait for one another sleep after some microseconds; libgomp's default is a
    # millisecond and more. What that is worth, free and beside others, is in docs/performance.md.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    if arguments.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = arguments.gpu
    try:
        wait_for_schema(settings, threading.Event())
    except SchemaVersionError as error:
        sys.exit(str(error))
    name = arguments.name or f"{socket.gethostname()}-{os.getpid()}"
    device, device_bytes = find_device(arguments.device)
    memory_bytes = settings.worker_memory_bytes or device_bytes or _rest_of_memory()
    sys.exit(run(WorkerIdentity(name, device, settings, memory_bytes)))


def run(identity: WorkerIdentity) -> int:
    """Run Celery's worker in this process; return its exit status."""
    # Celery warns that pickle is unsafe for root; our messages are JSON only.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    worker = create_worker(identity)
    # Celery warns at each lost connection that trainings go on, which is what we ask for.
    warnings.filterwarnings("ignore", category=CPendingDeprecationWarning)
    _log.info("The worker starts", name=identity.name, device=identity.device)
    worker.start()
    _log.info("The worker has stopped", name=identity.name)
    return int(worker.exitcode or 0)


def find_device(requested: str) -> tuple[Literal["cpu", "cuda"], int]:
    """Return the device this worker trains on, and the bytes of its own memory: 0 of a CPU.

    torch is asked in another process: this one will fork, and must not have used it.

    Args:
        requested: ``auto``, ``cpu`` or ``cuda``.
    """
    if requested == "cpu":
        return "cpu", 0
    program = (
        "import sys\n"
        "from workers.training.devices import DeviceError, choose, own_bytes\n"
        "try: device = choose(sys.argv[1]); print(device.type, own_bytes(device))\n"
        f"except DeviceError: sys.exit({_NO_DEVICE})"
    )
    answer = subprocess.run(  # noqa: S603 - our own interpreter and words
        [sys.executable, "-c", program, requested],
        check=False,
        capture_output=True,
        errors="replace",
    )
    if answer.returncode == _NO_DEVICE:
        sys.exit("No CUDA device is visible here. Start the worker with --device cpu or auto.")
    if answer.returncode != 0:
        sys.exit(f"torch cannot be used: {answer.stderr.strip().splitlines()[-1]}")
    device, own_bytes = answer.stdout.split()
    return cast("Literal['cpu', 'cuda']", device), int(own_bytes)


def _rest_of_memory() -> int:
    """Return what a worker on a CPU has for its runs: all but what its idle processes hold."""
    return max(0, MachineMemory().limit_bytes() - IDLE_BYTES)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="the device to train on; auto uses a GPU if there is one",
    )
    parser.add_argument("--gpu", metavar="INDEX", help="the only GPU this worker may use")
    parser.add_argument("--name", help="the worker's name; host name and process id by default")
    parser.add_argument(
        "--check", action="store_true", help="exit with 0 if the worker of this home is alive"
    )
    return parser


if __name__ == "__main__":
    main()
