"""The page, where results are read: by eye, by keyboard, on a telephone, in two languages."""

import math
import re
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import SecretStr

from service.histories.diagnoses import Insight, RecordedDiagnosis
from service.histories.layer_statistics import DISTRIBUTIONS
from tests.support.page_visitors import NARROW, expect, expect_drawn, expect_to_fit
from tests.support.processes import wait_for
from tests.support.served_api import serving

pytestmark = pytest.mark.slow

#: Markup that would run, in every place where a user's text is shown.
HOSTILE = "<script>window.hit=1</script><img src=x onerror='window.hit=1'>"


def _layers(spread: float, broken: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    distribution = {
        "count": 100,
        "non_finite": 0,
        "mean": 0.0,
        "std": spread,
        "min": -spread,
        "max": spread,
        "quantiles": {"0.25": -spread / 2, "0.5": 0.0, "0.75": spread / 2},
        "histogram": {"low": -spread, "high": spread, "counts": [20, 60, 20]},
    }
    nothing = dict.fromkeys(("mean", "std", "min", "max"), math.nan) | {
        "count": 100,
        "non_finite": 100,
        "quantiles": dict.fromkeys(("0.25", "0.5", "0.75"), math.nan),
        "histogram": {"low": math.nan, "high": math.nan, "counts": []},
    }

    def layer(name: str) -> dict[str, Any]:
        shown = nothing if name in broken else distribution
        fractions = {"dead_fraction": 0.25, "saturated_fraction": 0.0}
        return {"name": name, **dict.fromkeys(DISTRIBUTIONS, shown), **fractions}

    names = [*(f"dense_{number}" for number in range(1, 13)), "output"]
    return {"layers": [layer(name) for name in names]} | more


FINDING = {
    "kind": "vanishing",
    "layer": "dense_2",
    "epoch": 0,
    "value": 0.001,
    "threshold": 0.1,
    "explanation": "The gradient of dense_2 is 1,000 times smaller than the output's.",
}
NEIGHBOUR = FINDING | {"layer": "dense_3"}
BOUNDARY = {
    "extent": [-1.0, 1.0, -1.0, 1.0],
    "size": 3,
    "predicted": [0, 0, 1] * 3,
    "confidence": [0.9, 0.6, 0.9] * 3,
    "points": [[-0.5, 0.0], [0.5, 0.0]],
    "labels": [0, 1],
}

OUTPUTS = {
    "samples": 4,
    "probability_edges": [0.0, 0.5, 1.0],
    "loss_edges": [0.01, 0.1, 1.0],
    "classes": [
        {
            "label": label,
            "count": 2,
            "non_finite": 0,
            "right": 2,
            "probabilities": [0, 2],
            "losses": [2, 0],
        }
        for label in (0, 1)
    ],
    "confusion": [[2, 0], [0, 2]],
}


#: What goes on beyond its edge, but is no region with a name that the keyboard can scroll.
_OUT_OF_REACH = """() => [...document.querySelectorAll("#main *")].filter((each) =>
  getComputedStyle(each).overflowX === "auto" && each.scrollWidth > each.clientWidth + 1 &&
  !(each.tabIndex === 0 && each.role === "group" && each.ariaLabel && each.dataset.more)
).map((each) => each.outerHTML.slice(0, 80))"""
TABLET = {"width": 768, "height": 1024}

#: How many of the texts in pictures of layers are cut off, or overlap another.
_NAMES_THAT_TOUCH = """(pictures) => pictures.flatMap((picture) => {
  const frame = picture.getBoundingClientRect();
  const texts = [...picture.querySelectorAll(".layer, .tick text")];
  const boxes = texts.map((each) => each.getBoundingClientRect());
  const cut = boxes.filter(({ left, right }) => left < frame.left || right > frame.right);
  const beside = (one, other) => one.right <= other.left || other.right <= one.left;
  const above = (one, other) => one.bottom <= other.top || other.bottom <= one.top;
  const touch = (one, other) => !beside(one, other) && !above(one, other);
  const touching = (one, at) => boxes.slice(at + 1).some((other) => touch(one, other));
  return [...cut, ...boxes.filter(touching)];
}).length"""


def test_a_run_tells_why_it_fails_and_what_happened_to_it(served, lab, visit):
    model = {"name": "mlp", "hidden_units": [4, 4]}
    lab.submit(name="two moons", dataset="moons", model=model, epochs=3)
    lab.fail(lab.taken("first"), "The disk is full.")
    held = lab.taken("second")
    found = RecordedDiagnosis("vanishing", [FINDING, NEIGHBOUR])
    lab.start(held, Insight(_layers(1e7, boundary=BOUNDARY), found))
    lab.epoch(held, 1, val_accuracy=0.5)
    page = visit(served.url).goto(f"#/runs/{held.run_id}")

    def section(name: str) -> Any:
        return page.locator("section", has=page.get_by_role("heading", name=name, exact=True))

    boundary = section("Decision boundary")
    expect(boundary.locator("output")).to_have_text("Epoch 0: at initialization")
    expect(boundary.locator("img:not(.pending)")).to_be_visible()
    outputs = section("Probabilities and losses")
    expect(outputs).to_contain_text("The histograms are drawn when the run has ended.")
    lab.epoch(held, 2, val_accuracy=0.75)
    lab.epoch(
        held,
        3,
        "completed",
        Insight(_layers(0.5, ["output"], boundary=BOUNDARY, outputs=OUTPUTS)),
        val_accuracy=0.9,
    )
    expect(boundary.locator("output")).to_have_text("Epoch 3")
    network = section("Layers of the network")
    expect(network.locator("tbody tr")).to_have_count(6)
    confusion = section("Confusion matrix")
    expect(confusion).not_to_contain_text("when the run has ended")
    confusion.scroll_into_view_if_needed()
    expect(confusion.locator("tbody tr").first).to_have_text("02100.0%100.0%100.0%")
    for panel in (boundary, outputs, confusion):
        panel.scroll_into_view_if_needed()
        expect_drawn(panel.locator("img:not(.pending)"))
    boundary.get_by_role("button", name="Replay").click()
    expect(boundary.locator("output")).to_have_text("")
    expect(boundary.get_by_role("button", name="Pause")).to_be_visible()
    boundary.get_by_role("slider", name="Epoch of the boundary").press("Home")
    expect(boundary.locator("output")).to_have_text("Epoch 0: at initialization")
    expect(page.locator(".crumbs")).to_contain_text("two moons")
    told = section("Log").locator("li")
    expect(told).to_contain_text(
        [
            "Queued.",
            "first started attempt 1.",
            "The disk is full.",
            "second started attempt 2.",
            "Epochs 1 to 3 recorded.",
            "Ended: completed.",
        ]
    )
    expect(section("Attempts").locator("li").first).to_contain_text("The disk is full.")

    layers = section("Layers")
    expect(layers.locator("output")).to_have_text("Epoch 3")
    expect(layers.get_by_role("row", name="output")).to_have_text("outputno finite values")
    expect(layers.get_by_role("row", name="dense_12")).to_contain_text("25.0%")
    pictures = layers.locator(".violins")
    wait_for(
        lambda: pictures.evaluate_all(_NAMES_THAT_TOUCH) == 0,
        what="no names in the pictures of layers touch",
    )
    section("Diagnosis").get_by_role("button", name="Layer dense_2").press("Enter")
    expect(layers.locator("output")).to_have_text("Epoch 0: at initialization")
    expect(layers.locator("tr.marked")).to_contain_text("dense_2")
    first = layers.get_by_role("button", name="dense_1", exact=True)
    first.press("Enter")
    expect(layers.locator("tr.marked")).to_contain_text("dense_1")
    expect(first).to_be_focused()

    chart = page.get_by_role("slider", name="Learning curves")
    chart.press("Home")
    expect(chart).to_have_attribute(
        "aria-valuetext", "Epoch 1: Training accuracy 50.00%, Validation accuracy 50.00%"
    )
    chart.press("ArrowRight")
    expect(page.locator(".tip")).to_contain_text("75.00%")
    chart.press("+")
    chart.press("Escape")
    expect(page.get_by_role("button", name="Reset zoom")).to_be_hidden()


def test_what_was_not_recorded_is_not_asked_for(served, lab, visit):
    lab.submit(dataset="moons", model={"name": "mlp", "hidden_units": [4, 4]}, epochs=1)
    held = lab.taken()
    lab.start(held, Insight(_layers(0.5, boundary=BOUNDARY), RecordedDiagnosis("healthy", [])))
    lab.epoch(held, 1, "diverged", Insight(_layers(1e30)))
    page = visit(served.url).goto(f"#/runs/{held.run_id}")
    boundary = page.locator("section", has=page.get_by_role("heading", name="Decision boundary"))
    expect(boundary).to_contain_text("No boundary is recorded here")
    boundary.get_by_role("slider").press("Home")
    expect(boundary.locator("img:not(.pending)")).to_be_visible()
    expect(page.get_by_role("heading", name="Decision boundary")).to_be_visible()
    for title in ("Probabilities and losses", "Confusion matrix"):
        expect(page.get_by_role("heading", name=title)).to_be_hidden()


def test_text_of_users_is_never_markup(served, lab, visit):
    experiment_id = lab.submit(
        name=HOSTILE,
        description=HOSTILE,
        tags={HOSTILE: HOSTILE},
        activation=None,
        variants=[{"label": HOSTILE + name, "activation": name} for name in ("relu", "elu")],
        epochs=1,
    )
    held = lab.taken()
    lab.fail(held, HOSTILE)
    lab.train_all()
    run_id = lab.runs(experiment_id)[0].id
    visitor = visit(served.url)
    places = [
        "#/",
        f"#/experiments/{experiment_id}",
        f"#/runs/{run_id}",
        f"#/compare?runs={','.join(str(run.id) for run in lab.runs(experiment_id))}",
        f"#/new?from={experiment_id}",
    ]
    for place in places:
        page = visitor.goto(place)
        expect(page.locator("#main")).to_contain_text("<script>window.hit=1</script>")
        assert page.evaluate("window.hit") is None
        assert page.locator("#main script, #main img[src='x']").count() == 0


@pytest.mark.longest
def test_nothing_is_wider_than_a_telephone_in_either_language(served, lab, visit):
    experiment_id = lab.submit(
        name="a_name_without_a_place_to_break_it_" * 5,
        activation=["relu", "tanh", "leaky_relu"],
        initializer=["he_normal", "glorot_uniform", "lecun_normal", "truncated_normal"],
    )
    ids = [str(run.id) for run in lab.runs(experiment_id)]
    assert served.client.post(f"/v1/runs/{ids[-1]}/cancel").is_success
    while held := lab.claim():
        lab.train(held, val_accuracy=0.5 + 0.01 * ids.index(str(held.run_id)))
    places = ["#/", f"#/experiments/{experiment_id}", f"#/runs/{ids[0]}", "#/new"]
    places += ["#/catalog/optimizer", f"#/compare?runs={','.join(ids[:4])}"]
    visitor = visit(served.url, color_scheme="dark")
    visitor.page.set_viewport_size(NARROW)
    for language in ("en", "zh"):
        visitor.goto("#/").locator(f'.tools button[lang="{language}"]').click()
        for place in places:
            page = visitor.goto(place)
            if place != "#/":  # which follows all experiments, and so is never idle
                page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.lang")[:2] == language
            expect_to_fit(page)
            assert page.evaluate(_OUT_OF_REACH) == [], place
        page.set_viewport_size(TABLET)
        expect_to_fit(page)
        page.set_viewport_size(NARROW)
        page = visitor.goto(places[1])
        # What was cancelled is not waited for, and colours stand for numbers.
        gone = {"en": "cancelled", "zh": "已取消"}[language]
        expect(page.locator(".heatmap td").last).to_have_text(gone)
        expect(page.locator(".colours span")).to_contain_text(["", "11.35%", "35.6", "60.00%"])
        seed = {"en": "seed 0", "zh": "种子 0"}[language]
        expect(page.locator(".runs tbody a").first).to_have_text(f"relu, he_normal · {seed}")
        page.locator(".runs tbody a").first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"relu, he_normal · {seed}")


