"""Faults of workers, Redis and Postgres under real worker processes.

After each, every run has ended, its history is complete, has nothing twice and equals bit for
bit what an unharmed worker gives.
"""

import os
import signal
import time
from pathlib import Path

import pytest
import redis
from alembic import command
from sqlalchemy import select

from deploy.embedded import EmbeddedServers
from service.database.engine import create_database_engine, session_factory
from service.database.schema_version import alembic_config
from service.database.tables import Worker
from service.runs import endings
from service.statuses import ENDED
from tests.support.processes import Processes, wait_for
from tests.support.run_rows import Looks
from tests.support.small_experiments import LONG, ring, submit

pytestmark = pytest.mark.slow


@pytest.fixture
def processes(settings, tmp_path):
    with Processes(settings, tmp_path / "logs") as started:
        yield started


class Bench(Looks):
    """Submits runs and waits for what becomes of them."""

    def __init__(self, sessions, settings):
        super().__init__(sessions)
        self.sessions, self.settings = sessions, settings

    def submit(self, **fields):
        """Submit an experiment and ring for it; return its runs."""
        with self.sessions() as session:
            ids = submit(session, self.settings, **fields)
            ring(session, self.settings)
            return ids

    def reaches(self, run_id, epoch, seconds=60):
        """Wait until a run has recorded an epoch."""
        return wait_for(
            lambda: self.run(run_id).epoch >= epoch, what=f"epoch {epoch}", seconds=seconds
        )

    def ends(self, run_id, seconds=60):
        """Wait until a run has ended, and return it."""
        wait_for(lambda: self.run(run_id).status in ENDED, what=f"{run_id} ends", seconds=seconds)
        return self.run(run_id)

    def workers(self):
        """The names of the registered workers."""
        with self.sessions() as session:
            return sorted(session.scalars(select(Worker.name)))


@pytest.fixture
def bench(sessions, settings):
    return Bench(sessions, settings)


@pytest.fixture
def patient(settings):
    """Settings under which no lease ends where no worker fails, however busy the machine is."""
    return settings.model_copy(update={"lease_seconds": 30.0})


@pytest.fixture
def brisk(settings):
    """Settings under which a failed worker's lease ends soon, and a busy one's does not."""
    return settings.model_copy(update={"lease_seconds": 8.0})


def uses_torch(pid):
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def test_a_worker_trains_registers_and_stops(processes, bench, patient):
    processes.settings = patient
    worker = processes.worker("one")
    wait_for(lambda: bench.workers() == ["one"], what="the worker is seen", seconds=60)
    (run_id,) = bench.submit()
    run = bench.ends(run_id)
    assert (run.status, run.worker, run.failures) == ("completed", "one", 0)
    assert len(bench.history(run_id)) == 2
    (child,) = worker.children()
    assert uses_torch(child)
    assert not uses_torch(worker.pid)
    worker.send_group(signal.SIGINT)
    worker.wait(10)
    assert bench.workers() == []
    assert gone(child)
    assert "Traceback" not in worker.output


def test_two_workers_and_two_schedulers_train_each_run_once(
    processes, bench, settings, patient, sessions
):
    processes.settings = patient
    for name in ("scheduler", "second scheduler"):
        processes.scheduler(name)
    for name in ("one", "two"):
        processes.worker(name)
    ids = bench.submit(seeds=8, epochs=1)
    with sessions() as session:
        for _ in range(10):
            ring(session, settings)
    for run_id in ids:
        assert bench.ends(run_id).status == "completed"
        assert bench.outcomes(run_id) == ["completed"]
        assert [row[0] for row in bench.history(run_id)] == [1]
    assert {bench.run(each).worker for each in ids} == {"one", "two"}


