"""Specs as people write them: the meaning of YAML 1.2 and JSON, or a sentence."""

import math

import pytest

from actinium.command.choices import read_value
from actinium.command.spec_files import read_spec
from actinium.errors import ActiniumError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-28", "2026-11-28"),
        ("12:30:00", "12:30:00"),
        ("off", "off"),
        ("yes", "yes"),
        ("n", "n"),
        ("1_000", "1_000"),
        ("true", True),
        ("null", None),
        ("", None),
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        (".25", 0.25),
        ("1.", 1.0),
        ("-.inf", -math.inf),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("+3", 3),
        ('"3"', "3"),
        ("1.2.3", "1.2.3"),
    ],
)
@pytest.mark.parametrize("ending", ["yaml", "YML"])
def test_yaml_means_what_version_1_2_says(tmp_path, written, meant, ending):
    file = tmp_path / f"spec.{ending}"
    file.write_text(f"name: {written}\nlist: [relu, {written or '~'}]\n")
    read = read_spec(str(file))
    assert read == {"name": meant, "list": ["relu", meant]}
    assert type(read["name"]) is type(meant)


def test_anchors_and_merges_are_read(tmp_path):
    file = tmp_path / "spec.yaml"
    file.write_text("a: &a {name: adam, learning_rate: 1e-3}\nb: {<<: *a, learning_rate: 2e-3}\n")
    assert read_spec(str(file))["b"] == {"name": "adam", "learning_rate": 0.002}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("s.yaml", "a: 1\nb: 2\na: 3\n", "'a' is there twice: line 3 column 1."),
        ("s.yaml", "o: {n: 1, n: 2}\n", "'n' is there twice: line 1 column 11."),
        ("s.yaml", "? [1]\n: 2\n", "a list or a mapping cannot be a key: line 1 column 3."),
        ("s.yaml", "a: !!python/name:os.system x\n", "could not determine a constructor"),
        ("s.json", '{"a": 1, "a": 2}', "'a' is there twice."),
        ("s.json", '{"o": {"n": 1, "n": 2}}', "'n' is there twice."),
    ],
)
def test_what_has_no_meaning_is_a_sentence_with_its_place(tmp_path, name, content, sentence):
    file = tmp_path / name
    file.write_text(content)
    with pytest.raises(ActiniumError) as caught:
        read_spec(str(file))
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"{file} is not valid")


@pytest.mark.parametrize("name", ["s.yaml", "s.json"])
def test_a_mark_of_the_byte_order_is_no_part_of_the_text(tmp_path, name):
    file = tmp_path / name
    file.write_bytes(b'\xef\xbb\xbf{"activation": "relu"}')
    assert read_spec(str(file)) == {"activation": "relu"}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("adam:learning_rate=.001", {"name": "adam", "learning_rate": 0.001}),
        ("x:a=5.,b=+1,c=-.5e-3", {"name": "x", "a": 5.0, "b": 1.0, "c": -0.0005}),
        (".25", 0.25),
        ("relu6", "relu6"),
        ("x:a=.", {"name": "x", "a": "."}),
    ],
)
def test_numbers_are_read_as_people_type_them(word, value):
    assert read_value(word) == value
