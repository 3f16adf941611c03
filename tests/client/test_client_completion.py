"""The command line completes itself in every shell it names."""

import os
import subprocess
import sys

import pytest

from tests.support.paths import ROOT


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_each_shell_is_there(shell):
    result = subprocess.run(
        [sys.executable, "-m", "actinium"],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "client"),
            "_ACTINIUM_COMPLETE": f"{shell}_source",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert "_ACTINIUM_COMPLETE" in result.stdout
