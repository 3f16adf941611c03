"""A child that the kernel kills for memory: its run ends in a sentence, at once.

The kernel itself kills here, in a control group of the test's own. Making one takes root and a
writable cgroup file system; elsewhere the test is skipped, and tests/service/runs/test_memory.py
and tests/workers/training/test_machine_memory.py are what is left.
"""

import contextlib
from pathlib import Path

import pytest

from service.statuses import ENDED
from tests.support.processes import Processes, wait_for
from tests.support.run_rows import Looks
from tests.support.small_experiments import SMALL, ring, submit

pytestmark = pytest.mark.slow

_LIMIT_BYTES = 700 * 2**20

#: Its first batch needs some 3 GB.
HUGE = SMALL | {
    "dataset": {"name": "mnist", "train_size": 4000, "test_size": 100},
    "model": "mnist_cnn",
    "batch_size": 3000,
    "epochs": 1,
}


@contextlib.contextmanager
def limited_group():
    """Make a control group with a memory limit below this process' own; yield its folder."""
    own = {
        controllers: path.lstrip("/")
        for _, controllers, path in (
            line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()
        )
    }
    if "memory" in own:  # the first version of control groups
        group = Path("/sys/fs/cgroup/memory", own["memory"], "actinium-test")
        limit = group / "memory.limit_in_bytes"
    else:
        group = Path("/sys/fs/cgroup", own[""], "actinium-test")
        limit = group / "memory.max"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("no control group can be made here")
    try:
        if not limit.exists():
            pytest.skip("memory is not controlled here")
        limit.write_text(str(_LIMIT_BYTES))
        yield group
    finally:
        wait_for(lambda: not (group / "cgroup.procs").read_text(), what="the group is empty")
        group.rmdir()


def test_the_kernel_kills_for_memory_and_the_run_fails_with_the_reason(
    settings, sessions, tmp_path
):
    settings = settings.model_copy(
        update={"lease_seconds": 60.0, "worker_memory_bytes": 8_000_000_000}
    )
    looks = Looks(sessions)
    with limited_group() as group, Processes(settings, tmp_path / "logs") as processes:
        worker = processes.worker("one")
        for pid in (worker.pid, *worker.children()):
            (group / "cgroup.procs").write_text(str(pid))
        with sessions() as session:
            (run_id,) = submit(session, settings, **HUGE)
            ring(session, settings)
        wait_for(lambda: looks.run(run_id).status in ENDED, what="the run ends", seconds=50)
        run = looks.run(run_id)
        assert (run.status, run.failures) == ("failed", 1), worker.output
        assert "killed by signal 9 (SIGKILL) while it trained this run: the memory" in run.error
        assert "of the 8 GB that the worker has" in run.error
        assert looks.outcomes(run_id) == ["error"]
        with sessions() as session:
            (small,) = submit(session, settings)
            ring(session, settings)
        wait_for(lambda: looks.run(small).status in ENDED, what="another ends", seconds=60)
        assert looks.run(small).status == "completed"
        assert worker.running