def test_runs_of_killed_processes_are_trained_as_if_nothing_had_been(processes, bench, brisk):
    """A whole worker is killed, and of another one the child that trains."""
    processes.settings = brisk
    processes.scheduler()
    workers = {name: processes.worker(name) for name in ("one", "two")}
    ids = bench.submit(seeds=[7], **LONG) + bench.submit(seeds=[7], **LONG)
    for run_id in ids:
        bench.reaches(run_id, 1)
    assert {bench.run(each).worker for each in ids} == {"one", "two"}

    killed, bereft = workers["one"], workers["two"]
    (orphan,), (child,) = killed.children(), bereft.children()
    killed.send(signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: gone(orphan), what="the child dies with its parent", seconds=5)
    for run_id in ids:
        run = bench.ends(run_id)
        assert (run.status, run.worker, run.failures) == ("completed", "two", 1)
        assert bench.outcomes(run_id) == ["lost", "completed"]
        assert bench.events(run_id).count("run.epoch") == 4
    assert bereft.running
    assert bereft.children() != [child]

    (twin,) = bench.submit(seeds=[7], **LONG)
    assert bench.ends(twin).status == "completed"
    assert [row[0] for row in bench.history(twin)] == [1, 2, 3, 4]
    for run_id in ids:
        assert bench.history(run_id) == bench.history(twin)


def test_a_flushed_redis_loses_nothing(processes, bench, patient, redis_url):
    processes.settings = patient
    first, second = bench.submit(seeds=2)
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
        processes.worker("one")
        processes.scheduler()
        bench.reaches(first, 1)
        client.flushall()
        assert bench.ends(first).status == bench.ends(second).status == "completed"
        (third,) = bench.submit()
        client.flushall()
        assert bench.ends(third).status == "completed"


def test_a_stopped_worker_gives_its_run_back(processes, bench, patient):
    """Without a scheduler: the one that stops rings for the next."""
    processes.settings = patient
    one = processes.worker("one")
    (run_id,) = bench.submit(**LONG)
    bench.reaches(run_id, 1)
    stop_within(one, 10, lambda: one.send(signal.SIGTERM))
    released = bench.run(run_id)
    assert (released.status, released.failures) == ("queued", 0)
    assert bench.outcomes(run_id) == ["released"]

    two = processes.worker("two")
    wait_for(lambda: bench.run(run_id).worker == "two", what="two takes it up")

    def tell_the_whole_group():
        for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
            two.send_group(number)

    stop_within(two, 10, tell_the_whole_group)
    assert bench.outcomes(run_id) == ["released"] * 2

    processes.worker("three")
    assert bench.ends(run_id).status == "completed"
    assert bench.run(run_id).failures == 0
    assert [row[0] for row in bench.history(run_id)] == [1, 2, 3, 4]
    assert bench.workers() == ["three"]
    for each in (one, two):
        assert "Traceback" not in each.output


def stop_within(worker, seconds, stop):
    began = time.monotonic()
    stop()
    worker.wait(seconds)
    assert time.monotonic() - began < seconds


def test_a_worker_whose_training_hangs_still_stops(processes, bench, settings):
    processes.settings = settings.model_copy(update={"soft_shutdown_seconds": 1.0})
    worker = processes.worker("one")
    (run_id,) = bench.submit(**LONG)
    bench.reaches(run_id, 1)
    (child,) = worker.children()
    os.kill(child, signal.SIGSTOP)
    worker.send(signal.SIGTERM)
    assert worker.wait(10) == 1
    wait_for(lambda: gone(child), what="the child dies with its parent", seconds=5)


def test_a_cancel_takes_seconds_in_the_middle_of_a_long_epoch(processes, bench, sessions, patient):
    processes.settings = patient
    worker = processes.worker("one")
    endless = {"name": "mnist", "train_size": 60_000, "test_size": 128}
    (run_id,) = bench.submit(dataset=endless)
    # A lease ends first at the claim's time plus its length, and later once it was renewed.
    wait_for(lambda: bench.run(run_id).status == "running", what="it is claimed")
    claimed = bench.run(run_id).lease_expires_at
    wait_for(lambda: bench.run(run_id).lease_expires_at > claimed, what="it trains")
    with sessions() as session:
        endings.cancel(session, run_id)
    run = bench.ends(run_id, seconds=10)
    assert (run.status, run.epoch) == ("cancelled", 0)
    assert bench.history(run_id) == []
    (next_id,) = bench.submit()
    assert bench.ends(next_id).status == "completed"
    assert worker.running


