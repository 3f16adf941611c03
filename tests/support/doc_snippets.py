"""The code blocks of the pages: what they are, how they are run, what they are held to.

A block of `python`, `console` (or `bash`, `sh`) or `json` is run as it stands, after those before
it on its page. Before a block a comment may say

    <!-- not run: why -->         it is not, and why
    <!-- schema: Comparison -->   this JSON is an answer, of that name in the API's description

JSON without such a comment is a spec. What a block tells stands in a block of `text` right behind
it, or after `# ` below its commands; numbers, spaces and what `...` stands for may differ from what
it really tells.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from actinium import Client
from tests.support.api_description import described
from tests.support.paths import ROOT

PAGES = sorted(
    page
    for page in [
        *ROOT.glob("*.md"),
        ROOT / "client" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
    if page.name != "CHANGELOG.md" and page.parent.name != "catalog"
)
#: Where a service that `make up` has started answers, in every page.
USUAL_URLS = ("http://127.0.0.1:8000", "http://localhost:8000")

_CONSOLE = frozenset({"console", "bash", "sh"})
RUN = frozenset({"python", "json", *_CONSOLE})
_MARK = re.compile(r"<!-- (?P<mark>not run|schema): (?P<said>\S.*?) -->")
_NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*(e[-+]?\d+)?")
#: A field of JSON with its value, where that is text, a whole number or a constant.
_FIELD = re.compile(r'"(\w+)":\s*(?:"([^"]*)"|(-?\d+)(?![\d.e])|(true|false|null))?')


@dataclass(frozen=True)
class Block:
    """A code block of a page, what is said of it, and what the page shows it to tell."""

    place: str
    language: str
    text: str
    not_run: str | None
    schema: str | None
    shown: str


def blocks_of(page: Path) -> list[Block]:
    """Give a page's code blocks in their order; blocks of `text` belong to the one before."""
    tokens = MarkdownIt().parse(page.read_text())
    found = []
    for before, token, after in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.type != "fence" or token.info == "text" or token.map is None:
            continue
        marked = before and before.type == "html_block" and _MARK.fullmatch(before.content.strip())
        marks = {marked["mark"]: marked["said"]} if marked else {}
        told = after.content if after and after.type == "fence" and after.info == "text" else ""
        if token.info in _CONSOLE:
            told += "\n".join(re.findall(r"^# (.*)$", token.content, re.M))
        found.append(
            Block(
                place=f"{page.relative_to(ROOT)}:{token.map[0] + 1}",
                language=token.info,
                text=token.content,
                not_run=marks.get("not run"),
                schema=marks.get("schema"),
                shown=told,
            )
        )
    return found


class Reader:
    """Does what a page says, block by block, in the current folder.

    Names of Python and variables of the shell are kept from block to block.

    Args:
        url: of the service, which stands in the place of `make up`'s.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._names: dict[str, Any] = {"__name__": "__main__"}
        beside = str(Path(sys.executable).parent)  # where `actinium` is
        self._variables = {**os.environ, "PATH": f"{beside}:{os.environ['PATH']}"}

    def follow(self, block: Block) -> None:
        """Run a block.

        Raises:
            AssertionError: it does not work, or tells something else than the page shows.
        """
        if block.language == "json":
            self._check_json(block)
            return
        run = self._run_python if block.language == "python" else self._run_console
        told = run(block.place, self._here(block.text))
        untold = missing(block.shown, told)
        assert not untold, f"{block.place} does not tell {untold}, but\n{told}"

    def _here(self, text: str) -> str:
        for usual in USUAL_URLS:
            text = text.replace(usual, self._url)
        return text

    def _run_python(self, place: str, text: str) -> str:
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            exec(compile(text, place, "exec"), self._names)
        return told.getvalue()

    def _run_console(self, place: str, text: str) -> str:
        # The last line hands the variables on: `set -a` has put all of them in the environment.
        script = f"set -aeuo pipefail\n{text}\nenv -0 > .variables"
        ran = subprocess.run(
            ["bash", "-c", script],
            env=self._variables,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert ran.returncode == 0, f"{place}\n{ran.stdout}\n{ran.stderr}"
        lines = Path(".variables").read_text().split("\0")
        self._variables = dict(line.split("=", 1) for line in lines if line)
        return ran.stdout

    def _check_json(self, block: Block) -> None:
        written = json.loads(block.text)
        with Client(self._url) as client:
            if block.schema is None:
                assert client.dry_run(written)["runs"] > 0
            else:
                _check_answer(written, block.schema, block.place)


def _check_answer(written: Any, name: str, place: str) -> None:
    import jsonschema

    components = described()["components"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    wrong = list(jsonschema.Draft202012Validator(schema).iter_errors(written))
    assert not wrong, f"{place}: {[each.message for each in wrong]}"


def missing(shown: str, told: str) -> list[str]:
    """List what is shown and was not told: of JSON its fields, of all else its lines."""
    if not shown.lstrip().startswith(("{", "[")):
        return [each for line in shown.splitlines() for each in _not_in(told, line)]
    found = []
    for name, text, number, constant in _FIELD.findall(" ".join(shown.split())):
        value = number or constant
        if not re.search(rf'"{name}":\s*{value}' + r"(?![\d.])" * bool(number), told):
            found.append(f'"{name}": {value}')
        found += _not_in(told, text)
    return found


def _not_in(told: str, text: str) -> list[str]:
    """Give the parts of a text, which `...` divide, that were not told."""
    return [each for each in text.split("...") if _plain(each) not in _plain(told)]


def _plain(text: str) -> str:
    """Take off what may differ: numbers become `#`, and spaces go."""
    return "".join(_NUMBER.sub("#", text).split())
