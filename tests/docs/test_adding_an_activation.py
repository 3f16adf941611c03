"""docs/howto/adding-an-activation.md, followed in a copy of the repository."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.doc_snippets import blocks_of
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "howto" / "adding-an-activation.md"
CHECKS = [
    "tests/service/catalog/test_registries.py",
    "tests/workers/training/test_assembly.py::test_entries_and_functions_have_each_other[activation]",
    "tests/workers/training/test_assembly.py::test_a_function_takes_its_entrys_parameters_and_defaults_none",
    "tests/workers/nn/test_activations.py",
]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the tests of the science need of the repository."""
    for name in ("service", "workers", "deploy", "migrations", "tests", "client"):
        hidden = shutil.ignore_patterns("__pycache__", "static", "*.egg-info", "documentation")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=hidden)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    return tmp_path


def _insert(file: Path, text: str, *, before: str = "", at_the_end_of: str = "") -> None:
    """Put a text before a line, or before the line that closes what a line opens."""
    source = file.read_text()
    start = source.index(before or at_the_end_of)
    place = start if before else source.index(f"\n{_closing(at_the_end_of)}\n", start) + 1
    file.write_text(source[:place] + text + source[place:])


def _closing(line: str) -> str:
    return {"(": ")", "[": "]", "{": "}"}[line[-1]]


def _run(copy: Path) -> str:
    """Run the checks on the copy; give what they say, with the exit status in front."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--no-header", *CHECKS],
        cwd=copy,
        env={"PYTHONPATH": f"{copy}:{copy / 'client'}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return f"{ran.returncode}\n{ran.stdout}{ran.stderr}"


def test_the_worked_example_works(copy: Path) -> None:
    entry, function, registered, reference = (
        each.text for each in blocks_of(PAGE) if each.language == "python"
    )
    functions = copy / "workers" / "nn" / "activations.py"
    _insert(
        copy / "service" / "catalog" / "activations.py",
        entry,
        at_the_end_of="ENTRIES: tuple[ActivationEntry, ...] = (",
    )
    _insert(functions, f"{function}\n\n", before="ACTIVATIONS: dict")
    _insert(
        functions,
        registered,
        at_the_end_of="ACTIVATIONS: dict[str, Callable[..., ActivationFor]] = {",
    )
    _insert(
        copy / "tests" / "nn" / "test_activations.py",
        reference,
        at_the_end_of="CASES = [",
    )
    told = _run(copy)
    assert told.startswith("0\n"), told
    assert "test_values_and_derivatives[dtype0-1e-12-celu-0.5] PASSED" in told
