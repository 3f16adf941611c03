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


def test_ids_are_completed_by_their_beginning_and_by_their_name(actinium, lab):
    first = lab.submit(name="a sweep")
    second = lab.submit(name="other")
    (one,), (other,) = (lab.runs(made) for made in (first, second))
    both = {str(one.id), str(other.id)}
    assert _completed(actinium, "actinium show ", "") == {str(first), str(second), *both}
    assert _completed(actinium, "actinium compare ", "swe") == {str(first)}
    assert _completed(actinium, "actinium history ", str(one.id)[:-1]) == {str(one.id)}
    assert _completed(actinium, "actinium cancel ", "seed 0") == both


def test_flags_complete_their_values(actinium):
    assert _completed(actinium, "actinium runs --status ", "di") == {"diverged"}
    assert _completed(actinium, "actinium runs --verdict ", "va") == {"vanishing"}
    assert _completed(actinium, "actinium runs --outcome ", "still") == {"still_learning"}
    assert "val_accuracy" in _completed(actinium, "actinium runs --order-by ", "val_acc")
    assert "-val_accuracy" in _completed(actinium, "actinium runs --order-by ", "")
    assert _completed(actinium, "actinium runs --activation ", "leaky") == {"leaky_relu"}
    assert _completed(actinium, "actinium compare last --by ", "clip") == {"clipping"}
    assert "val_loss" in _completed(actinium, "actinium compare last --metric ", "val_l")
    assert _completed(actinium, "actinium ls --status ", "com") == {"completed"}


def _completed(actinium, line, begun):
    """What a shell is told of a line whose last word is begun."""
    words = [*line.split(), begun]
    answer = actinium(
        _ACTINIUM_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(f'"{word}"' for word in words),
        COMP_CWORD=str(len(words) - 1),
    )
    lines = [found.partition(",")[2] for found in answer.stdout.splitlines()]
    return {found for found in lines if found}
