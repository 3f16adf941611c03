"""The page's comparison: runs of any experiments side by side, live where they still train."""

import math
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from service.histories.diagnoses import Insight
from tests.support.http_peers import Relay
from tests.support.layer_samples import SICK, drawable
from tests.support.page_visitors import expect
from tests.support.processes import wait_for

pytestmark = pytest.mark.slow

#: When each redrawing of the legend came, in milliseconds.
_NOTE_REDRAWINGS = """() => {
  window.redrawn = [];
  const note = () => window.redrawn.push(performance.now());
  const what = { childList: true, characterData: true, subtree: true };
  new MutationObserver(note).observe(document.querySelector(".legend"), what);
}"""


@pytest.fixture
def relay(served) -> Iterator[Relay]:
    with Relay(served.url) as between:
        yield between


def _row(page: Any, name: str) -> Any:
    return page.locator(".compare tr", has=page.get_by_role("rowheader", name=name, exact=True))


def test_runs_that_train_are_followed_to_their_end(served, relay, lab, visit):
    lab.submit(activation="tanh", epochs=2)
    done = lab.taken()
    lab.train(done, val_accuracy=0.5)
    lab.submit(activation="relu", epochs=60)
    held, gone = lab.taken(), uuid.uuid4()
    visitor = visit(relay.url)
    visitor.expects("net::ERR_")
    visitor.expects("404")
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    page = visitor.goto(f"#/compare?runs={done.run_id},{gone},{held.run_id}")
    live, legend = page.locator(".live"), page.locator(".legend")
    expect(live).to_have_text("live")
    expect(page.locator(".notice").first).to_contain_text("1 selected run no longer exists")
    expect(page.locator(".notice").first).to_contain_text(str(gone))
    expect(_row(page, "Status")).to_contain_text("completed")
    expect(_row(page, "Status")).to_contain_text("running")
    remove = page.get_by_role("button", name="Remove relu")
    remove.focus()
    lab.epoch(held, 1, val_accuracy=0.1)
    expect(legend).to_contain_text("10.00%")
    expect(_row(page, "Epoch")).to_contain_text("1 / 60")

    page.evaluate(_NOTE_REDRAWINGS)
    for epoch in range(2, 40):
        lab.epoch(held, epoch, val_accuracy=epoch / 100)
    expect(legend).to_contain_text("39.00%")
    moments = page.evaluate("window.redrawn")
    assert len(moments) <= (moments[-1] - moments[0]) / 250 + 2  # four times a second, not 38
    expect(remove).to_be_focused()  # what did not change was not drawn again

    relay.target = "http://127.0.0.1:9"  # nobody listens there
    relay.cut()
    expect(live).to_have_text("reconnecting \u2026")
    lab.epoch(held, 40, val_accuracy=0.4)
    relay.target = served.url
    expect(live).to_have_text("live")
    expect(legend).to_contain_text("40.00%")
    lab.epoch(held, 41, val_accuracy=0.41)
    lab.epoch(held, 42, "diverged", val_accuracy=0.42, val_loss=math.nan, loss=math.inf)
    expect(_row(page, "Status")).to_contain_text("diverged")
    expect(_row(page, "Validation loss")).to_contain_text("not a number")
    expect(_row(page, "Training loss")).to_contain_text("infinite")
    expect(legend).to_contain_text("42.00%")
    expect(live).to_have_text("")
    hub = served.app.state.hub
    wait_for(lambda: hub.count_followers() == 0, what="the stream is closed")
    # To begin with, after each beginning of the stream, and at the end: never in between.
    assert len([each for each in asked if each.endswith(f"{held.run_id}/history")]) == 4


def test_what_has_ended_is_not_followed_and_what_is_not_there_is_left_out(served, lab, visit):
    experiment = lab.submit(activation=["relu", "elu"])
    lab.train_all()
    ids = [str(run.id) for run in lab.runs(experiment)]
    visitor = visit(served.url)
    page = visitor.goto(f"#/runs/{ids[0]}")
    page.get_by_role("button", name="Add to comparison").click()
    expect(page.get_by_role("button", name="Remove from comparison")).to_be_visible()
    page.get_by_role("link", name="Compare (1)").click()
    expect(page.get_by_label("Hide equal rows")).to_have_count(0)  # there is nothing to equal
    # A run's address is as good as its id, and what is neither is left out, once.
    page.get_by_label("run id").fill(f"nonsense {served.url}/#/runs/{ids[1].upper()} nonsense")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".notice").first).to_have_text("1 selected run no longer exists: nonsense")
    expect(page.locator('[data-view="compare"]')).to_have_text("Compare (2)")
    expect(page.locator(".legend .key")).to_have_count(2)
    page.get_by_label("Hide equal rows").check()
    expect(_row(page, "Status")).to_be_hidden()
    expect(_row(page, "Activation")).to_contain_text("relu")
    shown = page.locator(".compare tbody tr:visible")
    expect(page.locator("tr.differs:visible")).to_have_count(shown.count())
    page.evaluate("sessionStorage.setItem('actinium.compare', '{')")
    page.reload()  # which outlasts what cannot be read
    expect(page.locator('[data-view="compare"]')).to_have_text("Compare")
    expect(page.locator(".legend .key")).to_have_count(2)
    assert served.app.state.hub.count_followers() == 0
    assert served.client.delete(f"/v1/experiments/{experiment}").is_success
    visitor.expects("422")
    other = visit(served.url)  # the first one's browser keeps what can never change
    page = other.goto(f"#/compare?runs={','.join(ids)}")
    expect(page.locator(".notice").first).to_contain_text("2 selected runs no longer exist")
    expect(page.locator(".empty")).to_be_visible()
    other.expects("404")


def test_the_layers_of_two_runs_stand_side_by_side_at_one_epoch(served, lab, visit):
    lab.submit(activation=["relu", "tanh"], epochs=2, dataset="moons", model="mlp")
    runs = []
    for _ in range(2):
        claim = lab.taken()
        lab.start(claim, Insight(drawable(layers=2), SICK))
        lab.epoch(claim, 1, insight=Insight(drawable(layers=2)))
        lab.epoch(claim, 2, "completed")
        runs.append(str(claim.run_id))
    page = visit(served.url).goto(f"#/compare?runs={','.join(runs)}")
    panels = page.locator("section", has=page.locator(".violin-grid"))
    expect(panels.locator("h2")).to_have_text(["Layers: relu", "Layers: tanh"])
    epochs = panels.locator("output")
    expect(epochs).to_have_text(["Epoch 1", "Epoch 1"])
    panels.first.get_by_role("slider").press("Home")
    expect(epochs).to_have_text(["Epoch 0: at initialization"] * 2)
