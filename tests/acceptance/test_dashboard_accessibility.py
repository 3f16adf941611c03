"""Every view under axe-core: no finding, light and dark, small and wide, English and Chinese."""

import json
import re
from typing import Any

import pytest

from tests.support.page_visitors import NARROW, WIDE, expect, settle
from tests.support.paths import ROOT
from tests.support.result_views import result_views

pytestmark = pytest.mark.slow

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

#: Look at the page; return each violated rule with the first elements that violate it.
_FINDINGS = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false });
  const told = ({ target, failureSummary }) => `${target} ${failureSummary}`;
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(told).join(" | ")}`);
}"""

#: Half of the eight combinations: each size, theme and language meets each value of the others.
_LOOKS = {
    "en": [(WIDE, "light"), (NARROW, "dark")],
    "zh": [(NARROW, "light"), (WIDE, "dark")],
}


#: Open what is folded, and wait until what follows from its size is drawn.
_UNFOLD = """() => {
  for (const entry of document.querySelectorAll("#main details:not(.menu)")) entry.open = true;
  return new Promise((resolve) => setTimeout(resolve, 200));
}"""


@pytest.fixture
def axe() -> str:
    """The source of axe-core, which `npm ci` installs."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: `npm ci` does it.")
    return AXE.read_text()


def _told_experiment(lab) -> list[str]:
    """Have an experiment with every kind of ending; return the views that show it."""
    views = result_views(
        lab,
        trained=10,
        name="grid",
        tags={"course": "dl"},
        description="Which activation?",
        dataset="digits",
        optimizer=[{"name": "sgd", "learning_rate": rate} for rate in (0.1, 0.01)],
    )
    lab.train(lab.taken(), ending="diverged", val_loss=float("nan"))
    lab.train_all()
    return views


def _findings(page: Any) -> dict[str, list[str]]:
    """Return the findings in the view that is shown, each with the looks in which it is met."""
    found: dict[str, list[str]] = {}
    for language, looks in _LOOKS.items():
        page.locator(f'.tools button[lang="{language}"]').click()
        expect(page.locator("html")).to_have_attribute("lang", re.compile(language))
        _drawn(page)
        for size, theme in looks:
            page.set_viewport_size(size)
            page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            for finding in page.evaluate(_FINDINGS):
                found.setdefault(finding, []).append(f"{language} {size['width']} {theme}")
    return found


def _drawn(page: Any) -> None:
    """Wait until nothing is added to the view, and unfold all that is folded."""
    expect(page.locator("#main h1:visible")).to_have_count(1)
    expect(page.locator(".loading")).to_have_count(0)
    settle(page)
    page.evaluate(_UNFOLD)


def _show(page: Any, place: str) -> None:
    """Go to another view without loading the page's files again."""
    page.evaluate(
        """place => {
          document.querySelector("#main .view").dataset.left = "";
          location.hash = place;
        }""",
        place,
    )
    expect(page.locator("[data-left]")).to_have_count(0)


@pytest.mark.timeout(600)  # axe looks at every element of eleven views four times
@pytest.mark.longest
def test_axe_finds_nothing_in_any_view(served, lab, visit, axe):
    visitor = visit(served.url)
    page = visitor.goto("#/")
    page.evaluate(axe)
    found = {"no experiment": _findings(page)}
    told = _told_experiment(lab)
    places = [*told, "#/new", "#/queue", "#/data", "#/catalog/activation", "#/nowhere", "#/"]
    for place in places:
        _show(page, place)
        found[place] = _findings(page)
    findings = {place: found_there for place, found_there in found.items() if found_there}
    assert findings == {}, json.dumps(findings, indent=1)


@pytest.mark.parametrize(("theme", "size"), [("light", NARROW), ("dark", WIDE)])
def test_axe_finds_nothing_in_the_reference(served, visit, axe, theme, size):
    page = visit(served.url).page
    page.set_viewport_size(size)
    page.goto(served.url)
    page.evaluate("theme => localStorage.setItem('actinium.theme', theme)", theme)
    page.goto(f"{served.url}/docs")
    expect(page.get_by_role("heading", name="Actinium", exact=True)).to_be_visible()
    page.evaluate(axe)
    findings = page.evaluate(_FINDINGS)
    assert findings == [], json.dumps(findings, indent=1)


@pytest.mark.longest
def test_axe_finds_nothing_in_the_documentation(served, visit, axe):
    page = visit(served.url).page
    found = {}
    for path in ("", "diagnoses.md", "catalog/clipping.md", "?q=gradient+clipping"):
        page.goto(f"{served.url}/docs/{path}")
        page.evaluate(axe)
        findings = _findings(page)
        if findings:
            found[path] = findings
    assert found == {}, json.dumps(found, indent=1)
