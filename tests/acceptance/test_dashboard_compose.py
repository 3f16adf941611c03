"""The page, where experiments are composed: in a real browser, as a person does."""

import csv
import io
import json
import os
import subprocess
import sys
from typing import Any

from tests.support.page_visitors import expect
from tests.support.paths import ROOT
from tests.support.processes import Processes


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
        axis("model").get_by_label("Hidden units").fill("16, 16")
        expect(axis("model").get_by_title("hidden_units: ")).to_have_text("hidden units")
        for activation in ("relu", "tanh", "identity"):  # the first two are there to begin with
            press("activation", activation)
        press("optimizer", "sgd")
        axis("optimizer").get_by_label("learning_rate").fill("0.1")
        axis("optimizer").get_by_role("button", name="Add another sgd").click()
        axis("optimizer").get_by_label("learning_rate").nth(1).fill("-1")
        expect(axis("optimizer").get_by_role("alert")).to_contain_text("greater than or equal to 0")
        expect(page.get_by_role("button", name="Submit")).to_be_disabled()
        axis("optimizer").get_by_label("learning_rate").nth(1).fill("1e3")
        plan = page.get_by_role("complementary")
        page.get_by_label("Seeds").fill("many")
        expect(page.locator('[data-field="seeds"]').get_by_role("alert")).to_contain_text("many")
        page.get_by_label("Seeds").fill("2")
        expect(plan).to_contain_text("4 runs")
        _break_the_json_and_come_back(page)
        expect(plan).to_contain_text("4 runs")
        expect(plan).to_contain_text("On one worker")
        expect(plan.locator(".prediction").first).to_contain_text("over 2 hidden layers")
        network = plan.locator(".network details")
        expect(network.locator("summary")).to_have_text("Network: 6 layers, 1,482 parameters")
        network.locator("summary").click()
        expect(network.locator("tbody tr").nth(1)).to_contain_text("dense_1 dense")
        shown = json.loads(page.get_by_label("Edit as JSON").input_value())
        snippets = {}
        for kind in ("curl", "Python", "JSON"):
            plan.get_by_role("button", name=kind, exact=True).click()
            plan.get_by_role("button", name="Copy").click()
            expect(plan.locator(".snippets").get_by_role("status")).to_have_text("Copied.")
            snippets[kind] = page.evaluate("navigator.clipboard.readText()")
        method, path = plan.locator(".snippets .note").inner_text().split()
        page.get_by_role("button", name="Submit").click()
        visitor.expects("422")

        page.wait_for_url("**/#/experiments/*")
        assert page.evaluate("sessionStorage.length") == 0, "what is submitted is no draft"
        heading = page.locator(".top .heading")
        expect(heading).to_contain_text("live")
        expect(heading).to_contain_text("completed", timeout=60_000)
        expect(page.locator(".progress-text")).to_contain_text("4 of 4 runs · 2 diverged")
        expect(page.locator(".legend .key")).to_have_count(2)
        expect(page.locator(".ranking tbody tr").last).to_contain_text("2 diverged")

        experiment_id = page.url.rpartition("/")[2]
        stored = served.client.get(f"/v1/experiments/{experiment_id}").json()
        rates = [each["learning_rate"] for each in stored["spec"]["optimizer"]]
        assert rates == [each["learning_rate"] for each in shown["optimizer"]] == [0.1, 1000]
        with page.expect_download() as saving:
            page.locator(".actions .menu summary", has_text="Download").click()
            page.get_by_role("button", name="Histories, CSV").click()
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
        sent = served.client.request(method, path, json=json.loads(snippets["JSON"]))
        assert sent.json()["spec"] == stored["spec"]
        again = served.client.get("/v1/experiments").json()["items"]
        assert [each["status"] for each in again] == ["completed"] * 4


