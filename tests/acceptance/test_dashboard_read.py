"""The page, where results are read: by eye, by keyboard, on a telephone, in two languages."""

from typing import Any

from pydantic import SecretStr

from service.diagnoses import Diagnosis, Insight
from service.layers import DISTRIBUTIONS
from tests.serving import serving
from tests.visitors import NARROW, expect

#: Markup that would run, in every place where a user's text is shown.
HOSTILE = "<script>window.hit=1</script><img src=x onerror='window.hit=1'>"


def _layers(spread: float, **more: Any) -> dict[str, Any]:
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
    fractions = {"dead_fraction": 0.25, "saturated_fraction": 0.0}
    parts = dict.fromkeys(DISTRIBUTIONS, distribution) | fractions
    return {"layers": [{"name": name, **parts} for name in ("dense_1", "dense_2", "output")]} | more


FINDING = {
    "kind": "vanishing",
    "layer": "dense_2",
    "epoch": 0,
    "value": 0.001,
    "threshold": 0.1,
    "explanation": "The gradient of dense_2 is 1,000 times smaller than the output's.",
}
BOUNDARY = {
    "extent": [-1.0, 1.0, -1.0, 1.0],
    "size": 3,
    "predicted": [0, 0, 1] * 3,
    "confidence": [0.9, 0.6, 0.9] * 3,
    "points": [[-0.5, 0.0], [0.5, 0.0]],
    "labels": [0, 1],
}


def test_a_run_tells_why_it_fails_and_what_happened_to_it(served, lab, visit):
    model = {"name": "mlp", "hidden_units": [4, 4]}
    lab.submit(name="two moons", dataset="moons", model=model, epochs=3)
    lab.fail(lab.taken("first"), "The disk is full.")
    held = lab.taken("second")
    lab.start(held, Insight(_layers(1.0), Diagnosis("vanishing", [FINDING])))
    lab.epoch(held, 1, val_accuracy=0.5)
    page = visit(served.url).goto(f"#/runs/{held.run_id}")

    def section(name: str) -> Any:
        return page.locator("section", has=page.get_by_role("heading", name=name, exact=True))

    boundary = section("Decision boundary")
    expect(boundary).to_contain_text("It is drawn when the run has ended.")
    lab.epoch(held, 2, val_accuracy=0.75)
    lab.epoch(held, 3, "completed", Insight(_layers(0.5, boundary=BOUNDARY)), val_accuracy=0.9)
    assert boundary.locator("img:not(.pending)").evaluate("image => image.decode().then(() => 1)")
    expect(page.locator(".crumbs")).to_contain_text("two moons")
    told = section("What happened").locator("li")
    expect(told).to_contain_text(
        [
            "Queued.",
            "first began attempt 1.",
            "The disk is full.",
            "second began attempt 2.",
            "Epochs 1 to 3 recorded.",
            "Ended: completed.",
        ]
    )
    expect(section("Attempts").locator("li").first).to_contain_text("The disk is full.")

    layers = section("Layers")
    expect(page.locator("output")).to_have_text("Epoch 3")
    section("Diagnosis").get_by_role("button", name="Layer dense_2").press("Enter")
    expect(page.locator("output")).to_have_text("Epoch 0: at initialization")
    expect(layers.locator("tr.marked")).to_contain_text("dense_2")
    layers.get_by_role("button", name="dense_1").press("Enter")
    expect(layers.locator("tr.marked")).to_contain_text("dense_1")
    expect(layers.get_by_role("button", name="dense_1")).to_be_focused()

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


def test_nothing_is_wider_than_a_telephone_in_either_language(served, lab, visit):
    experiment_id = lab.submit(
        name="a_name_without_a_place_to_break_it_" * 5,
        activation=["relu", "tanh", "leaky_relu"],
        initializer=["he_normal", "glorot_uniform", "lecun_normal", "truncated_normal"],
    )
    lab.train_all()
    ids = [str(run.id) for run in lab.runs(experiment_id)]
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
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= NARROW["width"], f"{place} is {width} pixels wide in {language}"


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
        expect(page.locator("#entry-relu img:not(.pending)")).to_be_visible()
        assert page.locator("#entry-relu img").evaluate("image => image.decode().then(() => true)")
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
    for _ in range(16):
        reached.append(page.evaluate("document.activeElement.textContent"))
        page.keyboard.press("Tab")
    assert reached[0] == "跳到正文"
    assert {"新建实验", "目录", "first"} <= set(reached)


def test_every_formula_can_be_set(served, visit):
    visitor = visit(served.url)
    for axis in [each["axis"] for each in served.client.get("/v1/catalog").json()["items"]]:
        page = visitor.goto(f"#/catalog/{axis}")
        formulas = page.locator(".formula")
        if formulas.count():
            expect(page.locator(".formula .katex")).to_have_count(formulas.count())
        assert page.locator(".katex-error").count() == 0
