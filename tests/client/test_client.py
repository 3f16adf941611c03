"""The client against a real service: what is asked for is what comes back."""

import csv
import math
import sys
import threading
import time
import uuid

import numpy as np
import pytest
from ipykernel.kernelapp import IPKernelApp
from pydantic import SecretStr

import actinium
from actinium import ApiError, Client, UnreachableError
from actinium.progress import waiting_display
from tests.support.served_api import serving

NAN, INF = float("nan"), float("inf")


def test_a_spec_and_keywords_make_one_experiment(client, lab):
    spec = {"activation": ["relu", {"name": "leaky_relu", "negative_slope": 0.2}], "epochs": 9}
    made = client.submit(spec, epochs=2, seeds=3, tags={"course": "dl"})
    assert made["runs"]["total"] == 6
    stored = client.experiment(made)
    assert stored["spec"]["epochs"] == 2
    assert stored["spec"]["activation"][1]["negative_slope"] == 0.2
    assert [found["id"] for found in client.experiments(tag="course:dl")] == [made["id"]]
    assert list(client.experiments(tag="course:other")) == []
    assert len(lab.runs(uuid.UUID(made["id"]))) == 6


def test_numbers_of_numpy_and_pandas_are_numbers_of_a_spec_and_of_a_filter(client, lab):
    made = client.submit(
        activation="relu",
        optimizer=[
            {"name": "sgd", "learning_rate": rate} for rate in np.array([0.5, 0.25], np.float32)
        ],
        dropout=np.float32(0.25),
        epochs=np.int64(2),
        seeds=np.arange(3),
    )
    assert client.submit(activation="elu", seeds=range(2), epochs=1)["runs"]["total"] == 2
    spec = client.experiment(made)["spec"]
    assert [optimizer["learning_rate"] for optimizer in spec["optimizer"]] == [0.5, 0.25]
    assert (spec["seeds"], spec["epochs"]) == ([0, 1, 2], 2)
    assert len(list(client.runs(made, seed=np.array([0, 2])))) == 4
    assert len(list(client.runs(made, seed={1}, status=("queued", "running")))) == 2
    with pytest.raises(ApiError, match="/optimizer"):
        client.submit(activation="relu", optimizer={"name": "sgd", "learning_rate": NAN})


def test_a_dry_run_tells_all_and_stores_nothing(client):
    plan = client.dry_run(activation=["relu", "elu"], seeds=5, epochs=1)
    assert (plan["runs"], plan["configurations"]) == (10, 2)
    assert plan["cost"]["seconds"] > 0
    assert list(client.experiments()) == []


def test_predictions_come_with_numbers_beside_their_sentences(client, lab):
    (planned,) = client.dry_run(activation="relu", epochs=1)["items"]
    prediction = planned["prediction"]
    assert prediction["depth_scale"] == INF
    assert prediction["sentence"].startswith("Over 3 hidden layers")
    assert prediction["layers"][0]["name"] == "conv_1"
    (unknown,) = client.dry_run(activation="relu", initializer="zeros", epochs=1)["items"]
    assert unknown["prediction"] is None
    lab.submit(activation="relu", epochs=1)
    found = client.prediction(lab.taken().run_id)
    assert found["prediction"] == prediction
    assert found["initializer_reason"] == planned["initializer_reason"]


def test_lists_are_given_whole_whatever_the_page(client, lab):
    experiment = lab.submit(activation=["relu", "elu", "tanh"], seeds=3)
    lab.submit()
    expected = [str(run.id) for run in lab.runs(experiment)]
    for page_size in (1, 2, 4, 9, 100):
        runs = client.runs(experiment, order_by="position", page_size=page_size)
        assert [run["id"] for run in runs] == expected
    only = client.runs(experiment, activation=["relu", "tanh"], seed=[0, 2])
    assert {(run["config"]["activation"]["name"], run["seed"]) for run in only} == {
        (activation, seed) for activation in ("relu", "tanh") for seed in (0, 2)
    }


