"""``python -m docs.generate.page_pictures``: take the screenshots of docs/dashboard.md.

Starts the service with data of its own, trains what the screenshots show, and opens the page in
Chromium. Needs the same as the tests of the page: playwright and a Chromium of the system.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from actinium import Client
from docs.generate.browser import FLAGS, installed_browser
from docs.generate.sample_service import sample_service

FOLDER = Path(__file__).parents[1] / "pictures" / "dashboard"

_WIDE = ViewportSize(width=1440, height=1180)
_LOW = ViewportSize(width=1440, height=340)
_TELEPHONE = ViewportSize(width=390, height=844)
#: Time for charts, and for pictures that the service draws.
_DRAWN_MILLISECONDS = 3_000

#: One initializer fits each activation and others do not, so every verdict is shown.
_CIRCLES: dict[str, Any] = {
    "name": "circles: which initializer for which activation?",
    "tags": {"course": "dl"},
    "dataset": {"name": "circles", "train_size": 300, "test_size": 100, "factor": 0.8},
    "model": {"name": "mlp", "hidden_units": [32, 16, 16], "head": "binary"},
    "activation": ["relu", "tanh", "sigmoid", {"name": "leaky_relu", "negative_slope": 0.2}],
    "initializer": ["he_normal", "glorot_uniform", "zeros", {"name": "normal", "stddev": 1}],
    "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
    "batch_size": 32,
    "epochs": 15,
    "seeds": 3,
    "layer_statistics": {"every": 1, "samples": 200},
}
_MOONS: dict[str, Any] = {
    "name": "moons, epoch by epoch",
    "tags": {"course": "dl", "owner": "ada"},
    "dataset": {"name": "moons", "train_size": 300, "test_size": 100},
    "model": {"name": "mlp", "hidden_units": [16, 16], "head": "binary"},
    "activation": ["relu", "tanh"],
    "epochs": 10,
    "seeds": 4,
}
_DIGITS: dict[str, Any] = {
    "name": "digits: clipped or not",
    "tags": {"course": "dl"},
    "dataset": {"name": "digits", "train_size": 600, "test_size": 200},
    "model": {"name": "mlp", "hidden_units": [32]},
    "activation": "relu",
    "clipping": ["none", {"name": "norm", "max_norm": 1}],
    "epochs": 5,
    "seeds": 3,
}
#: Verdicts of the run that is shown, the most telling first.
_TELLING = ("dead", "exploding", "vanishing", "saturated", "symmetric")


@dataclass(frozen=True)
class Screenshot:
    """A view of the page to be taken.

    Attributes:
        name: of the file.
        place: the part of the address after ``#``.
        shown: selector of what must be visible first.
        settings: of the page, by their keys in the browser's storage.
        viewport: size of the window.
        prepare: is called with the page before the screenshot is taken.
        whole: take the page to its end instead of the window.
    """

    name: str
    place: str
    shown: str
    settings: dict[str, str]
    viewport: ViewportSize
    prepare: Callable[[Page], object] = lambda _: None
    whole: bool = False


def main() -> None:
    """Train, and take every screenshot."""
    prog = "python -m docs.generate.page_pictures"
    argparse.ArgumentParser(prog=prog, description=__doc__).parse_args()
    program = installed_browser()
    if program is None:
        sys.exit("There is no Chromium to be found; on Debian `apt-get install chromium`.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sample_service() as client, sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=FLAGS)
        for screenshot in screenshots(client):
            take(browser, client.url, screenshot)


def screenshots(client: Client) -> list[Screenshot]:
    """Train the experiments that are shown, and return the views of them."""
    for spec in (_DIGITS, _MOONS):
        client.wait(client.submit(spec), progress=False)
    circles = client.submit(_CIRCLES)
    client.wait(circles, progress=False)
    _wait_for_results(client)
    failed = next(run for verdict in _TELLING for run in client.runs(circles, verdict=verdict))
    experiment = f"/experiments/{circles['id']}"
    light = {"actinium.theme": "light", "actinium.language": "en"}
    dark = {"actinium.theme": "dark", "actinium.language": "en"}
    chinese = {"actinium.theme": "dark", "actinium.language": "zh"}
    return [
        Screenshot("experiments", "/", "text=circles", dark, _LOW),
        Screenshot("experiment", experiment, ".heatmap", light, _WIDE),
        Screenshot("telephone", experiment, ".heatmap", chinese, _TELEPHONE),
        Screenshot("run", f"/runs/{failed['id']}", "svg", light, _WIDE, whole=True),
        Screenshot("compose", "/new", "text=On one worker", light, _WIDE, prepare=_name),
    ]


def _wait_for_results(client: Client) -> None:
    """Wait until the best of each experiment in the list is of all its runs."""
    while any(each["results_of"] < each["runs"]["total"] for each in client.experiments()):
        time.sleep(0.5)


def _name(page: Page) -> None:
    page.get_by_label("Name", exact=True).fill("relu or tanh?")


def _draw_all(page: Page) -> None:
    """Scroll to what is drawn once it is in view, and back."""
    for card in page.locator("#main .card").all():
        card.scroll_into_view_if_needed()
        page.wait_for_timeout(_DRAWN_MILLISECONDS)
    page.evaluate("scrollTo(0, 0)")


def take(browser: Browser, url: str, screenshot: Screenshot) -> None:
    """Open a view, wait until it is drawn, and save it."""
    context = browser.new_context(base_url=url, viewport=screenshot.viewport, locale="en-GB")
    for name, value in screenshot.settings.items():
        context.add_init_script(f"localStorage.setItem({name!r}, {value!r})")
    page = context.new_page()
    page.goto(f"/#{screenshot.place}")
    page.locator(screenshot.shown).first.wait_for()
    screenshot.prepare(page)
    page.wait_for_timeout(_DRAWN_MILLISECONDS)  # a live view is never idle
    if screenshot.whole:
        _draw_all(page)
    page.screenshot(path=FOLDER / f"{screenshot.name}.png", full_page=screenshot.whole)
    context.close()


if __name__ == "__main__":
    main()
