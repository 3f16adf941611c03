"""What people read in a terminal of 80 columns: whole tables, verdicts, and true sentences."""

from dataclasses import replace

import pytest

from tests.support.layer_samples import SICK, insight

WIDTH = 80


#: Why the sick run has diverged.
DIVERGED = replace(SICK, outcome="diverged")


@pytest.fixture
def read(actinium):
    """Run a command that succeeds in a terminal of 80 columns, and give its lines."""

    def run(*words: str) -> list[str]:
        result = actinium(*words, COLUMNS=str(WIDTH))
        assert (result.returncode, result.stderr) == (0, "")
        lines = result.stdout.splitlines()
        assert max(map(len, lines)) <= WIDTH
        return [line.rstrip() for line in lines]

    return run


def _compared(lab):
    """Sixteen runs on four axes, of which one is sick."""
    made = lab.submit(
        name="which activation and which initializer, with and without normalization and clipping",
        activation=["tanh", {"name": "leaky_relu", "negative_slope": 0.2}],
        initializer=["glorot_uniform", "he_normal"],
        normalization=["none", "batch"],
        clipping=["none", {"name": "value", "threshold": 0.25}],
        seeds=[7],
    )
    claim = lab.taken()
    lab.start(claim, insight())
    lab.epoch(claim, 1)
    lab.epoch(claim, 2, "diverged", insight(diagnosis=DIVERGED), val_loss=float("nan"))
    lab.train_all()
    return made


def test_tables_fit_and_nothing_in_them_is_cut(read, lab):
    experiment = str(_compared(lab))
    (line,) = [line for line in read("ls") if experiment[-8:] in line]
    assert "completed" in line
    runs = read("runs", "last")
    sick, *others = [line for line in runs if " diverged " in line or " completed " in line]
    assert sick.endswith(" diverged")
    assert runs[runs.index(sick) + 1].endswith(f" {SICK.verdict}")
    start, end = runs[0].index("activation,"), runs[3].index("seed")
    place = " ".join(line[start:end].strip() for line in runs[5:8])
    assert place == "tanh, glorot_uniform, none, none"
    assert len(others) == 15
    ranked = read("compare", "last")
    assert ranked[3].split() == ["rank", "clipping", "n", "mean", "95%", "interval", "p", "notes"]
    assert len([line for line in ranked if line.endswith(("25.00%", "1 diverged"))]) == 16
    assert read("history", sick.split()[0])[-1].split()[0] == "2"
    planned = read("run", "--activation", "elu", "--activation", "tanh", "--dry-run")
    assert [line.split()[-2:] for line in planned[-2:]] == [["1", "0"], ["1", "0"]]
    shown = read("show", experiment[-8:])
    assert not [line for line in shown if "{" in line]
    facts = {line[:18].strip(): line[18:].strip() for line in shown}
    assert facts["activation"] == "tanh, leaky_relu(0.2)"
    assert facts["clipping"] == "none, value(0.25)"
    assert facts["verdicts"] == f"1 {SICK.verdict}"
    assert facts["created"].endswith(" UTC by test")
    assert facts["outcomes"] == "1 diverged"
    assert f" verdict              {SICK.verdict}" in read("show", sick.split()[0])


def test_what_is_stopped_or_has_nothing_to_show_is_not_said_to_be_done(read, lab):
    assert "There is no experiment yet" in read("ls")[0]
    assert "There is no run yet" in read("runs")[0]
    experiment = lab.submit(seeds=2)
    (run, _) = lab.runs(experiment)
    assert any("0%" in line for line in read("show", "last"))
    assert read("cancel", "last")[0] == "Cancelled: none of its runs is waiting or running."
    assert read("cancel", "last")[0] == "Cancelled: none of its runs is waiting or running."
    for words in (["ls"], ["show", "last"]):
        result = "\n".join(read(*words))
        assert "cancelled" in result
        assert "%" not in result
    assert "nothing can be ranked" in read("compare", "last")[-1]
    assert read("history", str(run.id)) == ["No epoch of this run is recorded."]
    assert read("runs", "last", "--seed", "9") == ["No run matches."]
    assert read("ls", "--tag", "course:dl") == ["No experiment matches; `actinium ls` lists all."]


def test_a_comparison_says_what_can_be_said(read, lab):
    lab.submit(seeds=2)
    lab.train_all()
    assert "There is no other configuration" in " ".join(read("compare", "last")[-2:])
    assert "nothing to retry" in read("retry", "last")[0]
    assert "It had already ended, completed" in read("cancel", "last")[0]
    lab.submit(activation=["elu", "tanh"])
    lab.train(lab.taken())
    assert "Only one configuration has a result" in " ".join(read("compare", "last")[-2:])