def _break_the_json_and_come_back(page: Any) -> None:
    """What cannot be read is not sent, and not lost either when one looks at something else."""
    written = page.get_by_label("Edit as JSON")
    whole = written.input_value()
    page.get_by_text("Edit as JSON").click()
    written.fill(whole[:-1])
    problem = page.locator(".as-json").get_by_role("alert")
    expect(problem).to_contain_text("This is not valid JSON")
    expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    page.get_by_role("link", name="Catalog").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Catalog")
    page.go_back()
    expect(written).to_have_value(whole[:-1])
    expect(problem).to_be_visible()
    expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    expect(page.get_by_label("Name", exact=True)).to_have_value("learning rates")
    written.fill(whole)
    expect(problem).to_be_hidden()


def _replay_layers(page: Any) -> None:
    """By keyboard alone: distributions before the first step, and none once all are infinite."""
    slider = page.get_by_role("slider", name="Epoch")
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


def test_a_presets_claims_are_one_click_away_and_checked(served, lab, visit):
    page = visit(served.url).goto("#/new")
    page.get_by_text("more published claims").click()
    page.get_by_role("link", name="Twelve initializations of one block").click()
    plan = page.get_by_role("complementary")
    expect(plan).to_contain_text("240 runs")
    expect(plan).to_contain_text("Its claims will be checked.")
    page.get_by_label("Seeds").fill("1")
    expect(plan).to_contain_text("48 runs")
    snippets = {}
    for kind in ("curl", "Python"):
        plan.get_by_role("button", name=kind, exact=True).click()
        snippets[kind] = plan.locator(".snippet").inner_text()
    plan.get_by_role("button", name="Submit").click()
    page.wait_for_url("**/#/experiments/*")
    claims = page.locator("section", has=page.get_by_role("heading", name="Claims"))
    expect(claims).to_contain_text("inconclusive")
    made = served.client.get("/v1/experiments").json()["items"][0]
    assert (made["preset"]["name"], made["runs"]["total"]) == ("block_initializers", 48)
    same = json.loads(_run(["bash", "-c", snippets["curl"]]))
    _run([sys.executable, "-c", snippets["Python"].replace("client.wait(experiment)", "")])
    latest = served.client.get("/v1/experiments").json()["items"][0]
    assert latest["id"] != same["id"]
    assert latest["preset"] == same["preset"] == made["preset"]
    assert latest["runs"]["total"] == same["runs"]["total"] == 48
    page.goto(f"{served.url}/#/new?preset=block_initializers")
    page.get_by_label("Edit as JSON").evaluate("element => element.closest('details').open = true")
    page.locator('fieldset[data-axis="normalization"]').get_by_role("button", name="layer").click()
    expect(plan).to_contain_text("its claims will not be checked")
    page.get_by_role("link", name="Experiments").click()
    page.get_by_role("link", name="New experiment").first.click()
    expect(page.get_by_role("heading", name="From the preset")).to_have_count(0)
    expect(plan).to_contain_text("6 runs")
    page.locator(".drafts a").click()
    expect(plan).to_contain_text("its claims will not be checked")
    page.get_by_role("button", name="Discard draft").click()
    expect(page.get_by_role("heading", name="From the preset")).to_have_count(0)
    expect(plan).to_contain_text("6 runs")


def test_each_default_is_named_and_leads_to_its_field(served, visit):
    page = visit(served.url).goto("#/new")
    settings = page.get_by_role("group", name="Settings with a default")
    batch = settings.get_by_role("button", name="Batch size")
    expect(batch).to_have_text("Batch size128")
    batch.click()
    field = page.get_by_label("Batch size", exact=False)
    expect(field).to_be_focused()
    field.fill("32")
    expect(batch).to_have_text("Batch size32instead of 128")
    unchanged = settings.get_by_role("button", name="Clipping")
    border = "element => getComputedStyle(element).borderColor"
    assert batch.evaluate(border) != unchanged.evaluate(border)
    page.locator('fieldset[data-axis="optimizer"]').get_by_role("button", name="sgd").click()
    expect(settings).to_contain_text("sgd 0.01instead of adam 0.001")
    field.fill("")
    expect(batch).to_have_text("Batch size128")
    unchanged.press("Enter")
    expect(page.locator('fieldset[data-axis="clipping"] button').first).to_be_focused()
