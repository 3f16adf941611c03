"""A process whose event loop hangs ends, also where a thread holds the interpreter."""

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
import asyncio, re, time
from service.api.web.watchdog import watched_loop

def hold_the_interpreter():
    re.match(r"(a+)+$", "a" * 60 + "b")

def block_the_loop():
    time.sleep(600)

async def wait():
    await asyncio.sleep(4)

async def main():
    async with watched_loop(2):
        {does}
    print("went on")

asyncio.run(main())
"""


def run(does: str) -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(PROGRAM).replace("{does}", does)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("hang", ["hold_the_interpreter", "block_the_loop"])
def test_a_hung_loop_ends_the_process_and_says_where(hang: str) -> None:
    ended = run(f"await asyncio.sleep(0.5); {hang}()")
    assert ended.returncode == 1
    assert hang in ended.stderr
    assert "went on" not in ended.stdout


def test_a_loop_that_turns_is_left_alone() -> None:
    ended = run("await wait()")
    assert (ended.returncode, ended.stdout) == (0, "went on\n"), ended.stderr
