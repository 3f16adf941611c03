"""What a file becomes: the same data in every format, columns, splits, missing values."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import train_test_split

from service.datasets.canonical import read
from service.datasets.meaning import FileLimits, FileMeaning
from service.datasets.parsing import parse
from service.datasets.problems import FileError
from tests.support.paths import ROOT
from tests.support.upload_files import digits, digits_in, png, zipped
from workers.datasets.churn import churn

CHURN = ROOT / "data" / "churn" / "churn_modelling.csv"


def parsed(path: Path, **meaning):
    output = path.with_name(f"{path.name}.out")
    if path == CHURN:
        output = Path(meaning.pop("output"))
    understood = parse(path, FileMeaning(**meaning), FileLimits(), output)
    return understood, read(output)


def text(tmp_path: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


ROWS = "".join(f"{row},{row % 7},{'yn'[row % 2]}\n" for row in range(3, 43))


def test_the_same_digits_are_one_data_set_in_every_format(tmp_path):
    found = {
        kind: parsed(
            digits_in(kind, tmp_path / kind),
            image_shape="8x8" if kind in {"csv", "parquet", "flat_npz"} else None,
        )
        for kind in ("csv", "parquet", "npz", "flat_npz", "idx", "png")
    }
    assert len({understood.sha256 for understood, _ in found.values()}) == 1
    understood, data = found["png"]
    assert understood.input_shape == [1, 8, 8]
    assert (understood.train_count, understood.test_count) == (1437, 360)
    assert [named.name for named in understood.classes] == [str(digit) for digit in range(10)]
    pixels, labels = digits()
    stored = np.concatenate([data.train_inputs, data.test_inputs])[:, 0]
    targets = np.concatenate([data.train_targets, data.test_targets])
    assert sorted(map(bytes, stored)) == sorted(map(bytes, pixels))
    known = {bytes(image): label for image, label in zip(pixels, labels, strict=True)}
    assert [known[bytes(image)] for image in stored] == targets.tolist()


def test_the_churn_table_is_the_built_in_one_bit_for_bit(tmp_path):
    _, data = parsed(CHURN, output=tmp_path / "out", target="Exited", stratified=False)
    built_in = churn(ROOT / "data", train_size=8000, test_size=2000)
    np.testing.assert_array_equal(data.train_inputs, built_in.train_inputs)
    np.testing.assert_array_equal(data.test_inputs, built_in.test_inputs)
    np.testing.assert_array_equal(data.train_targets, built_in.train_labels)
    np.testing.assert_array_equal(data.test_targets, built_in.test_labels)


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_scikit_learns_tables_as_csv_are_their_numbers(tmp_path, load):
    frame = load(as_frame=True).frame
    frame.to_csv(tmp_path / "table.csv", index=False)
    understood, data = parsed(tmp_path / "table.csv", stratified=False)
    inputs, targets = load(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        inputs, targets, test_size=0.2, random_state=0
    )
    np.testing.assert_array_equal(data.train_inputs, x_train)
    np.testing.assert_array_equal(data.test_inputs, x_test)
    np.testing.assert_array_equal(data.train_targets, y_train)
    np.testing.assert_array_equal(data.test_targets, y_test)
    assert understood.target == "target"
    assert understood.task == ("binary" if load is load_breast_cancer else "classification")
    assert understood.features[0].maximum == inputs[:, 0].max()


def test_a_stratified_split_has_the_shares_of_the_classes(tmp_path):
    labels = "a" * 70 + "b" * 20 + "c" * 10
    path = text(
        tmp_path, "x,y\n" + "".join(f"{row * row},{one}\n" for row, one in enumerate(labels))
    )
    understood, data = parsed(path, test_share=0.25)
    assert [(one.train, one.test) for one in understood.classes] == [(52, 18), (15, 5), (8, 2)]
    together = np.concatenate([data.train_inputs, data.test_inputs])[:, 0]
    np.testing.assert_array_equal(np.sort(together), np.arange(100.0) ** 2)


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-8", "|")],
)
def test_separators_and_encodings_are_found_out(tmp_path, encoding, separator):
    rows = [["年龄", "城市", "流失"]] + [
        [str(20 + row), f'"{"北京" if row % 3 else "上海, 浦东"}"', "是否"[row % 2]]
        for row in range(30)
    ]
    content = "\r\n".join(separator.join(row) for row in rows).encode(encoding)
    understood, data = parsed(text(tmp_path, content))
    assert understood.details["separator"] == separator
    assert understood.details["encoding"] == encoding.removesuffix("-sig")
    assert understood.inputs == ["城市=北京", "年龄"]
    assert [one.name for one in understood.classes] == ["否", "是"]
    assert set(data.train_inputs[:, 0]) == {0.0, 1.0}


def test_decimal_commas_are_numbers_behind_semicolons(tmp_path):
    content = "a;b\n" + "".join(f"{row},5;{row % 2}\n" for row in range(10))
    understood, _ = parsed(text(tmp_path, content))
    assert (understood.features[0].minimum, understood.features[0].maximum) == (0.5, 9.5)


def test_a_table_without_names_has_numbered_columns(tmp_path):
    content = "".join(f"{row * 2.5},{row % 2}\n" for row in range(10))
    understood, data = parsed(text(tmp_path, content))
    assert understood.target == "column_2"
    assert len(data.train_inputs) + len(data.test_inputs) == 10


def test_missing_values_are_refused_filled_or_dropped(tmp_path):
    rows = [f"{row},{'red' if row % 3 else 'blue'},{row % 2}" for row in range(5, 45)]
    rows[3], rows[10], rows[11] = ",red,0", "15,NA,1", "?,red,0"
    path = text(tmp_path, "size,colour,y\n" + "\n".join(rows))
    with pytest.raises(
        FileError, match=r"'size' has no value in line 5 and 1 other rows"
    ) as refused:
        parsed(path)
    assert refused.value.location == ("query", "missing")
    dropped, data = parsed(path, missing="drop")
    assert (dropped.dropped_rows, len(data.train_inputs) + len(data.test_inputs)) == (3, 37)
    filled, data = parsed(path, missing="impute", shuffled=False)
    assert (filled.filled_values, filled.dropped_rows) == (3, 0)
    known = [float(row.split(",")[0]) for row in rows[:32] if row.split(",")[0] not in {"", "?"}]
    assert data.train_inputs[3, 1] == np.median(known)
    assert data.train_inputs[10, 0] == 1.0, "most are red"


def test_what_test_rows_say_changes_no_training_row(tmp_path):
    rows = [f"{row},{'ab'[row % 2]},{row % 2}" for row in range(2, 42)]
    rows[0] = ",a,0"
    _, before = parsed(
        text(tmp_path, "x,c,y\n" + "\n".join(rows)), missing="impute", shuffled=False
    )
    rows[-1] = "1e6,z,1"
    understood, after = parsed(
        text(tmp_path, "x,c,y\n" + "\n".join(rows)), missing="impute", shuffled=False
    )
    np.testing.assert_array_equal(before.train_inputs, after.train_inputs)
    assert after.test_inputs[-1].tolist() == [0.5, 1e6]
    assert understood.notes == ["Test rows with a category of c that no training row has: 1."]


def test_a_column_or_a_second_file_decides_the_split(tmp_path):
    lines = [f"{row * 2},{row % 3},{'test' if row % 4 == 0 else 'train'}" for row in range(40)]
    by_column, one = parsed(
        text(tmp_path, "x,y,part\n" + "\n".join(lines)), target="y", split_column="part"
    )
    assert (by_column.split.by, by_column.test_count) == ("column", 10)
    with pytest.raises(FileError, match="'part' says 'maybe' in line 3"):
        parsed(
            text(tmp_path, "x,y,part\n" + "\n".join([lines[0], "1,1,maybe"])),
            target="y",
            split_column="part",
        )
    assert sorted(one.test_inputs[:, 0]) == list(range(0, 80, 8))
    files = {
        f"{part}.csv": ("x,y\n" + "\n".join(x[: x.rindex(",")] for x in lines if x.endswith(part)))
        for part in ("train", "test")
    }
    by_file, other = parsed(
        zipped(tmp_path / "two.zip", {name: x.encode() for name, x in files.items()})
    )
    assert (by_file.split.by, by_file.test_count) == ("file", 10)
    assert sorted(other.test_inputs[:, 0]) == sorted(one.test_inputs[:, 0])


def test_identifiers_are_left_out_and_told(tmp_path):
    content = "row,name,size,y\n" + "".join(
        f"{row},customer {row},{row % 5},{row % 2}\n" for row in range(1, 101)
    )
    understood, _ = parsed(text(tmp_path, content))
    assert understood.inputs == ["size"]
    assert {one.name: one.reason.split(";")[0] for one in understood.left_out} == {
        "row": "it numbers the rows",
        "name": "100 different texts",
    }


def test_numbers_can_be_categories(tmp_path):
    path = text(tmp_path, "a,b,y\n" + ROWS)
    understood, data = parsed(path, categorical=["b"], leave_out=["a"])
    assert understood.inputs == [f"b={number}" for number in range(7)]
    assert (data.train_inputs.sum(axis=1) == 1).all()


def test_colour_images_keep_their_channels_and_sizes_are_told(tmp_path):
    rng = np.random.default_rng(0)
    images = {
        f"{part}/{kind}/{number}.png": png(rng.integers(0, 255, (6, 5, 3), dtype=np.uint8))
        for part in ("train", "test")
        for kind in ("cat", "dog")
        for number in range(4)
    }
    understood, data = parsed(zipped(tmp_path / "pets.zip", images))
    assert (understood.input_shape, understood.split.by) == ([3, 6, 5], "file")
    assert data.test_inputs.shape == (8, 3, 6, 5)
    assert understood.preview.thumbnails[0].image.startswith("data:image/png;base64,")
    images["train/cat/9.png"] = png(np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(FileError, match="different sizes: 6x5"):
        parsed(zipped(tmp_path / "pets.zip", images))
    resized, _ = parsed(zipped(tmp_path / "pets.zip", images), image_shape="4x4")
    assert resized.input_shape == [3, 4, 4]


def test_pandas_writes_the_same_data_set_as_csv_and_parquet(tmp_path):
    frame = pd.DataFrame(
        {
            "x": np.random.default_rng(1).normal(size=50),
            "flag": np.arange(50) % 3 == 0,
            "kind": pd.Categorical(["b", "a"] * 25),
            "y": ["u", "v"] * 25,
        }
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.set_index(frame.index * 2).to_parquet(tmp_path / "a.parquet")
    (first, _), (second, _) = parsed(tmp_path / "a.csv"), parsed(tmp_path / "a.parquet")
    assert first.sha256 == second.sha256


def table_of(targets) -> str:
    return "x,y\n" + "".join(f"{row * row % 17},{target}\n" for row, target in enumerate(targets))


@pytest.mark.parametrize(
    ("targets", "task"),
    [
        ([row / 7 for row in range(60)], "regression"),
        ([25 + row * 37 % 320 for row in range(400)], "regression"),
        ([row % 10 for row in range(400)], "classification"),
        ([row % 100 for row in range(3000)], "classification"),
        ([row % 4 / 2 for row in range(100)], "classification"),
        ([row % 2 for row in range(100)], "binary"),
    ],
)
def test_many_different_numbers_are_a_quantity(tmp_path, targets, task):
    understood, data = parsed(text(tmp_path, table_of(targets)))
    assert understood.task == task
    assert bool(understood.notes) == (task == "regression")
    assert (data.train_targets.dtype.kind == "f") == (task == "regression")
    assert (data.classes == ()) == (task == "regression")


def test_what_the_client_says_of_the_task_wins(tmp_path):
    path = text(tmp_path, table_of([row % 3 for row in range(90)]))
    understood, data = parsed(path, task="regression")
    assert (understood.task, understood.classes, understood.notes) == ("regression", [], [])
    targets = np.concatenate([data.train_targets, data.test_targets])
    assert sorted(targets) == sorted(row % 3 for row in range(90))
    path = text(tmp_path, table_of([row % 30 / 4 for row in range(90)]))
    assert parsed(path)[0].task == "regression"
    understood, _ = parsed(path, task="classification")
    assert (understood.task, len(understood.classes)) == ("classification", 30)
    assert parsed(path, categorical=["y"])[0].task == "classification"


def test_the_facts_of_numbers_say_what_a_network_has_to_beat(tmp_path):
    understood, data = parsed(text(tmp_path, table_of([row**1.5 for row in range(100)])))
    known = understood.targets
    assert known is not None
    errors = data.test_targets - data.train_targets.mean()
    assert known.test_rmse == pytest.approx(np.sqrt(np.square(errors).mean()))
    assert known.test_mae == pytest.approx(np.abs(errors).mean())
    assert (known.mean, known.deviation) == (data.train_targets.mean(), data.train_targets.std())


@pytest.mark.parametrize(
    ("targets", "parameter", "sentence"),
    [
        ([f"n{row % 2}" for row in range(50)], "task", "has texts, as 'n0'"),
        ([5] * 50, "target", "nothing to predict"),
    ],
)
def test_what_is_no_target_of_a_regression_is_refused(tmp_path, targets, parameter, sentence):
    with pytest.raises(FileError, match=sentence) as refused:
        parsed(text(tmp_path, table_of(targets)), task="regression")
    assert refused.value.location == ("query", parameter)
