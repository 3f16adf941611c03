"""``actinium watch``: one experiment, or all that happens, line by line, until Ctrl-C."""

import contextlib
import io
import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from itertools import islice

import pytest
from rich.console import Console

from actinium.progress import run_bars
from service.experiments.lifecycle import delete

#: What a command that was stopped by Ctrl-C exits with.
INTERRUPTED = 130

#: Takes Ctrl-C, also where these tests are run in a shell's background.
_AT_A_TERMINAL = ("env", "--default-signal=INT")


@pytest.fixture
def watching(environment):
    """Start the command, give its lines as they come, and stop it as Ctrl-C does."""

    @contextlib.contextmanager
    def start(*words: str, left: str = "") -> Iterator[Iterator[str]]:
        with subprocess.Popen(
            [*_AT_A_TERMINAL, sys.executable, "-m", "actinium", "watch", *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield (line.rstrip("\n") for line in process.stdout)
                process.send_signal(signal.SIGINT)
                rest, written = process.communicate(timeout=20)
            finally:  # or it would be waited for without an end
                process.kill()
        assert (process.returncode, rest, written.strip()) == (INTERRUPTED, "", left)

    return start


def test_scripts_get_every_event_of_every_experiment_as_a_line_of_json(watching, lab):
    lab.submit(activation="tanh", epochs=1)
    lab.train_all()
    with watching("--json") as lines:
        assert json.loads(next(lines))["type"] == "stream.opened"
        made = [lab.submit(seeds=2), lab.submit(activation="elu", epochs=1)]
        lab.train_all(val_loss=float("inf"))
        expected = [
            (str(experiment), kind) for experiment in made for kind, _ in lab.events(experiment)
        ]
        written = [json.loads(line) for line in islice(lines, len(expected))]
    pairs = [(event["data"]["experiment_id"], event["type"]) for event in written]
    assert sorted(pairs) == sorted(expected)
    finished = [event["data"] for event in written if event["type"] == "run.finished"]
    assert [run["val_loss"] for run in finished] == ["Infinity"] * 3


def test_people_read_a_line_an_event_and_choose_which(watching, lab):
    experiment = lab.submit(seeds=2)
    lab.train(lab.taken(), val_accuracy=0.75)
    lab.epoch(lab.taken(worker="[red]gpu"), 1, "diverged", val_accuracy=0.5)
    first, second = [str(run.id)[-8:] for run in lab.runs(experiment)]
    with watching("--after", "0", "--type", "run.finished", "--type", "run.started") as lines:
        written = [line.split("  ", 2) for line in islice(lines, 4)]
    assert {experiment_id for _, experiment_id, _ in written} == {str(experiment)}
    assert [what for *_, what in written] == [
        f"run.started          run …{first}: training on one",
        f"run.finished         run …{first}: completed, val 0.7500",
        f"run.started          run …{second}: training on [red]gpu",
        f"run.finished         run …{second}: diverged, val 0.5000",
    ]
    with watching("--after", "0") as lines:
        written = [line.split("  ", 2)[2] for line in islice(lines, len(lab.events(experiment)))]
    assert written[0] == "experiment.created   2 runs"
    assert written[-1] == "experiment.finished  1 completed, 1 diverged"


def test_whoever_leaves_an_experiment_is_told_that_it_goes_on(watching, lab):
    experiment = str(lab.submit())
    left = (
        f"Experiment {experiment} continues. `actinium watch {experiment[-8:]}` follows it again, "
        f"`actinium cancel {experiment[-8:]}` cancels it."
    )
    with watching(experiment[-8:], "--json", left=left) as lines:
        assert json.loads(next(lines))["type"] == "experiment.created"
    with watching("--after", "0", "--type", "experiment.deleted") as lines:
        lab.train_all()
        with lab.sessions() as session:
            delete(session, uuid.UUID(experiment))
        assert next(lines).split("  ", 1)[1] == f"{experiment}  experiment.deleted"


def test_a_bar_is_full_where_its_run_has_trained_to_the_end(client, lab):
    experiment = lab.submit(seeds=3, epochs=4)
    lab.train(lab.taken())
    claim = lab.taken()
    lab.epoch(claim, 1)
    lab.epoch(claim, 2, "diverged")
    client.cancel(experiment)
    screen = Console(file=io.StringIO(), force_terminal=True, no_color=True, width=80, record=True)
    runs = list(client.runs(experiment, order_by="position"))
    with run_bars(screen, runs) as bars:
        for event in client.events(experiment):
            bars.show(event)
    # Frames are written over each other: the last one is what stays.
    written = [line.rpartition("seed")[2] for line in screen.export_text().splitlines()[-3:]]
    ends = ("completed", "diverged", "cancelled")
    assert [end for end, line in zip(ends, written, strict=True) if end in line] == list(ends)
    assert [line.count("━") for line in written] == [16, 8, 0]


def test_without_a_terminal_progress_is_a_line_a_change(actinium, lab):
    experiment = lab.submit(seeds=2)
    lab.train_all()
    written = actinium("watch", str(experiment))
    assert (written.returncode, written.stderr) == (0, "2 of 2 runs, 100%\n")
    assert "2 completed" in written.stdout
    stopped = lab.submit(activation="elu")
    assert actinium("cancel", str(stopped)).returncode == 0
    assert actinium("watch", str(stopped)).stderr == "1 of 1 run, 1 cancelled\n"
