"""The code blocks of the pages run as they stand."""

import importlib.util
import re
import shutil

import pytest

from actinium import Client
from tests.support.doc_snippets import PAGES, RUN, Block, Reader, blocks_of, missing
from tests.support.paths import ROOT

BLOCKS = {str(page.relative_to(ROOT)): blocks_of(page) for page in PAGES}
RUNNABLE = {
    page: [each for each in blocks if each.language in RUN and each.not_run is None]
    for page, blocks in BLOCKS.items()
}


@pytest.fixture
def reader(here, service):
    """Somebody who reads a page; leaves nothing training that the next one would wait for."""
    if shutil.which("curl") is None:
        pytest.skip("The pages call curl, which is not installed here.")
    yield Reader(service)
    with Client(service) as client:
        for experiment in list(client.experiments(status=["queued", "running"])):
            client.cancel(experiment)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, blocks in RUNNABLE.items() if blocks])
def test_a_page_does_what_it_says(reader: Reader, page: str) -> None:
    for block in RUNNABLE[page]:
        reader.follow(block)


@pytest.mark.parametrize("page", BLOCKS)
def test_every_block_says_its_language(page: str) -> None:
    for block in BLOCKS[page]:
        assert block.language, f"{block.place} has none; `text` is what the block before tells"


@pytest.mark.parametrize("page", BLOCKS)
def test_what_is_not_run_exists(page: str) -> None:
    """The commands that install, take minutes or need a machine of their own."""
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)[1].split()
    for block in BLOCKS[page]:
        commands = block.text if block.language in RUN else ""
        for target in re.findall(r"^make ([a-z-]+)|(?<== )make ([a-z-]+)", commands, re.M):
            assert set(filter(None, target)) <= set(targets), block.place
        for module in re.findall(r"python -m ([\w.]+)", commands):
            assert importlib.util.find_spec(module), f"{block.place}: there is no {module}"


def test_the_two_readmes_say_the_same() -> None:
    """The same code but for comments, the same links, as many headings, rows and points."""

    def outline(page: str, other: str) -> list[object]:
        text = (ROOT / page).read_text().replace(f"]({other})", "")
        code = [re.sub(r"# .*", "", each.text) for each in BLOCKS[page]]
        links = re.findall(r"\]\(([^)]*)\)", text)
        lines = re.findall(r"^(#+ |\||- |!\[|```)", text, re.M)
        return [code, sorted(links), lines]

    assert outline("README.md", "README.zh.md") == outline("README.zh.md", "README.md")


@pytest.mark.parametrize(
    ("shown", "told", "lacks"),
    [
        ("relu 0.95 [0.9, 1]\n", "tanh 0.2\nrelu  0.81 [-1e-3, 0.99]\n", False),
        ("relu ... worse", "relu 0.81 worse", False),
        ("elu 0.95\n", "relu", True),
        ('{"runs": 12, "cost": {...}}', '{"cost":{},"runs":12}', False),
        ('{"runs": 12}', '{"runs":120}', True),
        ('{"status": "completed"}', '{"status":"queued"}', True),
        ('{"id": "...", "x": 0.5}', '{"id":"01a1-77","x":0.25}', False),
        ('{"reused_from": null}', '{"reused_from":"1"}', True),
    ],
)
def test_output_is_compared_loosely_and_not_too_loosely(shown: str, told: str, lacks: bool) -> None:
    assert bool(missing(shown, told)) == lacks


def test_a_page_that_tells_something_else_is_found(reader: Reader) -> None:
    says = {"place": "here", "not_run": None, "schema": None}
    reader.follow(Block(language="python", text="print(3)", shown="5", **says))
    wrong = [
        Block(language="python", text="print('relu')", shown="tanh", **says),
        Block(language="console", text="A=1\nfalse\n", shown="", **says),
        Block(language="console", text="echo $NOWHERE\n", shown="", **says),
    ]
    for block in wrong:
        with pytest.raises(AssertionError, match="here"):
            reader.follow(block)
    reader.follow(Block(language="console", text="A=1\n", shown="", **says))
    reader.follow(Block(language="console", text="echo $A\n", shown="1", **says))
