"""The page, in a real browser, as a person uses it."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from pydantic import SecretStr

from deploy.embedded.ports import free_port
from service.models import METRICS
from tests.lab import Lab
from tests.processes import ROOT, Processes, wait_for
from tests.serving import Served, serving

playwright = pytest.importorskip(
    "playwright.sync_api", reason="The browser tests need playwright, which is not installed."
)
expect = playwright.expect
expect.set_options(timeout=15_000)

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}

#: Markup that would run, in every place where a user's text is shown.
HOSTILE = "<script>window.hit=1</script><img src=x onerror='window.hit=1'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.skip(f"The browser tests need one of {', '.join(_BROWSERS)}; none is installed.")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=found, args=_FLAGS)
        yield opened
        opened.close()


class Visitor:
    """A person with a browser: a tab, and all that went wrong in it."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        self.context = browser.new_context(
            base_url=url, viewport=WIDE, locale="en-GB", accept_downloads=True, **options
        )
        self.context.set_default_timeout(15_000)
        self.page = self.context.new_page()
        self.url = url
        self.problems: list[str] = []
        self.expected: list[str] = []
        self.strangers: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(dialog.message))
        self.page.on("request", self._meet)

    def _note(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.text} {message.location.get('url')}")

    def _meet(self, request: Any) -> None:
        if not request.url.startswith((self.url, f"blob:{self.url}", "data:")):
            self.strangers.append(request.url)

    def expects(self, word: str) -> None:
        """The browser notes every request that fails; some do so by the test's own doing."""
        self.expected.append(word)

    def surprises(self) -> list[str]:
        """What went wrong beyond that."""
        return [each for each in self.problems if not any(word in each for word in self.expected)]

    def goto(self, place: str) -> Any:
        """Open a view, anew."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/{place}")
        expect(self.page.locator("#main h1")).to_be_visible()
        return self.page


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Make visitors; at the end none has met an error or another host."""
    visitors: list[Visitor] = []

    def come(url: str, **options: Any) -> Visitor:
        visitors.append(Visitor(browser, url, **options))
        return visitors[-1]

    yield come
    for each in visitors:
        each.context.close()
    assert [each.surprises() for each in visitors] == [[] for _ in visitors]
    assert [each.strangers for each in visitors] == [[] for _ in visitors]


@pytest.fixture
def served(settings) -> Iterator[Served]:
    with serving(settings) as running:
        yield running


@pytest.fixture
def lab(sessions, settings) -> Lab:
    return Lab(sessions, settings)


def test_a_sweep_is_composed_watched_understood_and_exported(served, settings, visit, tmp_path):
    with Processes(settings, tmp_path) as processes:
        processes.worker("one")
        visitor = visit(served.url, permissions=["clipboard-read", "clipboard-write"])
        page = visitor.goto("#/new")

        def axis(name: str) -> Any:
            return page.locator(f'fieldset[data-axis="{name}"]')

        def press(name: str, value: str) -> None:
            axis(name).get_by_role("button", name=value, exact=True).click()

        page.get_by_label("Name", exact=True).fill("learning rates")
        press("dataset", "mnist")
        press("dataset", "digits")
        press("model", "mlp")
        axis("model").get_by_label("hidden_units").fill("16, 16")
        for activation in ("relu", "tanh", "identity"):  # the first two are there to begin with
            press("activation", activation)
        press("optimizer", "sgd")
        axis("optimizer").get_by_label("learning_rate").fill("0.1")
        axis("optimizer").get_by_role("button", name="Another value of sgd").click()
        axis("optimizer").get_by_label("learning_rate").nth(1).fill("-1")
        expect(axis("optimizer").get_by_role("alert")).to_contain_text("greater than or equal to 0")
        expect(page.get_by_role("button", name="Submit")).to_be_disabled()
        axis("optimizer").get_by_label("learning_rate").nth(1).fill("1e3")
        page.get_by_label("Seeds").fill("2")
        plan = page.get_by_role("complementary")
        expect(plan).to_contain_text("4 runs")
        expect(plan).to_contain_text("On one worker")
        shown = json.loads(page.get_by_label("Edit as JSON").input_value())
        snippets = {}
        for kind in ("curl", "Python"):
            plan.get_by_role("button", name=kind, exact=True).click()
            plan.get_by_role("button", name="Copy").click()
            snippets[kind] = page.evaluate("navigator.clipboard.readText()")
        page.get_by_role("button", name="Submit").click()
        visitor.expects("422")

        page.wait_for_url("**/#/experiments/*")
        heading = page.locator(".top .heading")
        expect(heading).to_contain_text("live")
        expect(heading).to_contain_text("completed", timeout=60_000)
        expect(page.locator(".standing")).to_contain_text("4 of 4 runs · 2 diverged")
        expect(page.locator(".legend .key")).to_have_count(2)
        expect(page.locator(".ranking tbody tr").last).to_contain_text("2 diverged")

        experiment_id = page.url.rpartition("/")[2]
        stored = served.client.get(f"/v1/experiments/{experiment_id}").json()
        rates = [each["learning_rate"] for each in stored["spec"]["optimizer"]]
        assert rates == [each["learning_rate"] for each in shown["optimizer"]] == [0.1, 1000]
        with page.expect_download() as saving:
            page.get_by_role("button", name="Export CSV").click()
        exported = list(csv.DictReader(io.StringIO(saving.value.path().read_text())))
        asked = served.client.get(
            f"/v1/experiments/{experiment_id}/histories", headers={"accept": "text/csv"}
        )
        assert exported == list(csv.DictReader(io.StringIO(asked.text)))
        assert len({row["run_id"] for row in exported}) == 4

        page.get_by_role("combobox", name="Show").select_option("diverged")
        expect(page.locator(".runs tbody tr")).to_have_count(2)
        page.locator(".runs tbody a").first.click()
        diagnosis = page.locator("section", has=page.get_by_role("heading", name="Diagnosis"))
        run_id = page.url.rpartition("/")[2]
        finding = served.client.get(f"/v1/runs/{run_id}/diagnosis").json()["findings"][0]
        expect(diagnosis).to_contain_text(finding["explanation"])
        expect(page.locator(".log")).to_contain_text("Ended: diverged.")
        _replay_layers(page)

        # Copied, the same request trains nothing again.
        told = _run(["bash", "-c", snippets["curl"]])
        assert json.loads(told)["spec"] == stored["spec"]
        _run([sys.executable, "-c", snippets["Python"]])
        again = served.client.get("/v1/experiments").json()["items"]
        assert [each["status"] for each in again] == ["completed"] * 3