def test_a_lists_filters_are_in_its_address_and_a_bad_one_is_told_beside_it(served, lab, visit):
    lab.submit(tags={"owner": "ada"})
    lab.submit(name="other")
    visitor = visit(served.url)
    page = visitor.goto("#/")
    rows, tag = page.locator(".experiment"), page.get_by_label("Tag")
    expect(rows).to_have_count(2)
    name = page.get_by_label("Name", exact=True)
    name.fill("THE")
    name.press("Enter")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("other")
    page.go_back()
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text("Unnamed · ")
    expect(rows.last.locator("time")).to_have_attribute("title", re.compile(r"^\d{4}-.* UTC$"))
    tag.fill("owner:ada")
    tag.press("Enter")
    expect(rows).to_have_count(1)
    page.reload()
    expect(rows).to_have_count(1)
    expect(tag).to_have_value("owner:ada")
    tag.fill("owner")
    tag.press("Enter")
    problem = page.locator(".filters").get_by_role("alert")
    expect(problem).to_have_text("Write a tag as key:value, for example course:dl.")
    expect(rows.first).to_be_hidden()
    page.go_back()
    expect(tag).to_have_value("owner:ada")
    expect(rows).to_have_count(1)
    expect(problem).to_be_hidden()
    page.go_back()
    expect(rows).to_have_count(2)
    visitor.expects("422")


