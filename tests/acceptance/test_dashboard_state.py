"""What the page keeps: choices, zoom and scroll through reload and back, and bad stored values."""

import itertools
import time

import pytest

from tests.support.page_visitors import expect
from tests.support.processes import wait_for

pytestmark = pytest.mark.slow


def test_zoom_filters_and_scroll_outlive_a_reload_and_going_back(served, lab, visit):
    made = lab.submit(activation=["relu", "elu"], seeds=15, epochs=4)
    lab.train_all(val_accuracy=0.5)
    page = visit(served.url).goto(f"#/experiments/{made}")
    chart = page.get_by_role("slider", name="Learning curves")
    chart.press("Home")
    chart.press("+")
    unzoom = page.get_by_role("button", name="Reset zoom")
    expect(unzoom).to_be_visible()
    page.locator(".runs thead").get_by_role("button", name="Validation loss").click()
    expect(page.locator('.runs [aria-sort="ascending"]')).to_have_text("Validation loss")
    status = page.locator("label.field:has(span:text-is('Show')) select")
    status.select_option("completed")
    run = page.locator(".runs tbody a").last
    run.scroll_into_view_if_needed()
    kept = "scrollY > 300 && history.state?.scroll === scrollY"
    wait_for(lambda: page.evaluate(kept), what="the scroll is kept")
    place = page.evaluate("scrollY")
    there = "place => Math.abs(scrollY - place) < 3"
    # Later than the page keeps a scroll; it is short until the answer is there.
    page.route(f"**/v1/experiments/{made}", answer_late)

    def go_and_come_back():
        run.click()
        page.go_back()

    def come_back_and_reload():
        go_and_come_back()
        page.wait_for_timeout(300)  # the answer is not there yet
        page.reload()

    for leave in (page.reload, go_and_come_back, come_back_and_reload):
        leave()
        expect(unzoom).to_be_visible()
        expect(page.get_by_label("Order")).to_have_value("val_loss")
        expect(status).to_have_value("completed")
        wait_for(lambda: page.evaluate(there, place), what="the view is scrolled as before")
    page.unroute_all(behavior="wait")
    unzoom.click()
    gone = "!location.hash.includes('zoom')"
    wait_for(lambda: page.evaluate(gone), what="the address has no zoom")


def answer_late(route):
    time.sleep(0.5)
    route.continue_()


@pytest.mark.longest
def test_a_bad_stored_value_never_breaks_the_page(served, lab, visit):
    made = lab.submit()
    lab.train_all()
    page = visit(served.url).goto("#/")
    strange = f"#/experiments/{made}?only=%7B&zoom=x&by=,&metric=nope&target=:"
    for stored, place in itertools.product(
        ("{", "null", '{"a": 1}', "[[]]", ""), ("#/", "#/new", strange)
    ):
        page.goto(f"{served.url}/{place}")
        page.evaluate(
            """stored => {
              for (const key of ["theme", "language", "views"])
                localStorage.setItem(`actinium.${key}`, stored);
              for (const key of ["drafts", "compare"])
                sessionStorage.setItem(`actinium.${key}`, stored);
            }""",
            stored,
        )
        page.reload()
        expect(page.locator("#main h1")).to_be_visible()
        expect(page.locator("#main .card.problem")).to_have_count(0)