def _replay_layers(page: Any) -> None:
    """By keyboard alone: distributions before the first step, and none once all are infinite."""
    slider = page.get_by_role("slider")
    slider.press("Home")
    expect(page.locator("output")).to_have_text("Epoch 0: at initialization")
    expect(page.locator(".violins")).to_have_count(4)
    slider.press("ArrowRight")
    expect(page.locator("output")).to_have_text("Epoch 1")
    expect(page.locator(".violins")).to_have_count(0)
    expect(page.locator(".violin-grid")).to_contain_text("No finite value to draw.")


def _run(command: list[str]) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "client")}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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


def test_a_restarted_api_is_found_again_and_nothing_is_missed(settings, lab, visit, tmp_path):
    settings = settings.model_copy(update={"port": free_port()})
    url = f"http://127.0.0.1:{settings.port}"
    experiment_id = lab.submit(epochs=4)
    held = lab.taken()
    lab.epoch(held, 1, val_accuracy=0.1)
    with Processes(settings, tmp_path) as processes:
        api = processes.start("api", "service.command", "api")
        wait_for(lambda: _answers(url), what="the API answers")
        visitor = visit(url)
        page = visitor.goto(f"#/experiments/{experiment_id}")
        live = page.locator(".live")
        expect(live).to_have_text("live")
        expect(page.locator(".legend")).to_contain_text("10.00%")
        api.popen.kill()
        api.wait()
        expect(live).to_have_text("reconnecting …")
        lab.epoch(held, 2, val_accuracy=0.2)
        processes.start("api again", "service.command", "api")
        expect(live).to_have_text("live", timeout=30_000)
        expect(page.locator(".legend")).to_contain_text("20.00%")
        lab.epoch(held, 3, val_accuracy=0.3)
        lab.epoch(held, 4, "completed", val_accuracy=0.4)
        expect(page.locator(".top .heading")).to_contain_text("completed")
        expect(page.locator(".legend")).to_contain_text("40.00%")
        visitor.expects("net::ERR_")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").is_success
    except httpx.HTTPError:
        return False


def _grid(lab: Lab) -> Any:
    """An experiment of every kind of label: with parameters, whole and small numbers, lists."""
    return lab.submit(
        dataset=[{"name": "digits", "validation_split": 0.25}, "digits"],
        model={"name": "mlp", "hidden_units": [8]},
        activation=["relu", {"name": "leaky_relu", "negative_slope": 0.2}],
        initializer=[{"name": "normal", "stddev": 1.0}, {"name": "normal", "stddev": 1e-5}],
        optimizer=[
            {"name": "sgd", "learning_rate": 1.0, "momentum": 0.5},
            {"name": "sgd", "learning_rate": 0.5, "momentum": 0.0},
            {"name": "sgd", "learning_rate": 0.01, "momentum": 0.5},
        ],
        epochs=1,
    )


def test_values_are_called_what_the_api_calls_them(served, lab, visit):
    experiment_id = _grid(lab)
    lab.train_all()
    by = "dataset,activation,initializer,optimizer"
    comparison = served.client.get(
        f"/v1/experiments/{experiment_id}/comparison", params={"by": by}
    ).json()
    page = visit(served.url).goto(f"#/experiments/{experiment_id}")
    written = page.evaluate(
        """async (id) => {
          const { all } = await import("/static/lib/api.js");
          const { catalog, places } = await import("/static/lib/catalog.js");
          const runs = await all("/v1/runs", { experiment_id: id });
          return [...places(await catalog(), runs).values()];
        }""",
        str(experiment_id),
    )
    axes = by.split(",")
    expected = {tuple(group["by"][axis] for axis in axes) for group in comparison["groups"]}
    assert {tuple(place[axis] for axis in axes) for place in written} == expected


