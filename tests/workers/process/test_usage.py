"""What a worker's processes use, read of real processes."""

import os
import subprocess
import sys
from pathlib import Path

from workers.process.usage import usage_of

#: A process that holds 60 MB, and whose child holds 80 more; each computes, and says so.
_PARENT = """
import subprocess, sys
held = bytearray(b"x" * 60_000_000)
sum(range(10_000_000))
code = 'held = bytearray(b"x" * 80_000_000); sum(range(10_000_000))'
code += '; print("ready", flush=True); input()'
child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
input()
child.communicate(b"\\n")
print("ended", flush=True)
input()
"""


def test_the_memory_and_time_of_a_process_and_its_children_are_added_up():
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        both = usage_of(process.pid)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ended\n"
        alone = usage_of(process.pid)
        process.communicate("\n")
    assert both is not None
    assert alone is not None
    assert 150_000_000 < both.resident_bytes < 400_000_000
    assert 60_000_000 < alone.resident_bytes < both.resident_bytes - 75_000_000
    assert 0.05 < both.processor_seconds <= alone.processor_seconds, "the child's time is kept"


def test_nothing_is_known_where_the_kernel_tells_nothing(tmp_path: Path):
    assert usage_of(os.getpid(), tmp_path) is None
