"""Explanations on the page: beside what they explain, on hover and on focus, until Escape."""

import pytest

from tests.support.page_visitors import NARROW, WIDE, expect, settle

pytestmark = pytest.mark.slow

#: Pixels by which two boxes overlap, sideways and upright; they do where both are more than none.
_OVERLAP = """([one, other]) => {
  const [a, b] = [one, other].map((element) => element.getBoundingClientRect());
  const sideways = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  return [sideways, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)];
}"""


def _overlap(page, owner) -> bool:
    elements = [owner.element_handle(), page.get_by_role("tooltip").element_handle()]
    return min(page.evaluate(_OVERLAP, elements)) > 0


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_an_explanation_is_beside_what_it_explains_and_in_the_window(served, visit, size):
    page = visit(served.url).goto("#/new")
    page.set_viewport_size(size)
    page.wait_for_load_state("networkidle")  # what arrives later moves the form under the pointer
    tooltip = page.get_by_role("tooltip")
    chips = page.locator('fieldset[data-axis="activation"] .chip')
    for chip in (chips.first, chips.nth(5), chips.last):
        page.mouse.move(1, 1)  # the explanation of one chip may lie over another
        expect(tooltip).to_be_hidden()
        text = chip.get_attribute("title")
        chip.hover()
        expect(tooltip).to_have_text(text)
        expect(chip).not_to_have_attribute("title", text)  # which the browser would show as well
        assert not _overlap(page, chip)
        box = tooltip.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"]
    tooltip.hover()  # its text can be selected
    page.wait_for_timeout(400)
    expect(tooltip).to_be_visible()
    page.mouse.move(1, 1)
    expect(tooltip).to_be_hidden()
    expect(chips.last).to_have_attribute("title", text)


def test_an_explanation_shows_on_focus_and_goes_with_escape_alone(served, lab, visit):
    made = lab.submit(activation=["relu", "elu"], seeds=2)
    lab.train_all(val_accuracy=0.5)
    page = visit(served.url).goto(f"#/experiments/{made}")
    tooltip = page.get_by_role("tooltip")
    settle(page)  # what is drawn anew loses the focus
    heading = page.locator(".ranking thead th").first
    text = heading.get_attribute("title")
    heading.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    expect(heading).to_be_focused()
    expect(tooltip).to_have_text(text)
    expect(heading).to_have_accessible_description(text)
    assert not _overlap(page, heading)
    page.keyboard.press("Escape")
    expect(tooltip).to_be_hidden()
    expect(heading).to_be_focused()
    page.keyboard.press("Tab")
    expect(tooltip).not_to_have_text(text)
