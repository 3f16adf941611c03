"""What people read in a terminal of 80 columns: whole tables, verdicts, and true sentences."""

from dataclasses import replace

import pytest

from tests.support.layer_samples import SICK, insight

pytestmark = pytest.mark.slow

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


def test_an_experiment_and_a_run_have_one_line_each(read, lab):
    experiment = str(_compared(lab))
    heads, line = read("ls")[-3:], read("ls")[-1]
    assert line.startswith(experiment[-8:])
    assert "which activation" in line
    assert "…" in line
    assert len(heads) == 3
    runs = [line for line in read("runs", "last") if " diverged " in line or " completed " in line]
    assert read("runs", "last")[-16:] == runs
    assert runs[0].endswith(f" {SICK.verdict}")
    assert runs[0].split()[1].startswith("tanh,")


def test_tables_fit_and_nothing_in_them_is_missing(read, lab):
    experiment = str(_compared(lab))
    listed = read("runs", "last")
    sick, *others = [line for line in listed if " diverged " in line or " completed " in line]
    assert len(others) == 15
    ranked = read("compare", "last")
    assert " leads. Undecided: " in " ".join(ranked[:3])
    heading = ["rank", "clipping", "mean", "95%", "interval", "p", "result"]
    assert heading in [line.split() for line in ranked]
    assert len([line for line in ranked if "25.00%" in line]) == 15
    assert "1 diverged" in " ".join(line[-30:].strip() for line in ranked)
    assert read("history", sick.split()[0])[-1].split()[0] == "2"
    planned = read("run", "--activation", "elu", "--activation", "tanh", "--dry-run")
    assert [line.split()[-2:] for line in planned[-2:]] == [["1", "0"], ["1", "0"]]
    shown = read("show", experiment[-8:])
    assert not [line for line in shown if "{" in line]
    facts = {line[:18].strip(): line[18:].strip() for line in shown}
    assert facts["activation"] == "tanh, leaky_relu(negative_slope=0.2)"
    assert facts["clipping"] == "none, value(threshold=0.25)"
    assert facts["verdicts"] == f"1 {SICK.verdict}"
    assert facts["created"].endswith(" UTC by test")
    assert facts["outcomes"] == "1 diverged"
    assert f" verdict              {SICK.verdict}" in read("show", sick.split()[0])


def test_losses_of_a_column_have_as_many_digits(read, lab):
    lab.submit(seeds=2, epochs=1)
    lab.train(lab.taken(), val_loss=2.3)
    lab.train(lab.taken(), val_loss=2.2914)
    lines = [line.split() for line in read("runs", "last") if " completed " in line]
    assert {"2.300", "2.291"} <= {word for words in lines for word in words}


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
    assert read("compare", "last")[0] == "No run has a value to compare yet."
    assert read("history", str(run.id)) == ["No epoch of this run is recorded."]
    assert read("runs", "last", "--seed", "9") == ["No run matches."]
    assert read("ls", "--tag", "course:dl") == ["No experiment matches; `actinium ls` lists all."]


def test_a_comparison_says_what_can_be_said(read, lab):
    lab.submit(seeds=2)
    lab.train_all()
    assert read("compare", "last")[0] == "There is one configuration only: nothing to compare."
    assert "nothing to retry" in read("retry", "last")[0]
    assert "It had already ended, completed" in read("cancel", "last")[0]
    lab.submit(activation=["elu", "tanh"])
    lab.train(lab.taken())
    shown = read("compare", "last")
    assert shown[0] == "elu leads. 1 has no result yet."
    assert [line for line in shown if line.endswith("no result yet; 1 unfinished")]
    assert "One seed says nothing of chance: nothing is tested." in " ".join(shown)


