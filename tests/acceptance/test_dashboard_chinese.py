"""The page in Chinese: no English sentence is left where a reader is told something."""

from typing import Any

import pytest

from service.catalog.advice.registry import ADVICE
from service.histories.diagnoses import Insight, RecordedDiagnosis
from service.presets.registry import PRESETS
from tests.support.layer_samples import drawable
from tests.support.page_visitors import expect
from workers.diagnostics import sentences

pytestmark = pytest.mark.slow

#: Texts with five English words in a row, without titles of sources, labels, code and formulas.
_ENGLISH = """() => {
  const walker = document.createTreeWalker(document.querySelector("#main"), NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const { textContent: text, parentElement: parent } = walker.currentNode;
    const skipped = ".source, .tag, .configuration, code, pre, textarea, .formula, script";
    if (parent.closest(skipped)) continue;
    if (/[A-Za-z']+( [A-Za-z']+){4}/.test(text)) found.push(text);
  }
  return found;
}"""

#: Layers of networks, a target that is reached, numbers in place of classes. That the texts of each
#: preset have their Chinese is seen without a browser, in tests/service/dashboard.
SOME_PRESETS = ("symmetry_breaking", "batch_size_mnist", "huber_outliers")

FINDING = {
    "kind": "vanishing",
    "layer": "dense_1",
    "epoch": 0,
    "value": 0.001,
    "threshold": 0.1,
    "explanation": sentences.VANISHING_GRADIENT.format(
        ratio=0.001, start="dense_3", end="dense_1", gain=0.03
    ),
    "advice": sentences.LARGER_WEIGHTS_ADVICE.format(times=33),
}


def _in_chinese(visitor: Any) -> None:
    visitor.goto("#/").locator('.tools button[lang="zh"]').click()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("实验")


def test_a_run_is_told_in_chinese(served, lab, visit):
    lab.submit(epochs=5, early_stopping={"patience": 1})
    lab.fail(lab.taken("first"), "Worker first gave no sign of life for 30 s.")
    held = lab.taken("second")
    lab.start(held, Insight(drawable(), RecordedDiagnosis("vanishing", [FINDING])))
    lab.epoch(held, 1, val_accuracy=0.75)
    lab.epoch(held, 2, "completed", val_accuracy=0.5)
    visitor = visit(served.url)
    _in_chinese(visitor)
    page = visitor.goto(f"#/runs/{held.run_id}")
    expect(page.locator(".findings")).to_contain_text("从 dense_3 到 dense_1")
    expect(page.locator(".findings")).to_contain_text("33 倍")
    expect(page.locator("dl.facts")).to_contain_text("提前停止")
    expect(page.locator(".log li").last).to_contain_text("到第 2 轮")
    expect(page.locator(".attempts")).to_contain_text("已 30 秒没有响应")
    assert page.evaluate(_ENGLISH) == []
    assert page.locator('#main [lang="en"]:not(.source, .source *)').count() == 0


def test_the_catalog_is_told_in_chinese(served, visit):
    visitor = visit(served.url)
    _in_chinese(visitor)
    for axis in ("dataset", "optimizer", *ADVICE):
        page = visitor.goto(f"#/catalog/{axis}")
        expect(page.locator(".entry").first).to_be_visible()
        assert page.evaluate(_ENGLISH) == [], axis
        assert page.locator('#main [lang="en"]:not(.source, .source *)').count() == 0, axis
        assert (page.locator(".advice").count() > 0) == (axis in ADVICE), axis


@pytest.mark.parametrize(
    "names",
    [
        SOME_PRESETS,
        pytest.param(sorted(PRESETS.keys() - SOME_PRESETS), marks=pytest.mark.longest, id="all"),
    ],
)
def test_presets_are_told_in_chinese(served, visit, names):
    visitor = visit(served.url)
    _in_chinese(visitor)
    for place in ("#/new", *(f"#/new?preset={name}" for name in names)):
        page = visitor.goto(place)
        expect(page.locator(".preset, .claim").first).to_be_visible()
        expect(page.locator(".plan button.primary")).to_be_enabled()  # the dry run has been told
        assert page.evaluate(_ENGLISH) == [], place
        assert page.locator('#main [lang="en"]:not(.source, .source *)').count() == 0, place
