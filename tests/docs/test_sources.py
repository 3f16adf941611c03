"""docs/sources.md: each line of a source leads to something that is there, or says why not."""

import re

import pytest

from service.presets.registry import PRESETS
from tests.support.api_description import described
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "sources.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "where it is" not in line]
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors(page):
    """The anchors of a page's headings, as they are rendered."""
    headings = HEADING.findall((ROOT / "docs" / page).read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_line_of_a_source_has_an_answer():
    assert len(ROWS) > 60
    for row in ROWS:
        asked, answer = row.strip("| ").split(" | ")
        assert asked
        assert "](" in answer or "`GET " in answer or "**not here**: " in answer, row


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([\w/.\-]+#[\w\-]+)\)", PAGE))))
def test_every_link_leads_to_a_heading(target):
    page, _, anchor = target.partition("#")
    assert anchor in anchors(page)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`GET ([^`?]+)`", PAGE))))
def test_every_address_exists(path):
    assert "get" in described()["paths"][path]


def test_the_claims_that_are_named_by_number_exist():
    for row in ROWS:
        for name, numbers in re.findall(r"presets\.md#(\w+)\), claims? (\d(?: to \d)?)", row):
            assert int(numbers[-1]) <= len(PRESETS[name].claims)


def test_every_preset_has_a_line():
    assert {*re.findall(r"presets\.md#(\w+)", PAGE)} >= PRESETS.keys() - OWN_CLAIMS


#: Presets whose claims are of papers that none of the five documents names.
OWN_CLAIMS = {
    "activation_showdown",
    "agc_large_batch",
    "adam_mnist",
    "irnn_mnist",
    "huber_outliers",
}
