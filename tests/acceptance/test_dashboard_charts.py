"""The charts that a reader shapes: smoothing, axes and limits, parallel coordinates, overlays."""

import uuid
from typing import Any

import pytest

from service.experiments import leaders
from tests.support.page_visitors import NARROW, expect, expect_to_fit, settle
from tests.support.processes import wait_for

pytestmark = pytest.mark.slow

#: Whether the upper half of the plot has the second line's colour: that of its cross, at the spike.
_COLOURS_AT_THE_END = """() => {
  const canvas = document.querySelector(".plot canvas");
  const over = document.querySelector(".u-over").getBoundingClientRect();
  const frame = canvas.getBoundingClientRect();
  const scale = canvas.width / frame.width;
  const [left, top] = [(over.left - frame.left) * scale, (over.top - frame.top) * scale];
  const width = over.width * scale;
  const height = 0.5 * over.height * scale;
  const pixels = canvas.getContext("2d").getImageData(left, top, width, height).data;
  const sample = document.body.appendChild(document.createElement("span"));
  sample.style.color = "var(--line-1)";
  const wanted = getComputedStyle(sample).color.match(/\\d+/g).map(Number);
  for (let at = 0; at < pixels.length; at += 4)
    if ([...wanted, 255].every((part, channel) => pixels[at + channel] === part)) return true;
  return false;
}"""


def _address(page: Any) -> str:
    return str(page.evaluate("location.hash"))


def _learn(lab: Any, claim: Any, epochs: int, ending: str = "completed", **metrics: float) -> None:
    """Record epochs that take a second, two seconds, and so on."""
    for epoch in range(1, epochs + 1):
        lab.epoch(
            claim,
            epoch,
            ending if epoch == epochs else None,
            **{"epoch_seconds": float(epoch), "val_accuracy": epoch / 10} | metrics,
        )


@pytest.mark.parametrize("place", ["experiment", "run", "comparison"])
def test_smoothing_leaves_what_was_recorded_and_outlives_a_reload(served, lab, visit, place):
    made = lab.submit(epochs=4)
    _learn(lab, lab.taken(), 4, accuracy=0.9)
    run = lab.runs(made)[0].id
    places = {
        "experiment": f"#/experiments/{made}",
        "run": f"#/runs/{run}",
        "comparison": f"#/compare?runs={run}",
    }
    page = visit(served.url).goto(places[place])
    smoothing = page.get_by_role("slider", name="Smoothing")
    smoothing.focus()
    for _ in range(5):
        smoothing.press("PageUp")
    weight = float(smoothing.input_value())
    assert 0.3 < weight < 0.9
    told = page.locator(".curves .note")
    expect(told).to_contain_text(f"exponential mean with weight {weight:.2f}, as in TensorBoard")
    chart = page.get_by_role("slider", name="Learning curves")
    chart.press("Home")
    chart.press("ArrowRight")
    smoothed = 100 * (0.1 * weight + 0.2) / (1 + weight)
    tip = page.locator(".tip")
    expect(tip).to_contain_text(f"20.00% · smoothed {smoothed:.2f}%")
    expect(page.locator(".legend")).to_contain_text("40.00%")  # as recorded
    wait_for(lambda: "smooth=" in _address(page), what="the address has the smoothing")
    page.reload()
    expect(smoothing).to_have_value(str(weight))
    expect(told).to_contain_text("TensorBoard")


def test_the_axis_of_time_adds_up_the_epochs_and_both_parts_are_drawn_together(served, lab, visit):
    made = lab.submit(epochs=3, seeds=2)
    for _ in range(2):
        _learn(lab, lab.taken(), 3, accuracy=0.75)
    visitor = visit(served.url)
    page = visitor.goto(f"#/experiments/{made}")
    chart = page.get_by_role("slider", name="Learning curves")
    page.get_by_label("Horizontal axis").select_option("Training time")
    page.get_by_label("with Training accuracy").check()
    chart.press("End")
    expect(chart).to_have_attribute("aria-valuenow", "6")
    tip = page.locator(".tip")
    expect(tip).to_contain_text("After 6 s")
    expect(tip).to_contain_text("30.00% · n=2 · Training accuracy 75.00% · Epoch 3")
    chart.press("ArrowLeft")
    expect(tip).to_contain_text("After 3 s")
    expect(page.locator(".curves .note")).to_contain_text("dots: Training accuracy")
    page.reload()
    expect(page.get_by_label("Horizontal axis")).to_have_value("time")
    expect(page.get_by_label("with Training accuracy")).to_be_checked()
    page.get_by_text("Values as a table").click()
    last = page.locator(".figures tbody tr").last
    expect(last.locator("td")).to_have_text(["30.00%", "75.00%", "6 s"])