def test_means_and_bands_are_those_of_numpy(served, lab, visit):
    page = visit(served.url).goto("#/")
    generator = np.random.default_rng(0)
    values = 1e6 + generator.normal(size=(5, 7))
    histories = [[run, list(range(1, 8)), row.tolist()] for run, row in enumerate(values)]
    histories[1][2][3] = "NaN"
    shown = page.evaluate(
        """async (histories) => {
          const { meanCurves } = await import("/static/lib/mean.js");
          const status = (id) => (id === 4 ? "diverged" : "completed");
          const runs = histories.map(([id]) => ({ id, status: status(id) }));
          const columns = ([id, epoch, loss]) => [id, { epoch, metrics: { loss } }];
          const told = new Map(histories.map(columns));
          return meanCurves(runs, told, "loss", () => "all").groups[0];
        }""",
        histories,
    )
    kept = values[:4].copy()
    kept[1, 3] = np.nan
    deviation = np.nanstd(kept, axis=0, ddof=1)
    np.testing.assert_allclose(shown["mean"], np.nanmean(kept, axis=0), rtol=1e-14)
    np.testing.assert_allclose(np.subtract(shown["high"], shown["mean"]), deviation, rtol=1e-6)
    assert (shown["n"], shown["diverged"]) == (4, 1)


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


def test_a_thousand_runs_stay_smooth(served, lab, visit):
    experiment_id = lab.submit(activation=["relu", "tanh", "elu", "selu"], seeds=250, epochs=30)
    columns = ", ".join(METRICS)
    values = ", ".join("0.5 + 0.4 * random()" for _ in METRICS)
    held = [lab.taken(worker=str(number)) for number in range(40)]
    lab.execute(
        f"INSERT INTO epochs (run_id, epoch, {columns}) SELECT id, number, {values} "
        "FROM runs, generate_series(1, 29) AS number WHERE experiment_id = :id",
        id=experiment_id,
    )
    lab.execute("UPDATE runs SET epoch = 29 WHERE experiment_id = :id", id=experiment_id)
    visitor = visit(served.url)
    page = visitor.goto(f"#/experiments/{experiment_id}")
    expect(page.locator(".live")).to_have_text("live")
    expect(page.locator(".legend .key")).to_have_count(4)
    page.evaluate(
        """() => {
          window.blocked = [0];
          const durations = (list) => list.getEntries().map((each) => each.duration);
          const note = (list) => window.blocked.push(...durations(list));
          new PerformanceObserver(note).observe({ type: "longtask" });
        }"""
    )
    for each in held:
        lab.epoch(each, 30, "completed", val_accuracy=0.99)
    expect(page.locator(".standing")).to_contain_text("40 of 1,000 runs")
    page.get_by_label("Order").select_option("val_accuracy")
    expect(page.locator(".runs tbody tr").first).to_contain_text("99.00%")
    _hover_and_zoom(page)
    blocked = page.evaluate("window.blocked")
    assert max(blocked) < 1_000, "wall time, so a busy machine counts too"
    print(f"The page was blocked for {max(blocked):.0f} ms at most.")
    assert page.locator(".runs tbody tr").count() == 50


def _hover_and_zoom(page: Any) -> None:
    plot = page.locator(".u-over").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 5, middle)
    expect(page.locator(".tip")).to_contain_text("Epoch 1")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, middle, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Reset zoom").click()
    expect(page.get_by_role("button", name="Reset zoom")).to_be_hidden()


def test_a_presets_claims_are_one_click_away_and_checked(served, lab, visit):
    page = visit(served.url).goto("#/new")
    page.get_by_role("link", name="Twelve initializations of one block").click()
    plan = page.get_by_role("complementary")
    expect(plan).to_contain_text("60 runs")
    expect(plan).to_contain_text("Its claims will be checked.")
    page.get_by_label("Seeds").fill("1")
    expect(plan).to_contain_text("12 runs")
    plan.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/#/experiments/*")
    claims = page.locator("section", has=page.get_by_role("heading", name="Claims"))
    expect(claims).to_contain_text("inconclusive")
    made = served.client.get("/v1/experiments").json()["items"][0]
    assert (made["preset"]["name"], made["runs"]["total"]) == ("block_initializers", 12)
    page.goto(f"{served.url}/#/new?preset=block_initializers")
    page.get_by_label("Edit as JSON").evaluate("element => element.closest('details').open = true")
    page.locator('fieldset[data-axis="normalization"]').get_by_role("button", name="layer").click()
    expect(plan).to_contain_text("its claims will not be checked")


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