def test_a_worker_that_slept_past_its_lease_writes_nothing(processes, bench, brisk):
    processes.settings = brisk
    processes.scheduler()
    one = processes.worker("one")
    (run_id,) = bench.submit(**LONG | {"epochs": 2})
    bench.reaches(run_id, 1)
    one.send_group(signal.SIGSTOP)
    processes.worker("two")
    finished = bench.ends(run_id)
    assert (finished.status, finished.worker) == ("completed", "two")
    history = bench.history(run_id)
    one.send_group(signal.SIGCONT)
    one.says("no longer this worker's")
    assert bench.history(run_id) == history
    assert bench.run(run_id).finished_at == finished.finished_at
    assert bench.outcomes(run_id) == ["lost", "completed"]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Servers that a test may stop."""
    servers = EmbeddedServers(tmp_path_factory.mktemp("own"))
    with servers as endpoints:
        url = endpoints.database_url.replace("postgresql://", "postgresql+psycopg://")
        command.upgrade(alembic_config(url), "head")
        yield servers


@pytest.fixture
def faulty(own, patient, tmp_path):
    """A bench and processes on servers that a test may stop."""
    changed = patient.model_copy(
        update={"database_url": own.postgres.url, "redis_url": own.valkey.url}
    )
    engine = create_database_engine(changed)
    with Processes(changed, tmp_path / "logs") as started:
        yield started, Bench(session_factory(engine), changed)
    engine.dispose()


def test_a_restart_of_postgres_is_waited_out(own, faulty):
    processes, bench = faulty
    scheduler, worker = processes.scheduler(), processes.worker("one")
    (twin,) = bench.submit(**LONG)
    bench.reaches(twin, 1)
    own.postgres.stop()
    for each in (scheduler, worker):
        each.says("Postgres is away")
    late = processes.worker("late", ready=False)
    late.says("Postgres is away")
    own.postgres.start()
    late.says("ready.")
    assert bench.ends(twin).status == "completed"
    (run_id,) = bench.submit(**LONG)
    bench.reaches(run_id, 2)
    own.postgres.kill()
    own.postgres.start()
    assert bench.ends(run_id).status == "completed"
    assert [row[0] for row in bench.history(run_id)] == [1, 2, 3, 4]
    assert bench.history(run_id) == bench.history(twin)
    assert bench.events(run_id).count("run.epoch") == 4
    assert worker.running
    assert scheduler.running


def test_a_restart_of_redis_does_not_touch_a_training(own, faulty):
    processes, bench = faulty
    scheduler, worker = processes.scheduler(), processes.worker("one")
    (run_id,) = bench.submit(**LONG)
    bench.reaches(run_id, 1)
    own.valkey.stop()
    scheduler.says("Redis is away")
    bench.reaches(run_id, bench.run(run_id).epoch + 1)
    (waiting,) = bench.submit()
    late = processes.worker("late", ready=False)
    late.says("Cannot connect to redis")
    own.valkey.start()
    late.says("ready.")
    assert bench.ends(run_id).status == bench.ends(waiting).status == "completed"
    assert bench.outcomes(run_id) == ["completed"]
    (later,) = bench.submit()
    assert bench.ends(later).status == "completed"
    assert worker.running


def test_a_worker_survives_a_child_that_dies_before_it_is_ready(own, faulty):
    processes, bench = faulty
    own.valkey.stop()  # so that the child has died for certain when the worker is connected
    worker = processes.worker("one", ready=False)
    worker.says("Cannot connect to redis")
    (child,) = worker.children()
    os.kill(child, signal.SIGKILL)
    own.valkey.start()
    worker.says("ready.")
    (run_id,) = bench.submit()
    assert bench.ends(run_id).status == "completed"
    assert worker.running
