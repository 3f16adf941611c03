"""The page's ranking: what it says of each configuration, in two languages."""

from typing import Any

import pytest

from tests.support.page_visitors import NARROW, WIDE, expect, expect_drawn, expect_to_fit
from tests.support.scripted_worker import Lab

pytestmark = pytest.mark.slow


def _ranked(page: Any) -> Any:
    return page.locator("section", has=page.locator("#ranking-title"))


def _one_that_leads_one_worse_and_one_untrained(lab: Lab) -> Any:
    made = lab.submit(activation=["relu", "elu", "tanh"], seeds=3, dataset="digits")
    for values in ([0.9, 0.91, 0.92], [0.8, 0.81, 0.82]):
        for value in values:
            lab.train(lab.taken(), val_accuracy=value)
    for _ in range(3):
        lab.train(lab.taken(), "diverged")
    return made


def test_the_ranking_says_who_leads_who_is_worse_and_who_did_not_train(served, lab, visit):
    page = visit(served.url).goto(
        f"#/experiments/{_one_that_leads_one_worse_and_one_untrained(lab)}"
    )
    ranking = _ranked(page)
    answer = page.locator(".answer")
    expect(answer.locator(".headline")).to_have_text("relu is best.")
    expect(answer).to_contain_text("1 is worse. 1 did not train.")
    expect(answer).to_contain_text("Validation accuracy 91.00%, 95% interval")
    expect(answer).to_contain_text("3 runs diverged (tanh)")
    expect(answer).to_contain_text("Nothing is left undecided.")
    rows = ranking.locator(".ranking tbody tr")
    expect(rows.locator(".word")).to_have_text(["leads", "worse", "did not train"])
    expect(rows.nth(1)).to_contain_text("\N{MINUS SIGN}10")
    expect(rows.nth(1).locator("circle.seed")).to_have_count(3)
    expect(rows.nth(2)).to_contain_text("trained 0 of 3 · 3 diverged")
    expect(rows.nth(2).locator("path.untrained")).to_have_count(3)
    expect(ranking.locator(".notes")).to_contain_text("fails on up to 63% of seeds")

    ranking.get_by_role("button", name="elu", exact=True).press("Enter")
    expect(ranking.locator(".lead")).to_have_text("Against elu. Better: relu. 1 did not train.")
    expect(rows.locator(".word")).to_have_text(["better", "reference", "did not train"])
    ranking.get_by_role("button", name="Compare with the leader").click()
    expect(ranking.locator(".lead")).to_have_count(0)

    page.get_by_role("button", name="中文").click()
    expect(answer.locator(".headline")).to_have_text("relu 最佳。")
    expect(answer).to_contain_text("1 组更差。1 组未训练成功。")
    expect(rows.locator(".word")).to_have_text(["领先", "更差", "未训练成功"])


def test_a_tuned_ranking_draws_the_results_over_the_learning_rate(served, lab, visit):
    rates = [{"name": "sgd", "learning_rate": rate} for rate in (0.01, 0.1)]
    made = lab.submit(activation=["relu", "elu"], optimizer=rates, seeds=3)
    page = visit(served.url).goto(f"#/experiments/{made}")
    ranking = _ranked(page)
    expect(ranking).to_contain_text("No run has a value to compare yet.")
    for number in range(12):
        lab.train(lab.taken(), val_accuracy=0.5 + number / 100)
    expect(ranking.locator(".ranking tbody tr").first).to_contain_text("learning rate 0.1")
    expect(ranking).to_contain_text("Each at its best learning rate, chosen on the other seeds.")
    figure = ranking.get_by_role("img", name="Results of each configuration over what is tuned")
    expect_drawn(figure.and_(page.locator(":not(.pending)")))
    for size in (WIDE, NARROW):
        page.set_viewport_size(size)
        expect_to_fit(page)