def test_non_finite_numbers_come_back_as_numbers_and_names_stay_names(client, lab):
    experiment = lab.submit(name="NaN", tags={"NaN": "Infinity"}, description="-Infinity")
    claim = lab.taken()
    lab.epoch(claim, 1, val_loss=INF, gradient_norm=1e300)
    lab.epoch(claim, 2, "diverged", loss=NAN, val_loss=-INF)
    stored = client.experiment(experiment)
    assert (stored["name"], stored["tags"]) == ("NaN", {"NaN": "Infinity"})
    assert stored["description"] == "-Infinity"
    (run,) = client.runs(experiment)
    assert run["status"] == "diverged"
    assert math.isnan(run["final"]["loss"])
    history = client.history(run)
    assert history["epoch"] == [1, 2]
    assert history["metrics"]["val_loss"] == [INF, -INF]
    assert history["metrics"]["loss"][0] == 1.0
    assert math.isnan(history["metrics"]["loss"][1])
    assert history["metrics"]["gradient_norm"] == [1e300, 2.0]
    (same,) = client.histories(experiment)
    assert same["run_id"] == run["id"]
    assert same["metrics"]["val_loss"] == [INF, -INF]
    (shown,) = [event for event in client.events(experiment) if event["type"] == "run.finished"]
    assert shown["data"]["val_loss"] == -INF


def test_a_history_can_be_asked_for_in_part(client, lab):
    lab.submit(epochs=9)
    lab.train_all()
    (run,) = client.runs()
    part = client.history(run, metrics=["loss", "val_loss"], from_epoch=4)
    assert part["epoch"] == [4, 5, 6, 7, 8, 9]
    assert list(part["metrics"]) == ["loss", "val_loss"]
    assert len(client.history(run["id"], max_points=3)["epoch"]) <= 3


def test_histories_make_one_table(client, lab):
    experiment = lab.submit(activation=["relu", "elu"], seeds=2)
    lab.train_all()
    table = actinium.columns(client.histories(experiment))
    assert {len(values) for values in table.values()} == {2 * 2 * 2}
    assert table["epoch"] == [1, 2] * 4
    assert table["activation"] == ["relu"] * 4 + ["elu"] * 4
    assert table["seed"] == [0, 0, 1, 1] * 2
    pandas = pytest.importorskip("pandas")
    frame = actinium.dataframe(client.histories(experiment))
    assert isinstance(frame, pandas.DataFrame)
    assert frame.groupby("activation")["val_accuracy"].mean().to_dict() == {
        "relu": 0.25,
        "elu": 0.25,
    }
    one = actinium.dataframe(client.history(next(client.runs(experiment))))
    assert one["loss"].tolist() == [1.0, 1.0]


def test_a_table_is_whole_where_runs_record_different_metrics():
    histories = [
        {"run_id": "a", "seed": 0, "epoch": [1, 2], "metrics": {"loss": [0.5, NAN]}},
        {"run_id": "b", "seed": 1, "epoch": [1], "metrics": {"val_loss": [0.25]}},
    ]
    table = actinium.columns(histories)
    assert table["val_loss"] == [None, None, 0.25]
    assert table["loss"][0] == 0.5
    assert table["loss"][2] is None
    assert table["run_id"] == ["a", "a", "b"]


def test_wait_returns_at_the_end_and_not_before(client, lab):
    experiment = lab.submit(seeds=2)
    lab.train(lab.taken())
    with pytest.raises(TimeoutError, match=str(experiment)):
        client.wait(experiment, timeout=0.5)
    last = threading.Timer(1.0, lab.train_all)
    began = time.monotonic()
    last.start()
    ended = client.wait(experiment)
    assert 0.9 < time.monotonic() - began < 15
    assert (ended["status"], ended["runs"]["completed"]) == ("completed", 2)
    last.join()


def test_a_wait_shows_its_progress_when_asked(client, lab, capsys):
    experiment = lab.submit(seeds=2)
    lab.train_all()
    client.wait(experiment, progress=True)
    assert capsys.readouterr() == ("", "2 of 2 runs, 100%\n")
    client.wait(experiment)
    assert capsys.readouterr() == ("", "")


