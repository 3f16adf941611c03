"""The page's answer of an experiment, above everything else, and what is done with it."""

import re
from typing import Any

import pytest

from service.histories.diagnoses import Insight, RecordedDiagnosis
from tests.support.page_visitors import expect

pytestmark = pytest.mark.slow

FINDING = {
    "kind": "symmetric",
    "layer": "dense_1",
    "epoch": 0,
    "value": 32.0,
    "threshold": 1.0,
    "explanation": "All 32 units of dense_1 have the same weights.",
    "advice": "Draw the initial weights at random; the biases may be zeros.",
}


def _undecided(lab: Any) -> Any:
    """Train two that cannot be told apart, and one whose units are all equal."""
    made = lab.submit(activation=["relu", "elu", "tanh"], seeds=[3, 7, 9], dataset="digits")
    for values in ([0.90, 0.93, 0.96], [0.82, 0.86, 0.93]):
        for value in values:
            lab.train(lab.taken(), val_accuracy=value)
    for _ in range(3):
        claim = lab.taken()
        lab.start(claim, Insight(None, RecordedDiagnosis("symmetric", [FINDING])))
        lab.train(claim, "diverged")
    return made


def test_three_questions_are_answered_without_scrolling(served, lab, visit):
    page = visit(served.url).goto(f"#/experiments/{_undecided(lab)}")
    answer = page.locator(".answer")
    expect(answer.locator(".headline")).to_have_text("relu leads.")
    expect(answer).to_contain_text("Undecided: elu")
    expect(answer).to_contain_text("3 runs diverged (tanh): symmetric.")
    expect(answer).to_contain_text("Draw the initial weights at random")
    box = answer.bounding_box()
    assert box["y"] + box["height"] < 900 / 2
    add = answer.get_by_role("link", name=re.compile(r"Add \d+ seeds"))
    more = int(re.findall(r"\d+", add.inner_text())[0])
    add.click()
    wanted = [3, 7, 9, *range(10, 10 + more)]
    expect(page.get_by_label("Seeds")).to_have_value(", ".join(map(str, wanted)))
    expect(page.locator(".plan .count")).to_have_text(f"{3 * len(wanted)} runs")


def test_one_toolbar_asks_for_all_and_the_address_keeps_it(served, lab, visit):
    made = lab.submit(
        activation=["relu", "elu"], initializer=["he_normal", "glorot_uniform"], seeds=2
    )
    for number in range(8):
        lab.train(lab.taken(), val_accuracy=0.5 + number / 100, val_loss=1 + number)
    page = visit(served.url).goto(f"#/experiments/{made}")
    titles = page.locator("#curves-title, #ranking-title, #heat-title")
    expect(titles).to_have_text([f"{what}: Validation accuracy" for what in _TITLES])
    expect(page.locator(".ranking thead th")).to_contain_text(["#", "Activation", "Initializer"])
    page.locator(".toolbar").get_by_label("Metric").select_option("val_loss")
    expect(titles).to_have_text([f"{what}: Validation loss" for what in _TITLES])
    page.locator(".toolbar").get_by_role("checkbox", name="Initializer").uncheck()
    expect(page.locator(".legend .key")).to_have_count(2)
    expect(page.locator(".ranking tbody tr")).to_have_count(2)
    page.reload()
    expect(titles).to_have_text([f"{what}: Validation loss" for what in _TITLES])
    expect(page.locator(".legend .key")).to_have_count(2)
    expect(page.locator(".toolbar").get_by_role("checkbox", name="Initializer")).not_to_be_checked()
    page.get_by_role("button", name="automatic").click()
    expect(page.locator(".ranking tbody tr")).to_have_count(4)


_TITLES = ("Learning curves", "Ranking", "Heat map")


def test_a_ranking_and_its_chart_can_be_taken_away(served, lab, visit):
    made = lab.submit(activation=["relu", "elu"], seeds=2)
    for number in range(4):
        lab.train(lab.taken(), val_accuracy=0.5 + number / 100)
    page = visit(served.url).goto(f"#/experiments/{made}")
    expect(page.locator(".ranking tbody tr")).to_have_count(2)
    saved = {
        "CSV": "rank,activation,word",
        "Markdown": "| # | Activation |",
        "LaTeX": r"\begin{tabular}",
    }
    for name, begin in saved.items():
        assert _saved(page, "ranking", name).startswith(begin)
    assert "<svg" in _saved(page, "curves", "SVG")


def _saved(page: Any, panel: str, name: str) -> str:
    menu = page.locator(f"section:has(#{panel}-title) .heading .menu")
    menu.locator("summary").click()
    with page.expect_download() as download:
        menu.get_by_role("button", name=name).click()
    return download.value.path().read_text()


def test_of_too_many_curves_the_best_are_drawn(served, lab, visit):
    sizes = list(range(1, 31))
    made = lab.submit(batch_size=sizes, dataset="digits")
    for number in sizes:
        lab.train(lab.taken(), val_accuracy=number / 100)
    page = visit(served.url).goto(f"#/experiments/{made}")
    expect(page.locator(".curves > .note")).to_contain_text(
        "The best 24 of the lines by Validation accuracy are drawn; 6 more are not."
    )
    page.get_by_role("button", name="All 24 lines").click()
    names = page.locator(".legend .key .name")
    expect(names).to_have_count(24)
    expect(names.first).to_have_text("batch size 7")
    expect(names.last).to_have_text("batch size 30")
