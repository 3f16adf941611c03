"""What the benchmarks tell: one table, which targets hold, and what could not be measured."""

import re
from importlib import import_module
from pathlib import Path
from subprocess import CalledProcessError, TimeoutExpired

import pytest

import benchmarks.table
from benchmarks.__main__ import measured
from benchmarks.peers.environments import PeerError, interpreter, reason
from benchmarks.peers.mlflow_comparison import compared
from benchmarks.table import Row, below, faster, lines, not_measured
from benchmarks.training.packs import gain

FOLDER = Path(benchmarks.table.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(FOLDER.parent).with_suffix("").parts) for path in FOLDER.rglob("*.py")
)
PROGRAMS = [
    name
    for name in MODULES
    if "def main()" in Path(FOLDER.parent, *name.split(".")).with_suffix(".py").read_text()
]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported(name):
    assert import_module(name).__doc__


def test_only_tests_of_benchmarks_import_them_and_they_import_no_tests():
    tests = FOLDER.parent / "tests"
    importing = re.compile(r"^(from|import) benchmarks\b", re.MULTILINE)
    users = {
        path.relative_to(tests).parts[0]
        for path in tests.rglob("*.py")
        if importing.search(path.read_text())
    }
    assert users == {"benchmarks"}
    backwards = re.compile(r"^(from|import) tests\b", re.MULTILINE)
    assert not [path for path in FOLDER.rglob("*.py") if backwards.search(path.read_text())]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_tells_what_it_does_and_does_not_do_it(name, capsys, monkeypatch):
    program = import_module(name)
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        program.main()
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert program.__doc__.splitlines()[0] in told
    assert program.__doc__.strip().splitlines()[-1] in told


def test_the_table_ends_with_which_targets_hold():
    rows = [
        below("fast", [1.0, 2.0, 9.0], "s", 3),
        below("slow", [4.0], "s", 3),
        faster("paired", [1.0, 2.0, 4.0], [2.0, 6.0, 8.0], "s", 2),
        faster("alone", [1.0], "there is no peer", "s", 2),
        not_measured("silent", "nothing was heard", "under 1 s"),
        Row("beside", "5 s"),
    ]
    title, rule, *shown, blank, verdict = lines(rows)
    cells = [[cell.strip() for cell in each.strip("|").split("|")] for each in shown]
    assert {len(each) for each in (title, rule, *shown)} == {len(title)}
    assert cells == [
        ["fast", "2.00 (1.00 to 9.00) s", "", "", "under 3 s", "yes"],
        ["slow", "4.00 s", "", "", "under 3 s", "no"],
        [
            *("paired", "2.00 (1.00 to 4.00) s", "6.00 (2.00 to 8.00) s"),
            *("x2.00 (2.00 to 3.00)", "at least x2", "yes"),
        ],
        ["alone", "1.00 s", "there is no peer", "", "at least x2", "not measured"],
        ["silent", "not measured: nothing was heard", "", "", "under 1 s", "not measured"],
        ["beside", "5 s", "", "", "", ""],
    ]
    assert blank == ""
    assert verdict == "Targets: 2 hold; 1 do not: slow; 2 not measured: alone; silent."


def test_a_read_that_is_too_slow_alone_misses_its_target_without_a_peer():
    missing = "there is no peer"
    assert compared("read", 11.0, missing, 10, 8).holds is False
    assert compared("read", 9.0, missing, 10, 8).holds is None
    assert compared("read", 9.0, missing, None, None).holds is None
    assert compared("read", 9.0, 90.0, None, None).holds is None
    assert compared("read", 9.0, 90.0, 10, 8).holds is True
    assert compared("read", 9.0, 70.0, 10, 8).holds is False
    assert compared("read", 11.0, 900.0, 10, 8).holds is False


def test_what_breaks_is_named_and_the_rest_is_measured(capsys):
    def breaking():
        yield Row("first", "1 s")
        raise RuntimeError("The server is gone.")

    rows, broken = measured({"one": breaking, "two": lambda: [Row("second", "2 s")]})
    assert [row.what for row in rows] == ["first", "second"]
    assert broken == ["one"]
    assert "The server is gone." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (CalledProcessError(1, "pip", stderr="WARNING: slow\nERROR: no such thing\n"), "no such"),
        (CalledProcessError(1, "pip", stderr=" \n"), "returned non-zero exit status 1"),
        (CalledProcessError(1, "venv"), "returned non-zero exit status 1"),
        (TimeoutExpired("pip", 900, stderr=b"WARNING: retrying\xff\n"), "WARNING: retrying"),
        (TimeoutExpired("pip", 900), "timed out after 900 seconds"),
        (OSError(), "OSError"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_why_a_peer_is_missing_is_one_line(error, told):
    assert told in reason(error)
    assert "\n" not in reason(error)


def test_a_peer_that_cannot_be_installed_is_missing_with_the_reason(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("ACTINIUM_BENCH_HOME", str(home))
    with pytest.raises(PeerError, match=f"keras is not installed in {home}"):
        interpreter("keras", install=False)
    home.write_text("no folder")
    with pytest.raises(PeerError, match=r"mlflow cannot be installed \(.*Not a directory"):
        interpreter("mlflow")


def test_a_gain_is_of_pairs_of_one_round():
    assert gain([1.0, 10.0, 2.0], [0.5, 2.0, 2.0]) == 2.0