def test_a_wait_without_a_terminal_writes_a_line_a_change(client, lab, capsys):
    experiment = lab.submit(seeds=2, epochs=10)
    with waiting_display(wanted=True) as display:
        for step in range(3):
            display.show(client.experiment(experiment))
            display.show(client.experiment(experiment))
            if step < 2:
                lab.train(lab.taken())
    listed = [line.split("%")[0] for line in capsys.readouterr().err.splitlines()]
    assert listed == ["2 runs waiting for a worker, 0", "1 of 2 runs, 50", "2 of 2 runs, 100"]


def test_a_program_that_imports_a_kernel_is_no_notebook(client, lab, capsys):
    """As whatever runs notebooks does: the tests of the documentation, too."""
    assert "ipykernel.kernelapp" in sys.modules
    experiment = lab.submit()
    lab.train_all()
    with waiting_display(wanted=True) as display:
        display.show(client.experiment(experiment))
    assert capsys.readouterr().err == "1 of 1 run, 100%\n"


def test_a_wait_in_a_notebook_is_a_bar_of_text(client, lab, capsys, monkeypatch):
    monkeypatch.setattr(IPKernelApp, "initialized", lambda: True)
    experiment = lab.submit(seeds=2)
    lab.train(lab.taken())
    with pytest.raises(TimeoutError):
        client.wait(experiment, timeout=0.1)
    assert capsys.readouterr().out.startswith("\r██████████░░░░░░░░░░ 1 of 2 runs, 50%")
    lab.train_all()
    client.wait(experiment)
    assert capsys.readouterr().out == f"\r{'█' * 20} 2 of 2 runs, 100%\n"


def test_cancel_retry_and_delete(client, lab):
    experiment = lab.submit(seeds=2)
    first, second = lab.runs(experiment)
    assert client.cancel_run(first.id)["status"] == "cancelled"
    assert client.cancel(experiment)["runs"]["cancelled"] == 2
    assert client.retry(experiment)["runs"]["queued"] == 2
    with pytest.raises(ApiError) as refused:
        client.delete(experiment)
    assert refused.value.status == 409
    lab.train_all()
    assert client.delete(experiment) is None
    with pytest.raises(ApiError) as gone:
        client.run(second.id)
    assert gone.value.status == 404


def test_a_refusal_names_every_field_and_what_would_be_right(client):
    with pytest.raises(ApiError) as refused:
        client.submit(activation=["relu", "rleu"], epochs=-1)
    error = refused.value
    assert (error.status, error.title) == (422, "The request cannot be used")
    assert error.type == "urn:actinium:problem:invalid"
    assert {error["pointer"] for error in error.errors} == {"/activation/1", "/epochs"}
    lines = str(error).splitlines()
    assert any(line.startswith("/activation/1: ") and "'relu'" in line for line in lines)
    assert error.request_id
    with pytest.raises(ApiError, match=r"There is no experiment") as missing:
        client.experiment(uuid.uuid4())
    assert missing.value.errors == []


def test_a_key_is_sent_and_taken_from_the_environment(settings, lab, monkeypatch):
    monkeypatch.delenv("ACTINIUM_KEY", raising=False)
    with serving(settings.model_copy(update={"api_key": SecretStr("act_secret")})) as served:
        with Client(served.url) as client, pytest.raises(ApiError) as refused:
            next(client.experiments())
        assert refused.value.status == 401
        with Client(served.url, "act_secret") as client:
            assert list(client.experiments()) == []
            assert repr(client) == f"Client({served.url!r})"
        monkeypatch.setenv("ACTINIUM_URL", f"{served.url}/")
        monkeypatch.setenv("ACTINIUM_KEY", "act_secret\n")
        with Client() as client:
            assert list(client.experiments()) == []


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://", "localhost"])
def test_an_address_that_is_none_is_refused_at_once(url):
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:8000"):
        Client(url)


def test_a_service_that_is_away_is_told_in_one_sentence():
    retries = actinium.Retries(attempts=2, first_pause=0.01)
    with (
        Client("http://127.0.0.1:9", retries=retries) as client,
        pytest.raises(UnreachableError, match=r"No answer from http://127\.0\.0\.1:9"),
    ):
        client.submit(activation="relu")


