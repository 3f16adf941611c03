"""Worked examples of docs/howto, followed word for word in a copy of the repository."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.doc_snippets import blocks_of
from tests.support.paths import ROOT

_CLOSING = {"(": ")", "[": "]", "{": "}"}


def blocks(page: str, language: str = "python") -> list[str]:
    """Return the code blocks of a page of docs/howto, in order."""
    found = blocks_of(ROOT / "docs" / "howto" / page)
    return [block.text for block in found if block.language == language]


@dataclass(frozen=True)
class Copy:
    """A copy of what the tests need of the repository, to be changed and tested."""

    root: Path

    def write(self, name: str, text: str) -> None:
        """Make a file."""
        (self.root / name).write_text(text)

    def insert(self, name: str, text: str, *, before: str = "", at_the_end_of: str = "") -> None:
        """Insert a text before a line, or before the line that closes what a line opens."""
        file = self.root / name
        source = file.read_text()
        start = source.index(before or at_the_end_of)
        place = start
        if at_the_end_of:
            place = source.index(f"\n{_CLOSING[at_the_end_of[-1]]}\n", start) + 1
        file.write_text(source[:place] + text + source[place:])

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a text that occurs once."""
        file = self.root / name
        source = file.read_text()
        assert source.count(old) == 1, f"{old!r} occurs {source.count(old)} times in {name}"
        file.write_text(source.replace(old, new))

    def run(self, *tests: str, seconds: float = 250) -> str:
        """Run some tests on the copy; return the exit status, then what they printed."""
        command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "--no-header"]
        ran = subprocess.run(
            [*command, *tests],
            cwd=self.root,
            env={"PYTHONPATH": f"{self.root}:{self.root / 'client'}", "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return f"{ran.returncode}\n{ran.stdout}{ran.stderr}"


def copy_repository(folder: Path) -> Copy:
    """Copy what the tests of the service and of the science need."""
    hidden = shutil.ignore_patterns("__pycache__", "*.egg-info", "node_modules")
    for name in ("service", "workers", "deploy", "migrations", "tests", "client"):
        shutil.copytree(ROOT / name, folder / name, ignore=hidden)
    for name in ("pyproject.toml", "openapi.yaml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "docs" / "generate", folder / "docs" / "generate", ignore=hidden)
    (folder / "data").symlink_to(ROOT / "data")
    return Copy(folder)
