"""The `?` beside titles and the documentation that they open, in a real browser."""

import pytest

from tests.support.page_visitors import NARROW, expect, expect_to_fit
from tests.support.result_views import result_views

pytestmark = pytest.mark.slow

#: Of sections; those of the catalog's entries are links to them.
_TITLES = "#main :is(section, aside) > .heading > h2, #main .answer h2"


@pytest.fixture
def views(lab) -> list[str]:
    """Views of everything that has a title, with something to show."""
    model = {"name": "mlp", "hidden_units": [8, 8], "head": "binary"}
    results = result_views(lab, trained=8, dataset="moons", model=model)
    forms = ["#/new", "#/new?preset=symmetry_breaking", "#/data", "#/queue", "#/catalog"]
    return ["#/", *results, *forms]


@pytest.mark.longest
def test_every_title_has_help_that_opens_at_its_heading(served, lab, views, visit):
    visitor = visit(served.url)
    addresses = {}
    for place in views:
        page = visitor.goto(place)
        expect(page.locator(".loading")).to_have_count(0)
        expect(page.locator("#main h1 + .help")).to_have_count(1)
        expect(page.locator("#main .card > h2")).to_have_count(0)
        for title in page.locator(_TITLES).all():
            beside = title.locator("+ .help")
            expect(beside, f"{place} {title.inner_text()}").to_have_count(1)
        for link in page.locator("#main .help").all():
            addresses[link.get_attribute("href")] = link.get_attribute("aria-label")
    assert len(addresses) > 20
    for address, name in addresses.items():
        assert name.startswith("Help on \u201c")
        visitor.page.goto(served.url + address)
        _, _, anchor = address.partition("#")
        expect(visitor.page.locator("#article h1")).to_be_visible()
        heading = f"[id='{anchor}']" if anchor else "#article h1"
        expect(visitor.page.locator(heading)).to_be_in_viewport()


def test_help_opens_beside_the_view(served, visit):
    page = visit(served.url).goto("#/data")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Help on \u201cData\u201d, in a new tab").click()
    expect(opened.value.get_by_role("heading", name="Your own data")).to_be_visible()
    expect(page.get_by_role("heading", name="Data", exact=True)).to_be_visible()


def test_the_search_finds_and_leads_back(served, visit):
    visitor = visit(served.url)
    page = visitor.goto("#/")
    page.get_by_role("link", name="Docs").click()
    expect(page.get_by_role("heading", level=1, name="Documentation")).to_be_visible()
    page.get_by_role("searchbox", name="Search the documentation").fill("gradient clipping")
    matches = page.locator(".matches li")
    expect(matches.first).to_contain_text("clipping")
    expect(page.locator("#matches h1")).to_contain_text(
        "sections with \u201cgradient clipping\u201d"
    )
    expect(page.locator("#article")).to_be_hidden()
    expect(page.locator(".matches mark").first).to_be_visible()
    matches.first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1, name="clipping")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("gradient clipping")
    expect(matches.first).to_be_visible()
    page.get_by_role("searchbox").fill("zyzzyva <b>")
    expect(page.locator("#matches h1")).to_have_text("0 sections with \u201czyzzyva <b>\u201d")
    page.get_by_role("searchbox").fill("")
    expect(page.locator("#article")).to_be_visible()


def test_a_page_is_set_in_the_chosen_theme_and_language(served, visit):
    visitor = visit(served.url)
    page = visitor.page
    page.goto(f"{served.url}/docs/diagnoses.md#healthy")
    picture = page.get_by_role("img", name="relu with he_normal")
    expect(picture).to_be_in_viewport()
    light = picture.evaluate("image => image.currentSrc")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.wait_for_function(
        "light => document.querySelector('article img').currentSrc !== light", arg=light
    )
    page.get_by_role("button", name="\u4e2d\u6587").click()
    expect(page.get_by_role("searchbox", name="\u641c\u7d22\u6587\u6863")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("#article")).to_have_attribute("lang", "en")
    page.set_viewport_size(NARROW)
    for path in ("catalog/activation.md", "spec.md", "comparisons.md"):
        page.goto(f"{served.url}/docs/{path}")
        expect(page.locator("#aside a").first).to_be_visible()
        expect_to_fit(page)
    page.goto(f"{served.url}/docs/catalog/activation.md")
    expect(page.locator(".formula .katex").first).to_be_visible()
