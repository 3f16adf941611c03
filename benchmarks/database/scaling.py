"""Measure what each act of the service costs, to reckon what more of it would need.

    python -m benchmarks.database.scaling [--seconds 4] [--only writes doorbell events reads]

On embedded servers of its own: messages through the doorbell; epochs committed, leases renewed and
runs claimed by 1 to 64 clients, in one experiment and in many; what an event costs the API for each
listener; and reads per second. Of each the rate, the time a client waits, and of the database the
processor time and the log it writes. The clients are two processes with threads on the machine of
the servers: rates are this machine's, the server's own time carries over. docs/scaling.md says what
follows from it.
"""

import asyncio
import time

import httpx
from kombu.connection import Connection

from benchmarks.database.worker_writes import (
    EPOCHS,
    Bench,
    claim,
    record,
    renew,
    repeated,
    write,
    write_and_notify,
)
from benchmarks.http.serving import Service, processor_seconds, stop
from benchmarks.options import program
from service.runs.doorbell import Doorbell, queue_name
from service.settings import Settings

#: More than can be claimed in the time.
_RUNS = 4_000
_MESSAGES = 2_000
_EVENTS_A_SECOND = 20.0


def doorbell(settings: Settings) -> tuple[float, float]:
    """Return the messages per second that are sent by one sender and taken by one worker."""
    bell = Doorbell(settings)
    began = time.perf_counter()
    bell.ring({"cuda": _MESSAGES})
    sent = _MESSAGES / (time.perf_counter() - began)
    bell.close()
    with Connection(settings.redis_url) as connection:  # type: ignore[no-untyped-call]
        queue = connection.SimpleQueue(queue_name("cuda"))
        began = time.perf_counter()
        for _ in range(_MESSAGES):
            queue.get(timeout=5).ack()
        return sent, _MESSAGES / (time.perf_counter() - began)


async def fan_out(service: Service, pid: int, listeners: int, seconds: float) -> float:
    """Return the API's processor seconds for an event, an epoch's, that so many listen to."""
    run = service.store.submit(epochs=EPOCHS)[0]
    claimed = service.store.claim()
    path = f"/v1/experiments/{run.experiment_id}/events"
    opened = [await _listen(service.url, path) for _ in range(listeners)]
    before = processor_seconds(pid)
    events, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        events += 1
        await asyncio.to_thread(service.store.record, claimed, events)
        await asyncio.sleep(events / _EVENTS_A_SECOND - (time.perf_counter() - began))
    await asyncio.sleep(0.5)
    spent = processor_seconds(pid) - before
    for reading, writer in opened:
        reading.cancel()
        writer.close()
    return spent / events


async def _listen(url: str, path: str) -> tuple[asyncio.Task[None], asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
    writer.write(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")

    async def read() -> None:
        while await reader.read(65_536):
            pass

    return asyncio.create_task(read()), writer


def reads(service: Service, pid: int, seconds: float) -> dict[str, tuple[float, float]]:
    """Return calls per second of eight clients, and the API's processor seconds for each."""
    stored = service.store.submit(seeds=100, epochs=100)
    service.store.complete(stored)
    paths = {
        "run": f"/v1/runs/{stored[0].id}",
        "history of 100 epochs": f"/v1/runs/{stored[0].id}/history",
        "search of 100 runs": f"/v1/runs?limit=100&experiment_id={stored[0].experiment_id}",
    }
    return {name: _read(service.url, pid, path, seconds) for name, path in paths.items()}


def _read(url: str, pid: int, path: str, seconds: float) -> tuple[float, float]:
    begin = time.time() + 0.2
    before = processor_seconds(pid)
    with httpx.Client(base_url=url, timeout=60) as client:
        calls = repeated(
            lambda *_: client.get(path).raise_for_status(),
            range(8),
            begin,
            begin + seconds,
        )
    return len(calls) / seconds, (processor_seconds(pid) - before) / len(calls)


def main() -> None:
    """Measure and print."""
    parser = program("benchmarks.database.scaling", __doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--only", nargs="+", choices=REPORTS, default=list(REPORTS))
    options = parser.parse_args()
    with Service(lease_seconds=3600, database_pool_size=40) as service:
        for name in options.only:
            REPORTS[name](service, options.seconds)


def _report_writes(service: Service, seconds: float) -> None:
    bench = Bench(service, seconds)
    try:
        _report_acts(bench)
    finally:
        bench.close()


def _report_doorbell(service: Service, _: float) -> None:
    sent, taken = doorbell(service.settings)
    print(f"Doorbell: {sent:,.0f} messages per second sent, {taken:,.0f} taken and acknowledged")


def _report_events(service: Service, seconds: float) -> None:
    api = service.api()
    for listeners in (0, 50, 200):
        cost = asyncio.run(fan_out(service, api.pid, listeners, seconds))
        print(f"Event, {listeners:3} listeners: API {1000 * cost:.2f} ms", flush=True)
    stop(api)


def _report_reads(service: Service, seconds: float) -> None:
    api = service.api()
    for name, (rate, cost) in reads(service, api.pid, seconds).items():
        print(f"Read, {name:22} {rate:6,.0f}/s   API {1000 * cost:.2f} ms", flush=True)
    stop(api)


def _report_acts(bench: Bench) -> None:
    print(f"A connection of its own: {bench.connection_megabytes():.1f} MB")
    bench.scratch()
    for clients in (1, 32):
        for name, act in (("Plain rows", write), ("Rows with NOTIFY", write_and_notify)):
            print(f"{name}, {clients:2} clients: {bench.measure(act, range(clients))}")
    for clients in (1, 2, 8, 32):
        for experiments in sorted({1, clients}):
            cost = bench.measure(record, bench.claimed(clients, experiments))
            print(f"Epochs, {clients:2} clients, {experiments:2} experiments: {cost}")
    for pack in (16, 64):
        cost = bench.measure(record, bench.claimed(2, pack=pack))
        print(f"Epochs of packs of {pack}, 2 clients: {cost}")
    for clients in (1, 32):
        print(f"Renewals, {clients:2} clients: {bench.measure(renew, bench.claimed(clients))}")
    with bench.unsynced():
        cost = bench.measure(record, bench.claimed(32))
        print(f"Epochs, 32 clients, synchronous_commit off: {cost}")
    for clients in (1, 4, 16, 64):
        bench.waiting(_RUNS)
        print(f"Claims, {clients:2} clients: {bench.measure(claim, range(clients))}")
    bench.end_all()


REPORTS = {
    "writes": _report_writes,
    "doorbell": _report_doorbell,
    "events": _report_events,
    "reads": _report_reads,
}


if __name__ == "__main__":
    main()
