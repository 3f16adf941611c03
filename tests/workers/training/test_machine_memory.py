"""A worker knows its container's memory, and whether a process was killed for want of it."""

import pytest

from workers.training.machine_memory import MachineMemory


@pytest.fixture
def written(tmp_path):
    """Writes files of the kernel; returns what they tell."""

    def write(**files):
        for name, content in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        return MachineMemory(groups=tmp_path / "groups", proc=tmp_path / "proc")

    return lambda files: write(**files)


def test_without_groups_the_machine_is_the_limit(written):
    machine = written({}).limit_bytes()
    assert machine > 2**28
    assert written({"proc/self/cgroup": "0::/\n"}).limit_bytes() == machine


def test_the_least_limit_of_a_group_and_those_above_it_counts(written):
    files = {
        "proc/self/cgroup": "0::/user/worker\n",
        "groups/memory.max": "max\n",
        "groups/user/memory.max": "200000000\n",
        "groups/user/worker/memory.max": "300000000\n",
    }
    assert written(files).limit_bytes() == 200_000_000
    assert written({"groups/user/worker/memory.max": "100000000\n"}).limit_bytes() == 100_000_000


def test_a_container_of_the_first_version_sees_its_own_group_as_the_root(written):
    files = {
        "proc/self/cgroup": "5:cpu,cpuacct:/docker/0123\n4:memory:/docker/0123\n",
        "groups/memory/memory.limit_in_bytes": "150000000\n",
    }
    assert written(files).limit_bytes() == 150_000_000


@pytest.mark.parametrize(
    ("cgroup", "counter", "content"),
    [
        ("0::/worker\n", "groups/worker/memory.events", "low 0\noom 3\noom_kill {}\n"),
        ("4:memory:/a\n", "groups/memory/a/memory.oom_control", "under_oom 0\noom_kill {}\n"),
        ("", "proc/vmstat", "nr_free_pages 5\noom_kill {}\nnr_zone 2\n"),
    ],
)
def test_a_kill_for_memory_is_counted(written, cgroup, counter, content):
    memory = written({"proc/self/cgroup": cgroup, counter: content.format(7)})
    before = memory.kills()
    assert written({counter: content.format(8)}).kills() == before + 1


def test_kills_elsewhere_on_the_machine_do_not_count_where_a_group_tells(written):
    memory = written(
        {
            "proc/self/cgroup": "0::/worker\n",
            "groups/worker/memory.events": "oom_kill 1\n",
            "proc/vmstat": "oom_kill 5\n",
        }
    )
    before = memory.kills()
    written({"proc/vmstat": "oom_kill 6\n", "groups/memory.events": "oom_kill 9\n"})
    assert memory.kills() == before