def test_limits_are_typed_dragged_refused_and_kept(served, lab, visit):
    made = lab.submit(epochs=8, seeds=2)
    for _ in range(2):
        _learn(lab, lab.taken(), 8)
    page = visit(served.url).goto(f"#/experiments/{made}")
    page.get_by_text("Axis limits", exact=True).click()
    vertical = page.get_by_role("group", name="Validation accuracy")
    low, high = vertical.get_by_label("from"), vertical.get_by_label("to")
    high.fill("30%")
    low.fill("90")
    low.press("Tab")
    problem = vertical.get_by_role("alert")
    expect(problem).to_have_text("The lower limit must lie below the upper one.")
    wait_for(lambda: _address(page).endswith("limits=%3A0.3"), what="the good limit is kept")
    low.fill("20")
    low.press("Tab")
    expect(problem).to_be_hidden()
    wait_for(lambda: "limits=0.2%3A0.3" in _address(page), what="the address has the limits")
    page.get_by_role("group", name="Epoch").get_by_label("from").fill("3")
    page.keyboard.press("Tab")
    wait_for(lambda: "zoom=3-8" in _address(page), what="an open end is that of all lines")
    page.reload()
    page.get_by_text("Axis limits: set").click()
    expect(low).to_have_value("20")
    page.get_by_role("button", name="Reset zoom").click()
    expect(low).to_have_value("")
    wait_for(lambda: _address(page) == f"#/experiments/{made}", what="the address has no limits")

    settle(page)
    plot = page.locator(".u-over")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.8 * box["height"], steps=4)
    page.mouse.up()
    wait_for(
        lambda: "zoom=" in _address(page) and "limits=" in _address(page),
        what="an area that was dragged over limits both axes",
    )
    page.get_by_label("Metric").select_option("Validation loss")
    wait_for(lambda: "limits=" not in _address(page), what="limits belong to their metric")
    page.set_viewport_size(NARROW)
    expect(page.get_by_role("group", name="Validation loss")).to_be_visible()
    expect_to_fit(page)


def test_what_diverged_is_marked_also_where_it_is_smoothed(served, lab, visit):
    made = lab.submit(activation=["relu", "elu"], epochs=4)
    _learn(lab, lab.taken(), 4, val_loss=1.0)
    spike = lab.taken()
    for epoch in (1, 2):
        lab.epoch(spike, epoch, val_loss=1.0)
    lab.epoch(spike, 3, "diverged", val_loss=1e6)
    visitor = visit(served.url)
    visitor.expects("willReadFrequently")  # this test reads the canvas
    page = visitor.goto(f"#/experiments/{made}?metric=val_loss&smooth=0.9")
    expect(page.locator(".legend .key").last).to_contain_text("1.00e+6 · diverged")
    expect(page.locator(".curves .note")).to_contain_text("A cross ends a line")
    wait_for(lambda: page.evaluate(_COLOURS_AT_THE_END), what="the line ends with a cross")
    page.locator(".legend .key").last.click()
    wait_for(
        lambda: not page.evaluate(_COLOURS_AT_THE_END), what="the line is hidden, and its cross"
    )


def _train_a_grid(lab: Any) -> Any:
    """Train a grid of two by two, to accuracies of 0.2, 0.4, 0.6 and a divergence."""
    made = lab.submit(activation=["relu", "elu"], batch_size=[16, 64], epochs=1)
    for accuracy in (0.2, 0.4, 0.6):
        lab.train(lab.taken(), val_accuracy=accuracy)
    lab.train(lab.taken(), "diverged")
    return made


def test_lines_of_parallel_coordinates_are_selected_by_keyboard_and_kept(served, lab, visit):
    made = _train_a_grid(lab)
    page = visit(served.url).goto(f"#/experiments/{made}")
    panel = page.locator("section", has=page.get_by_role("heading", name="Parallel coordinates"))
    lines = panel.locator("path")
    expect(lines).to_have_count(4)
    expect(panel.locator("path.lost")).to_have_count(1)
    count = panel.get_by_role("status")
    expect(count).to_have_text("4 of 4 lines selected")
    panel.get_by_text("Values as a table").press("Enter")
    rows = panel.locator("tbody tr")
    expect(rows.first.locator("td")).to_have_text(["elu", "16", "60.00%"])  # the best first
    expect(rows.last.locator("td")).to_have_text(["elu", "64", "diverged"])

    panel.get_by_role("group", name="Activation").get_by_role("button", name="relu").press("Enter")
    expect(count).to_have_text("2 of 4 lines selected")
    expect(panel.locator("path.left")).to_have_count(2)
    panel.get_by_label("from (%)").fill("30")
    page.keyboard.press("Tab")
    expect(rows.locator("td")).to_have_text(["relu", "64", "40.00%"])
    page.reload()
    expect(count).to_have_text("1 of 4 lines selected")
    expect(panel.get_by_label("from (%)")).to_have_value("30")
    panel.get_by_role("button", name="Select all").press("Enter")
    expect(count).to_have_text("4 of 4 lines selected")
    assert "brush" not in _address(page)
    panel.get_by_role("button", name="diverged").press("Enter")
    expect(count).to_have_text("1 of 4 lines selected")
    page.get_by_label("A line per").select_option("groups")
    expect(count).to_have_text("1 of 4 lines selected")
    wait_for(lambda: "lines=groups" in _address(page), what="the address has the lines")


