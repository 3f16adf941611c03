"""The command line, as a shell runs it: what it writes and how it exits."""

import json
import os
import subprocess
import sys
import uuid

import pytest
import yaml

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

UUID_LENGTH = 36
CLAIM = {
    "statement": "relu beats leaky relu",
    "better": {"activation": "relu"},
    "than": {"activation": "leaky_relu"},
}


def _json(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_flags_make_the_spec(actinium, client):
    made = _json(
        actinium(
            "run",
            *("--activation", "relu", "--activation", "leaky_relu:negative_slope=0.2"),
            *("--optimizer", '{"name": "sgd", "learning_rate": 0.1}', "--dropout", "0.5"),
            *("--model", "mlp:hidden_units=[10,5]", "--batch-size", "32", "--seeds", "3"),
            *("--epochs", "2", "--train-size", "640", "--test-size", "320", "--no-reuse"),
            *("--tag", "course:dl", "--name", "flags", "--layer-statistics", "off", "--json"),
            *("--early-stopping", "patience=1,metric=val_accuracy", "--claim", json.dumps(CLAIM)),
        )
    )
    assert made["runs"]["total"] == 6
    spec = client.experiment(made)["spec"]
    assert spec["activation"] == [
        {"name": "relu"},
        {"name": "leaky_relu", "negative_slope": 0.2},
    ]
    assert spec["model"][0]["hidden_units"] == [10, 5]
    assert (spec["dataset"][0]["train_size"], spec["dataset"][0]["test_size"]) == (640, 320)
    assert spec["optimizer"][0]["learning_rate"] == 0.1
    assert spec["dropout"][0] == {"name": "dropout", "rate": [0.5]}
    assert (spec["batch_size"], spec["seeds"], spec["epochs"]) == ([32], [0, 1, 2], 2)
    assert (spec["reuse"], spec["layer_statistics"]) == (False, "off")
    assert (spec["name"], spec["tags"]) == ("flags", {"course": "dl"})
    stopping = {"metric": "val_accuracy", "patience": 1, "min_delta": 0}
    assert spec["early_stopping"] == stopping
    assert [claim["statement"] for claim in spec["claims"]] == [CLAIM["statement"]]


def test_flags_make_variants_and_what_is_unreadable_is_refused(actinium, client):
    variants = [{"label": name, "activation": name} for name in ("relu", "tanh")]
    flags = [word for variant in variants for word in ("--variant", json.dumps(variant))]
    made = _json(actinium("run", *flags, "--early-stopping", "4", "--json"))
    spec = client.experiment(made)["spec"]
    assert [variant["label"] for variant in spec["variants"]] == ["relu", "tanh"]
    assert spec["early_stopping"]["patience"] == 4
    for flag, word, sentence in (
        ("--early-stopping", "soon", "write a number of epochs"),
        ("--claim", "[]", "is not a JSON object"),
        ("--variant", "{", "is not valid JSON"),
    ):
        refused = actinium("run", "--activation", "relu", flag, word)
        assert refused.returncode == 2
        assert sentence in refused.stderr


@pytest.mark.parametrize("ending", ["json", "yaml", "-"])
def test_a_file_is_a_spec_and_flags_win(actinium, client, tmp_path, ending):
    spec = {"activation": ["relu", "elu"], "epochs": 9, "seeds": [4, 5]}
    text = yaml.safe_dump(spec) if ending == "yaml" else json.dumps(spec)
    source = "-" if ending == "-" else f"spec.{ending}"
    if ending != "-":
        (tmp_path / source).write_text(text)
    made = _json(actinium("run", source, "--epochs", "1", "--json", given=text))
    stored = client.experiment(made)["spec"]
    assert (stored["epochs"], stored["seeds"], len(stored["activation"])) == (1, [4, 5], 2)


def test_a_preset_is_submitted_by_name(actinium, client):
    plan = _json(actinium("run", "block_initializers", "--seeds", "2", "--dry-run", "--json"))
    assert plan["runs"] == 2 * plan["configurations"]
    assert list(client.experiments()) == []
    made = _json(actinium("run", "block_initializers", "--size", "small", "--seeds", "1", "--json"))
    assert made["preset"] == {"name": "block_initializers", "size": "small"}
    claims = client.claims(made)["claims"]
    assert {claim["status"] for claim in claims} == {"inconclusive"}
    shown = actinium("show", made["id"])
    assert "inconclusive" in shown.stdout


def test_run_and_watch_end_with_the_ranking(actinium, worker):
    result = actinium(
        *("run", "--activation", "relu", "--activation", "elu", "--seeds", "2", "--epochs", "2"),
        "--watch",
    )
    assert result.returncode == 0, result.stderr
    assert "4 runs" in result.stdout
    assert "relu" in result.stdout
    assert "95% interval" in result.stdout


def test_a_failed_run_shows_in_the_exit_status_and_a_diverged_one_does_not(actinium, lab):
    diverged = lab.submit(activation="tanh")
    claim = lab.taken()
    lab.epoch(claim, 1, "diverged", val_loss=float("nan"))
    assert actinium("watch", str(diverged)).returncode == 0
    failed = lab.submit(activation="elu", max_attempts=1)
    lab.fail(lab.taken(), "Out of luck.")
    result = actinium("watch", str(failed))
    assert (result.returncode, "1 failed" in result.stdout) == (4, True)
    events = actinium("watch", "last", "--json")
    assert events.returncode == 4
    kinds = [json.loads(line)["type"] for line in events.stdout.splitlines()]
    assert kinds == [kind for kind, _ in lab.events(failed)]
    cancelled = lab.submit(activation="selu")
    assert actinium("cancel", str(cancelled)).returncode == 0
    assert actinium("watch", str(cancelled)).returncode == 4
    assert _json(actinium("retry", str(failed), "--json"))["runs"]["queued"] == 1


def test_a_run_is_cancelled_and_an_experiment_deleted(actinium, lab):
    experiment = lab.submit(seeds=2, name="[bold]mine", epochs=1)
    first, second = lab.runs(experiment)
    assert "will not start" in actinium("cancel", str(first.id)).stdout
    assert [run.status for run in lab.runs(experiment)] == ["cancelled", "queued"]
    assert "already ended" in actinium("cancel", str(first.id)).stdout
    refused = actinium("delete", "last", "--yes")
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    assert _json(actinium("cancel", str(second.id), "--json"))["status"] == "cancelled"
    asked = actinium("delete", "last", given="n\n")
    assert (asked.returncode, len(lab.runs(experiment))) == (130, 2)
    assert "Delete [bold]mine with 2 runs" in asked.stderr
    assert "Deleted [bold]mine" in actinium("delete", "last", given="y\n").stdout
    assert lab.runs(experiment) == []
    assert actinium("cancel", str(experiment)).returncode == 1


def test_what_is_shown_and_what_scripts_get(actinium, lab, tmp_path):
    experiment = lab.submit(activation=["relu", "leaky_relu"], seeds=2, name="[red]look", epochs=3)
    claim = lab.taken()
    lab.train(claim, val_accuracy=0.75, val_loss=float("inf"))
    lab.train_all(val_accuracy=0.5)
    result = actinium("ls")
    assert str(experiment) in result.stdout
    assert "[red]look" in result.stdout
    assert "Traceback" not in result.stderr
    assert [found["id"] for found in _json(actinium("ls", "--json"))] == [str(experiment)]
    runs = _json(actinium("runs", "last", "--json"))
    assert [run["seed"] for run in runs] == [0, 1, 0, 1]
    assert runs[0]["final"]["val_loss"] == "Infinity"
    table = actinium("runs", "last").stdout
    # With long labels beside them there is room for the ends of the ids, which name runs too.
    assert all(run["id"][-8:] in table for run in runs)
    assert "75.00%" in table
    assert "inf" in table
    assert len(_json(actinium("runs", "--activation", "relu", "--seed", "1", "--json"))) == 1
    assert _json(actinium("show", "last", "--json"))["id"] == str(experiment)
    shown = actinium("show", runs[0]["id"]).stdout
    assert "leaky_relu" not in shown
    assert "75.00%" in shown
    history = _json(actinium("history", runs[0]["id"], "--metric", "val_loss", "--json"))
    assert history["metrics"] == {"val_loss": ["Infinity"] * 3}
    assert actinium("history", runs[0]["id"]).stdout.count("inf") == 3
    comparison = _json(actinium("compare", "last", "--by", "activation", "--json"))
    assert [group["by"]["activation"] for group in comparison["groups"]] == ["relu", "leaky_relu"]
    assert actinium("compare", "last").stdout.startswith(comparison["headline"])
    assert actinium("export", "last", "all.csv").returncode == 0
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 1 + 12
    opened = _json(actinium("open", "last", "--json"))["url"]
    assert opened.endswith(str(experiment))


def test_an_experiment_is_renamed_annotated_and_archived(actinium, lab):
    experiment = str(lab.submit(name="n", tags={"a": "1", "b": "2"}))
    words = ("--name", "m", "--tag", "a:2", "--tag", "c:3", "--untag", "b", "--note", "odd")
    changed = _json(actinium("edit", "last", *words, "--archive", "--json"))
    assert (changed["name"], changed["note"], changed["archived"]) == ("m", "odd", True)
    assert changed["tags"] == {"a": "2", "c": "3"}
    assert _json(actinium("ls", "--json")) == []
    assert [found["id"] for found in _json(actinium("ls", "--archived", "--json"))] == [experiment]
    shown = actinium("edit", experiment[-8:], "--note", "", "--unarchive").stdout
    assert "odd" not in shown
    assert experiment in actinium("ls").stdout
    nothing = actinium("edit", "last")
    assert (nothing.returncode, "Say what to change" in nothing.stderr) == (2, True)


def test_what_there_is(actinium):
    axes = _json(actinium("catalog", "--json"))
    assert "activation" in [axis["axis"] for axis in axes]
    assert "leaky_relu" in actinium("catalog", "activation").stdout
    leaky_relu = actinium("catalog", "activation", "leaky_relu").stdout
    assert "negative_slope=0.01" in leaky_relu
    assert "What it solved:" in leaky_relu
    assert "Maas, Hannun & Ng 2013" in leaky_relu
    names = [preset["name"] for preset in _json(actinium("presets", "--json"))]
    assert "activation_showdown" in names
    assert "claims" in _json(actinium("presets", names[0], "--json"))
    assert names[0] in actinium("presets", names[0]).stdout


#: Commands that cannot be followed, how each exits, and what is said of it.
WRONG = [
    (["run", "--activation", "rleu"], 1, "did you mean 'relu'"),
    (["show", str(uuid.uuid4())], 1, "There is no experiment and no run"),
    (["show", "nope"], 1, "'nope' is not an id"),
    (["show", "12345678"], 1, "There is no experiment and no run 12345678"),
    (["watch", "12345678"], 1, "has an id that ends in 12345678"),
    (["history", "last"], 1, "Give a run's id"),
    (["ls", "--tag", "course"], 2, "write it as key:value"),
    (["compare", "last", "--against", "relu"], 2, "write it as axis:label"),
    (["compare", "last", "--target", "0.97"], 2, "write it as metric:value"),
    (["compare", "last", "--target", "val_accuracy:high"], 2, "write the target as val_accuracy"),
    (["run", "no_such_preset"], 1, "no_such_preset"),
    (["run", "missing.json"], 1, "missing.json cannot be read or written: no such file"),
    (["run", "broken.json"], 1, "broken.json is not valid JSON"),
    (["run", "broken.yaml"], 1, "broken.yaml is not valid YAML: expected ',' or ']'"),
    (["run", "list.yaml"], 1, "list.yaml holds no spec"),
    (["run", "folder.json"], 1, "folder.json cannot be read or written: is a directory"),
    (["run", "--activation", "{"], 2, "not valid JSON"),
    (["run", "--activation", "leaky_relu:negative_slope"], 2, "leaky_relu:negative_slope=0.2"),
    (["run", "--seeds", "few"], 2, "a count as 5"),
    (["run", "--tag", "course"], 2, "key:value"),
    (["run", "--activation", "relu", "--size", "small"], 2, "--size is for presets"),
    (["export", "last", "x.xlsx", "--format", "xlsx"], 2, "xlsx"),
    (["export", str(uuid.uuid4()), "x"], 2, "Which format"),
    (["show", "last"], 1, "There is no experiment yet"),
    (["watch", "--type", "run.finnished"], 1, "'run.finished'"),
    (["watch", "last", "--type", "run.finished"], 2, "for all experiments"),
    (["fly"], 2, "No such command"),
    (["--url", "http://[x", "ls"], 2, "is not the address of a service"),
]


def test_what_goes_wrong_is_a_sentence_and_a_status(actinium, tmp_path):
    (tmp_path / "broken.yaml").write_text("activation: [relu\nepochs: 3\n")
    (tmp_path / "broken.json").write_text('{"activation": [')
    (tmp_path / "list.yaml").write_text("[relu]")
    (tmp_path / "folder.json").mkdir()
    for words, status, sentence in WRONG:
        result = actinium(*words)
        assert (words, result.returncode, result.stdout) == (words, status, "")
        assert sentence in result.stderr, words
        assert "Errno" not in result.stderr
        if status == 1:
            assert result.stderr.count("\n") == 1, result.stderr


def test_a_service_that_is_away_is_a_status_of_its_own(actinium):
    result = actinium("ls", url="http://127.0.0.1:9")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr.startswith("No answer from http://127.0.0.1:9 (Connection refused).")
    assert result.stderr.count("\n") == 1
    assert actinium("ls", url="nowhere").returncode == 2


def test_the_shell_completes_what_the_service_knows(actinium, lab):
    def complete(*words: str, **more: str) -> list[str]:
        result = actinium(
            _ACTINIUM_COMPLETE="bash_complete",
            COMP_WORDS=" ".join(["actinium", *words]),
            COMP_CWORD=str(len(words)),
            **more,
        )
        return [line.partition(",")[2] for line in result.stdout.splitlines() if line]

    assert complete("run", "--activation", "leaky") == ["leaky_relu"]
    assert "activation_showdown" in complete("run", "activ")
    experiment = str(lab.submit())
    assert complete("watch", experiment[:4]) == [experiment]
    assert complete("wat") == ["watch"]
    assert complete("run", "--activation", "leaky", url="http://127.0.0.1:9") == []


def test_the_client_needs_nothing_of_the_service():
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, actinium.command; print(*{name.split('.')[0] for name in sys.modules})",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT / "client")},
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"service", "workers", "torch", "numpy", "pandas", "yaml", "pydantic", "sqlalchemy"}
    assert not heavy & set(result.stdout.split())


