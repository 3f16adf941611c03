"""The page, where experiments are watched: live, through a restart, a thousand runs at once."""

from typing import Any

import httpx
import numpy as np
import pytest

from deploy.embedded.ports import free_port
from service.catalog.metrics import EPOCH_METRICS
from tests.support.page_visitors import expect, settle
from tests.support.processes import Processes, wait_for
from tests.support.scripted_worker import Lab

pytestmark = pytest.mark.slow


def test_a_restarted_api_is_found_again_and_nothing_is_missed(settings, lab, visit, tmp_path):
    settings = settings.model_copy(update={"port": free_port()})
    url = f"http://127.0.0.1:{settings.port}"
    experiment_id = lab.submit(epochs=4)
    held = lab.taken()
    lab.epoch(held, 1, val_accuracy=0.1)
    with Processes(settings, tmp_path) as processes:
        api = processes.start("api", "service.cli", "api")
        wait_for(lambda: _answers(url), what="the API answers")
        visitor = visit(url)
        page = visitor.goto(f"#/experiments/{experiment_id}")
        live = page.locator(".live")
        expect(live).to_have_text("live")
        expect(page.locator(".legend")).to_contain_text("10.00%")
        listed = visitor.context.new_page()
        listed.goto(f"{url}/#/")
        expect(listed.locator(".live")).to_have_text("live")
        api.popen.kill()
        api.wait()
        expect(live).to_have_text("reconnecting …")
        expect(listed.locator(".live")).to_have_text("reconnecting …")
        lab.epoch(held, 2, val_accuracy=0.2)
        lab.submit(name="made meanwhile")
        processes.start("api again", "service.cli", "api")
        expect(live).to_have_text("live", timeout=30_000)
        expect(page.locator(".legend")).to_contain_text("20.00%")
        lab.epoch(held, 3, val_accuracy=0.3)
        lab.epoch(held, 4, "completed", val_accuracy=0.4)
        expect(page.locator(".top .heading")).to_contain_text("completed")
        expect(page.locator(".legend")).to_contain_text("40.00%")
        expect(listed.locator(".list")).to_contain_text("made meanwhile")
        expect(listed.locator(".experiment").last).to_contain_text("completed")
        visitor.expects("net::ERR_")


def test_the_list_moves_by_itself_and_asks_for_nothing_in_silence(served, lab, visit):
    first = lab.submit(name="first", seeds=2, epochs=1)
    visitor = visit(served.url)
    page = visitor.goto("#/")
    expect(page.locator(".live")).to_have_text("live")
    row = page.locator(f'[data-id="{first}"]')
    expect(row).to_contain_text("queued")
    lab.train(lab.taken())
    expect(row).to_contain_text("1 of 2 runs")
    lab.submit(name="second", activation="elu")
    expect(page.locator(".experiment").first).to_contain_text("second")
    lab.train_all()
    expect(page.locator(".badge.completed")).to_have_count(2)
    assert served.client.delete(f"/v1/experiments/{first}").is_success
    expect(page.locator(".experiment")).to_have_count(1)
    expect(page.locator(".experiment")).to_contain_text("second")
    # Whoever left the page follows nothing more.
    page.goto(f"{served.url}/#/catalog")
    hub = served.app.state.hub
    wait_for(lambda: hub.count_followers() == 0, what="the list's stream is closed")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").is_success
    except httpx.HTTPError:
        return False


def test_a_thousand_runs_stay_smooth(served, lab, visit):
    experiment_id = lab.submit(activation=["relu", "tanh", "elu", "selu"], seeds=250, epochs=30)
    columns = ", ".join(EPOCH_METRICS)
    values = ", ".join("0.5 + 0.4 * random()" for _ in EPOCH_METRICS)
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
    expect(page.locator(".progress-text")).to_contain_text("40 of 1,000 runs")
    expect(page.locator(".key").first).to_contain_text("99.00% · n=40")  # that have got so far
    page.get_by_label("Order").select_option("val_accuracy")
    expect(page.locator(".runs tbody tr").first).to_contain_text("99.00%")
    _hover_and_zoom(page)
    blocked = page.evaluate("window.blocked")
    assert max(blocked) < 1_000, "wall time, so a busy machine counts too"
    print(f"The page was blocked for {max(blocked):.0f} ms at most.")
    assert page.locator(".runs tbody tr").count() == 50


def _hover_and_zoom(page: Any) -> None:
    settle(page)
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


def test_cells_of_a_heat_map_find_their_runs_by_the_labels_of_the_api(served, lab, visit):
    experiment_id = _grid(lab)
    lab.train_all()
    page = visit(served.url).goto(f"#/experiments/{experiment_id}")
    labels = [
        run["labels"]
        for run in served.client.get("/v1/runs?limit=1000&order_by=position").json()["items"]
    ]
    rows, columns = (
        list(dict.fromkeys(run[axis] for run in labels)) for axis in ("activation", "initializer")
    )
    heatmap = page.locator(".heatmap")
    expect(heatmap.locator("tbody th")).to_have_text(rows)
    expect(heatmap.locator("thead th")).to_contain_text(["Activation", *columns])
    expect(heatmap.locator(".empty")).to_have_count(0)
    heatmap.locator("button").last.click()
    expect(page.locator(".filter")).to_contain_text(f"{rows[-1]} · {columns[-1]}")
    expect(page.locator(".runs tbody tr")).to_have_count(len(labels) // 4)
    names = page.locator(".runs tbody a").all_inner_texts()
    assert all(rows[-1] in name and columns[-1] in name for name in names)


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
    assert (shown["counts"], shown["diverged"]) == ([4, 4, 4, 3, 4, 4, 4], 1)
    _look_at_scales(page)


def _look_at_scales(page: Any) -> None:
    """Shares end at 100%, and an axis's labels can be told apart."""
    ticks = [[2.301, 2.302, 2.303], [-1e7, -5e6, 0], [0.1, None, 10], [99.995, 100], [2.35]]
    labels, group = page.evaluate(
        """async (ticks) => {
          const { meanCurves } = await import("/static/lib/mean.js");
          const { tickLabels } = await import("/static/lib/scale.js");
          const runs = [1, 2].map((id) => ({ id, status: "completed" }));
          const column = (id) => [0.95 + 0.05 * (id - 1), 0.1 * (id - 1)];
          const told = (id) => ({ epoch: [1, 2], metrics: { val_accuracy: column(id) } });
          const histories = new Map(runs.map(({ id }) => [id, told(id)]));
          const { groups } = meanCurves(runs, histories, "val_accuracy", () => "all");
          return [ticks.map(tickLabels), groups[0]];
        }""",
        ticks,
    )
    assert labels == [
        ["2.301", "2.302", "2.303"],
        ["-1e+7", "-5e+6", "0"],
        ["0.1", "", "10"],
        ["99.995", "100"],
        ["2.35"],
    ]
    np.testing.assert_allclose(group["mean"], [0.975, 0.05])
    assert (group["high"][0], group["low"][1]) == (1, 0)
