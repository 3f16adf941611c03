"""The API reference at /docs, in a browser: complete, searchable, and closed to other hosts."""

import re

import pytest
from pydantic import SecretStr

from service.api.app import create_app
from service.settings import Settings
from tests.support.page_visitors import NARROW, WIDE, Visitor, expect, expect_to_fit
from tests.support.served_api import serving

pytestmark = pytest.mark.slow

KEY = "act_secret_of_this_test"


def _open(visitor: Visitor, place: str = "") -> None:
    visitor.page.goto(f"{visitor.url}/docs{place}")
    expect(visitor.page.get_by_role("heading", name="Actinium", exact=True)).to_be_visible()


def _operations() -> list[tuple[str, str, str]]:
    """Return the tag, the address within the page and the summary of every operation."""
    return [
        (operation["tags"][0], f"{method.upper()}{path}", operation["summary"])
        for path, operations in create_app(Settings()).openapi()["paths"].items()
        for method, operation in operations.items()
    ]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_contents_list_every_operation_by_tag(served, visit, size):
    visitor = visit(served.url)
    visitor.page.set_viewport_size(size)
    _open(visitor)
    if size == NARROW:
        visitor.page.get_by_role("button", name="Open Menu").click()
    contents = visitor.page.get_by_role("complementary", name="Sidebar for Actinium")
    for tag, address, summary in _operations():
        closed = contents.get_by_role("button", name=f"Open Group - {tag}", exact=True)
        if closed.count():
            closed.click()
        link = contents.locator(f'a[href="#tag/{tag}/{address}"]')
        expect(link).to_contain_text(summary)
        expect(link).to_be_visible()
    expect_to_fit(visitor.page)


def test_search_leads_to_an_operation(served, visit):
    visitor = visit(served.url)
    _open(visitor)
    visitor.page.keyboard.press("Control+k")
    visitor.page.keyboard.type("histories of an experiment")
    visitor.page.get_by_role("option", name="Get all histories of an experiment").click()
    heading = visitor.page.get_by_role("heading", name="Get all histories of an experiment")
    expect(heading).to_be_in_viewport()
    expect(visitor.page).to_have_url(re.compile(r"/v1/experiments/\{experiment_id\}/histories$"))


def test_a_request_is_sent_with_the_key_that_is_typed_in(settings, visit):
    with serving(settings.model_copy(update={"api_key": SecretStr(KEY)})) as served:
        visitor = visit(served.url)
        visitor.page.goto(f"{visitor.url}/docs#tag/catalog/GET/v1/catalog")
        operation = visitor.page.locator("section").filter(
            has=visitor.page.get_by_role("heading", name="Get the whole catalog")
        )
        operation.get_by_role("button", name="Test Request").last.click()
        dialog = visitor.page.get_by_role("dialog")
        dialog.get_by_role("textbox", name="Token").fill(KEY)
        with visitor.page.expect_response("**/v1/catalog**") as answered:
            dialog.get_by_role("button", name="Send").first.click()
        assert answered.value.status == 200
        assert answered.value.request.headers["authorization"] == f"Bearer {KEY}"


def test_it_follows_the_theme_of_the_dashboard_and_leads_back_to_it(served, visit):
    visitor = visit(served.url)
    visitor.page.goto(served.url)
    visitor.page.evaluate("localStorage.setItem('actinium.theme', 'dark')")
    _open(visitor)
    expect(visitor.page.locator("body.dark-mode")).to_be_visible()
    visitor.page.get_by_role("link", name="Dashboard").click()
    expect(visitor.page.locator("#main h1")).to_be_visible()
    assert visitor.page.url.rstrip("/#") == served.url