def test_a_key_is_asked_for_and_sent_with_streams_and_pictures(settings, lab, visit):
    experiment_id = lab.submit(epochs=2)
    held = lab.taken()
    lab.epoch(held, 1, val_accuracy=0.1)
    with serving(
        settings.model_copy(update={"api_key": SecretStr("act_secret_of_this_test")})
    ) as locked:
        visitor = visit(locked.url)
        page = visitor.page
        page.goto(f"{locked.url}/#/experiments/{experiment_id}")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("API key").fill("act_secret_of_this_test")
        dialog.get_by_role("button", name="Use this key").click()
        expect(page.locator(".live")).to_have_text("live")
        lab.epoch(held, 2, "completed", val_accuracy=0.2)
        expect(page.locator(".top .heading")).to_contain_text("completed")
        page.goto(f"{locked.url}/#/catalog/activation/relu")
        drawn = page.locator("#entry-relu img:not(.pending)").first
        expect(drawn).to_be_visible()
        expect_drawn(drawn)
        assert page.evaluate("Object.values(localStorage).join().includes('act_')") is False
        visitor.expects("401")


def test_theme_and_language_are_kept_and_the_keyboard_reaches_everything(served, lab, visit):
    lab.submit(name="first")
    visitor = visit(served.url, color_scheme="light")
    page = visitor.goto("#/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Dark").press("Enter")
    assert page.evaluate(ground) != light
    page.get_by_role("button", name="中文").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("实验")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("实验")
    assert page.evaluate(ground) != light
    page.locator("body").press("Tab")
    reached = []
    for _ in range(24):
        reached.append(page.evaluate("document.activeElement.textContent"))
        page.keyboard.press("Tab")
    assert reached[0] == "跳到正文"
    assert {"新建实验", "目录", "first"} <= set(reached)


def test_every_formula_can_be_set_and_bounds_are_exact(served, visit):
    visitor = visit(served.url)
    for axis in [item["axis"] for item in served.client.get("/v1/catalog").json()["items"]]:
        page = visitor.goto(f"#/catalog/{axis}")
        formulas = page.locator(".formula")
        if formulas.count():
            expect(page.locator(".formula .katex")).to_have_count(formulas.count())
        assert page.locator(".katex-error").count() == 0
        if axis == "dataset":
            expect(page.locator("#entry-digits")).to_contain_text("[1, 1437]")


def test_what_is_not_there_is_told_once_and_can_be_left(served, visit):
    visitor = visit(served.url)
    for place, sentence in [
        ("#/runs/nope", 'Input should be a UUID, not "nope".'),
        ("#/runs/%zz", "There is no such page."),
    ]:
        page = visitor.goto(place)
        expect(page.get_by_text(sentence)).to_have_count(1)
    page.get_by_role("alert").get_by_role("link", name="Experiments").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Experiments")
    visitor.expects("422")