def test_a_frame_without_pandas_says_what_to_install():
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.modules['pandas'] = None; import actinium; "
            "actinium.dataframe({'run_id': 'a', 'epoch': [], 'metrics': {}})",
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT / "client")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (
        "ImportError: A DataFrame needs pandas: `pip install 'actinium[pandas]'`" in result.stderr
    )


def test_metrics_are_listed_and_shown_by_their_kind(actinium, client, lab):
    listed = {metric["name"]: metric for metric in client.metrics()}
    assert listed["val_accuracy"]["kind"] == "share"
    assert listed["val_loss"]["direction"] == "lower"
    shown = actinium("catalog", "metrics").stdout
    assert all(metric["title"] in shown for metric in listed.values())
    lab.submit(epochs=1)
    lab.train_all(clipped_fraction=0.5, val_accuracy=0.25, val_loss=0.125)
    table = actinium("history", str(next(client.runs())["id"])).stdout
    shares = {name for name, metric in listed.items() if metric["kind"] == "share"}
    assert {"clipped_fraction", "val_accuracy"} <= shares
    assert ("50.00%" in table, "25.00%" in table, "0.125" in table) == (True, True, True)


def test_names_cannot_command_the_terminal(actinium, lab):
    name = "a\x1b]0;title\x07 \x9b31m \u202ereversed"
    lab.submit(name=name, variants=[{"label": "v\x1b[31m"}], activation="relu")
    for words in (["ls"], ["show", "last"], ["runs", "last"], ["compare", "last"]):
        shown = actinium(*words).stdout
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown), words
    assert "a\u241b]0;title" in actinium("ls").stdout
    assert json.loads(actinium("ls", "--json").stdout)[0]["name"] == name