def test_comparison_pictures_and_catalog(client, lab, tmp_path):
    experiment = lab.submit(activation=["relu", "elu"], seeds=3)
    for number in range(6):
        lab.train(lab.taken(), val_accuracy=0.9 + number / 100)
    comparison = client.comparison(experiment)
    assert [group["by"]["activation"] for group in comparison["groups"]] == ["elu", "relu"]
    assert comparison["groups"][0]["mean"] == pytest.approx(0.94)
    assert [group["word"] for group in comparison["groups"]] == ["leads", "worse"]
    assert [seed["seed"] for seed in comparison["groups"][0]["seeds"]] == [0, 1, 2]
    best = client.comparison(experiment, metric="val_loss", at="best", by=["activation"])
    assert best["higher_is_better"] is False
    elu = {"activation": "elu"}
    against = client.comparison(experiment, margin=0.5, against=elu, average="clipping")
    assert [group["word"] for group in against["groups"]] == ["reference", "worse"]
    assert (against["margin"], against["average"]) == (0.5, ["clipping"])
    tuned = client.comparison(experiment, by="clipping", tune="activation")
    assert tuned["groups"][0]["chosen"] == elu
    assert [point["n"] for point in tuned["groups"][0]["curve"]["points"]] == [3, 3]
    figure = client.figure(experiment, "learning_curves", theme="dark", metric="val_accuracy")
    assert figure._repr_svg_().lstrip().startswith("<?xml") or "<svg" in figure._repr_svg_()
    assert figure._repr_png_() is None
    png = client.figure(experiment, "comparison", kind="png")
    assert png._repr_png_().startswith(b"\x89PNG")
    assert png._repr_svg_() is None
    assert png.save(tmp_path / "ranking.png").read_bytes() == png.data
    with pytest.raises(ValueError, match=r"ranking\.png"):
        png.save(tmp_path / "ranking.svg")
    run = next(client.runs(experiment))
    assert "<svg" in client.run_figure(run, "learning_curves")._repr_svg_()
    with pytest.raises(ApiError) as unknown:
        client.figure(experiment, "learning_curve")
    assert "learning_curves" in str(unknown.value)
    names = [axis["axis"] for axis in client.catalog()]
    assert {"activation", "initializer", "clipping"} <= set(names)
    assert "relu" in {entry["name"] for entry in client.catalog_axis("activation")}
    assert client.catalog_entry("activation", "leaky_relu")["parameters"]
    assert "<svg" in client.activation_figure("relu")._repr_svg_()


def test_an_export_is_what_the_service_streams(client, served, lab, tmp_path):
    experiment = lab.submit(activation=["relu", "elu"], seeds=2)
    lab.train_all(val_loss=NAN)
    path = client.export(experiment, tmp_path / "histories.csv")
    streamed = served.client.get(
        f"/v1/experiments/{experiment}/histories", headers={"Accept": "text/csv"}
    )
    assert path.read_bytes() == streamed.content
    rows = list(csv.DictReader(path.open()))
    assert len(rows) == 8
    assert {row["val_loss"] for row in rows} == {"NaN"}
    with pytest.raises(ValueError, match="csv, parquet, json"):
        client.export(experiment, tmp_path / "histories.xlsx")
    with pytest.raises(ApiError):
        client.export(uuid.uuid4(), tmp_path / "nothing.csv")
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["histories.csv"]


def test_attempts_are_listed(client, lab):
    lab.submit()
    lab.fail(lab.taken(), "Out of luck.")
    lab.train_all()
    listed = list(client.attempts(next(client.runs())))
    assert [(attempt["attempt"], attempt["outcome"]) for attempt in listed] == [
        (1, "error"),
        (2, "completed"),
    ]
    assert listed[0]["reason"] == "Out of luck."


def test_an_id_or_what_has_one_is_wanted(client):
    for nothing in ("", {}, {"id": None}, None, {"metrics": [0.5] * 100_000}):
        with pytest.raises(TypeError, match="An id") as refused:
            client.run(nothing)
        assert len(str(refused.value)) < 200
    with pytest.raises(ApiError):
        client.run("../experiments")
