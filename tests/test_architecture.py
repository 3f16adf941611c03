"""The walls of the house, as pyproject.toml states them, hold."""

import ast
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.paths import ROOT


def test_import_walls_hold():
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("room", ["workers/nn", "workers/diagnostics"])
def test_the_science_library_imports_torch_numpy_and_the_standard_library_only(room):
    """An allow-list, where import-linter can only forbid; the two rooms make one library."""
    allowed = {"torch", "numpy", *sys.stdlib_module_names}
    for path in sorted((ROOT / room).rglob("*.py")):
        for name in _imports(path):
            outside = name.split(".")[0] not in allowed
            own = name.startswith(("workers.nn", "workers.diagnostics"))
            assert not outside or own, f"{path} imports {name}"


@pytest.mark.parametrize(
    "start",
    [
        "from service.api.app import create_app\nfrom service.api.openapi import document\n"
        "create_app()\nif document._DESCRIPTIONS: sys.exit('its description')\n",
        "import service.operations.scheduler\n",
    ],
    ids=["api", "scheduler"],
)
def test_a_process_starts_without_what_a_start_does_not_need(start):
    """torch is not in their image; the others, and the API's description, cost seconds."""
    costly = {"torch", "workers", "matplotlib", "scipy", "pandas", "pyarrow", "h5py", "PIL"}
    code = f"import sys\n{start}sys.exit(', '.join({costly} & set(sys.modules)) or None)"
    checked = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_no_class_name_occurs_twice_in_the_service():
    """One name, one meaning: whoever greps for a class finds one."""
    places = defaultdict(list)
    for path in sorted((ROOT / "service").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_module_of_the_service_has_a_name_of_the_standard_library():
    modules = sorted((ROOT / "service").rglob("*.py"))
    names = {path: path.parent.name if path.stem == "__init__" else path.stem for path in modules}
    assert [path for path, name in names.items() if name in sys.stdlib_module_names] == []


@pytest.mark.parametrize("package", ["service", "workers"])
def test_every_room_has_its_folder_of_tests_and_the_other_way_round(package):
    rooms = _folders(ROOT / package)
    assert len(rooms) > 5
    assert _folders(ROOT / "tests" / package) == rooms
    for room in rooms:
        assert list((ROOT / "tests" / package / room).rglob("test_*.py")), f"{room} has no test"


def _folders(path: Path) -> set[str]:
    return {room.name for room in path.iterdir() if room.is_dir() and room.name != "__pycache__"}


def _imports(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return names


#: What of ``tempfile`` makes a file or a folder; without ``dir`` in /tmp, which is 64 MB of memory
#: in containers.
_TEMPORARY = {
    *("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "TemporaryDirectory"),
    *("mkstemp", "mkdtemp"),
}


@pytest.mark.parametrize("package", ["service", "workers"])
def test_every_temporary_file_is_in_a_folder_that_the_settings_name(package):
    astray = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in (ROOT / package).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func).rpartition(".")[2] in _TEMPORARY
        and "dir" not in {keyword.arg for keyword in call.keywords}
    ]
    assert astray == []