def test_an_axis_is_dragged_over_and_a_line_leads_to_its_run(served, lab, visit):
    made = _train_a_grid(lab)
    visitor = visit(served.url)
    page = visitor.goto(f"#/experiments/{made}")
    panel = page.locator("section", has=page.get_by_role("heading", name="Parallel coordinates"))
    count = panel.get_by_role("status")
    expect(count).to_have_text("4 of 4 lines selected")
    settle(page)
    lines = panel.locator("svg.lines")
    lines.scroll_into_view_if_needed()

    def drag(start: float, end: float) -> None:
        box = lines.bounding_box()
        across = box["x"] + box["width"]
        page.mouse.move(across, box["y"] + start * box["height"])
        page.mouse.down()
        page.mouse.move(across, box["y"] + end * box["height"], steps=3)
        page.mouse.up()

    drag(-0.02, 0.7)
    expect(count).to_have_text("2 of 4 lines selected")
    drag(0.5, 0.5)  # a press
    expect(count).to_have_text("4 of 4 lines selected")
    drag(-0.02, 0.3)
    expect(count).to_have_text("1 of 4 lines selected")
    box = lines.bounding_box()
    # Halfway between the second axis, where 16 is at the bottom, and the result at the top.
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
    expect(panel.locator(".told")).to_have_text("elu, batch size 16 · seed 0: 60.00%")
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
    expect(page.get_by_role("heading", level=1)).to_contain_text("elu")


def test_group_means_of_experiments_lie_over_each_other_and_are_followed(served, lab, visit):
    first = lab.submit(name="study", activation=["relu", "elu"], epochs=2)
    lab.train_all(val_accuracy=0.5)
    second = lab.submit(name="study", activation="relu", optimizer="sgd", epochs=2)
    held, gone = lab.taken(), uuid.uuid4()
    lab.epoch(held, 1, val_accuracy=0.75)
    visitor = visit(served.url)
    visitor.expects("404")
    page = visitor.goto("#/")
    boxes = page.get_by_label("Select study")
    expect(boxes).to_have_count(2)
    for box in boxes.all():
        box.check()
    compare = page.locator(".bulk").get_by_role("link", name="Compare")
    compare.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare experiments")
    keys = page.locator(".legend .key")
    expect(keys).to_have_count(3)
    # Experiments of one name are told apart by the ends of their ids.
    expect(page.locator(".legend")).to_contain_text(f"study (\u2026{str(second)[-8:]})")
    expect(keys.filter(has_text=str(second)[-8:])).to_contain_text("75.00%")
    expect(page.locator(".live")).to_have_text("live")
    lab.epoch(held, 2, "completed", val_accuracy=0.875)
    expect(keys.filter(has_text=str(second)[-8:])).to_contain_text("87.50%")
    expect(page.locator(".live")).to_have_text("")
    # The leaders come after the end, of which no event tells.
    row = page.locator("tbody tr").filter(has_text=str(second)[-8:])
    expect(row.locator(".best")).to_have_count(0)
    with lab.sessions() as session:
        leaders.renew(session)
    expect(row.locator(".best")).to_contain_text("87.50%")

    page.get_by_label("Experiment", exact=True).uncheck()
    expect(keys).to_have_count(2)  # relu of both experiments, and elu
    expect(keys.first).to_contain_text("68.75% \u00b7 n=2")
    page.get_by_label("with Training accuracy").check()
    page.reload()
    expect(keys.first).to_contain_text("68.75% \u00b7 n=2")
    page.get_by_label("experiment id").fill(f"{served.url}/#/experiments/{gone}")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".notice").first).to_contain_text(str(gone))
    expect(page.get_by_label("with Training accuracy")).to_be_checked()
    page.get_by_role("button", name=f"Remove study (\u2026{str(first)[-8:]})").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody th")).to_have_text("study")
    page.go_back()
    expect(page.locator("tbody th")).to_have_count(2)