def test_what_a_comparison_says_is_in_its_table(read, actinium, lab):
    """A leader, one that is worse, one that trained with some seeds, and one with none."""
    lab.submit(activation=["relu", "elu", "selu", "tanh"], seeds=3, dataset="digits")
    for values in ([0.9, 0.91, 0.92], [0.8, 0.81, 0.82], [0.9, 0.92, None], [None] * 3):
        for value in values:
            claim = lab.taken()
            if value is None:
                lab.train(claim, "diverged")
            else:
                lab.train(claim, val_accuracy=value)
    shown = read("compare", "last")
    assert shown[0].startswith("relu leads. Undecided: selu")
    assert shown[0].endswith("1 is worse, 1 did not train.")
    rows = {name: " ".join(_row(shown, name)) for name in ("relu", "elu", "selu", "tanh")}
    assert rows["relu"].startswith("1 relu 91.00%")
    assert "leads" in rows["relu"]
    assert "worse by" in rows["elu"]
    assert "trained 2 of 3" in rows["selu"]
    assert rows["tanh"].startswith("- tanh")
    assert "did not train (0 of 3)" in rows["tanh"]
    assert "fails on up to 63% of seeds" in " ".join(shown)
    against = read("compare", "last", "--against", "activation:elu", "--margin", "0.05")
    assert against[0].startswith("Against elu. Better: relu.")
    wide = actinium("compare", "last", COLUMNS="160").stdout.splitlines()
    drawn = {name: next(line for line in wide if f"  {name} " in line) for name in rows}
    assert "●─" in drawn["relu"]
    assert [drawn["selu"].count(mark) for mark in "─•x"] == [0, 2, 1]


def _row(shown, name):
    """Return the words of a group's row, over all its lines."""
    first = next(index for index, line in enumerate(shown) if line.split()[1:2] == [name])
    own = [shown[first]]
    for line in shown[first + 1 :]:
        if line[:8].strip() or not line.strip():
            break
        own.append(line)
    return [word for line in own for word in line.split()]


def test_a_tuned_comparison_says_what_was_chosen(read, lab):
    rates = [{"name": "sgd", "learning_rate": rate} for rate in (0.01, 0.1)]
    lab.submit(activation=["relu", "elu"], optimizer=rates, seeds=3)
    for number in range(12):
        lab.train(lab.taken(), val_accuracy=0.5 + number / 100)
    shown = " ".join(read("compare", "last"))
    assert "learning rate 0.1" in shown
    assert "Each at its best learning rate, chosen on the other seeds." in shown
    averaged = read("compare", "last", "--by", "activation", "--average", "optimizer")
    assert "Averaged over optimizer within each seed." in " ".join(averaged)
    at_one = read("compare", "last", "--by", "optimizer", "--tune", "activation")
    assert "Each at its best activation" in " ".join(at_one)


def test_a_comparison_says_how_much_of_the_spread_is_of_the_data(read, lab):
    data = [{"name": "moons", "seed": seed} for seed in (1, 2)]
    lab.submit(activation=["relu", "elu"], dataset=data, model="mlp", seeds=2)
    for number in range(8):
        lab.train(lab.taken(), val_accuracy=0.5 + number / 100)
    shown = " ".join(read("compare", "last"))
    assert "Standard deviations within a configuration: 2.83% between draws of the data" in shown


def test_a_ranking_by_epochs_to_a_target_names_it_and_counts_those_that_reached_it(read, lab):
    lab.submit(activation=["relu", "tanh"], seeds=2)
    reached = {"relu": (1, 1), "tanh": (2, 3)}
    while claim := lab.claim():
        first = reached[claim.config["activation"]["name"]][claim.seed]
        for epoch in (1, 2):
            found = {"val_accuracy": 0.9 if epoch >= first else 0.5}
            lab.epoch(claim, epoch, "completed" if epoch == 2 else None, **found)
    lines = read("compare", "last", "--metric", "epochs_to", "--target", "val_accuracy:0.9")
    shown = " ".join(" ".join(lines).split())
    assert shown.startswith("relu leads. Undecided: tanh")
    assert "reached by 1 of 2" in shown
    assert "Epochs to the target: Validation accuracy 90.00%. Lowest first." in shown
    assert "such a run counts as 3" in shown
