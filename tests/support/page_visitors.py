"""A browser, and a person who uses it, for tests of the page.

Importing this skips a test module where playwright is missing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from docs.generate.browser import BROWSERS, FLAGS, installed_browser
from tests.support.processes import wait_for

playwright = pytest.importorskip(
    "playwright.sync_api", reason="The browser tests need playwright, which is not installed."
)
expect = playwright.expect
expect.set_options(timeout=15_000)

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}

_STILL = """() => new Promise((resolve) => {
  let timer = setTimeout(resolve, 500);
  new MutationObserver(() => { clearTimeout(timer); timer = setTimeout(resolve, 500); })
    .observe(document.getElementById("main"), { childList: true, subtree: true });
})"""


@contextmanager
def opened_browser() -> Iterator[Any]:
    """Run the system's browser until the block ends; skip the test where there is none."""
    program = installed_browser()
    if program is None:
        pytest.skip(f"The browser tests need one of {', '.join(BROWSERS)}; none is installed.")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def expect_to_fit(page: Any) -> None:
    """Expect nothing to be wider than the window; charts follow its size a moment later."""

    def width() -> int:
        return int(page.evaluate("document.documentElement.scrollWidth"))

    wait_for(
        lambda: width() <= page.viewport_size["width"],
        what=lambda: f"{page.url} fits into the window, but is {width()} pixels wide",
    )


def expect_drawn(picture: Any) -> None:
    """Expect a picture that the browser can draw."""
    drawn = "image => image.decode().then(() => true, () => false)"  # false, too, if asked anew
    wait_for(lambda: picture.evaluate(drawn), what="the picture is drawn")


def settle(page: Any) -> None:
    """Wait until the view has not changed for half a second: what arrives moves what is below."""
    page.evaluate(_STILL)


class Visitor:
    """A person with a tab of the browser, and everything that went wrong in it.

    Attributes:
        problems: errors and warnings of the page, and dialogs.
        expected: words of problems that the test itself causes.
        strangers: addresses outside the service that the page asked.
    """

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
        self.page.on("console", self._note_problem)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("dialog", lambda dialog: self.problems.append(dialog.message))
        self.page.on("request", self._note_stranger)

    def _note_problem(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.problems.append(f"{message.text} {message.location.get('url')}")

    def _note_stranger(self, request: Any) -> None:
        if not request.url.startswith((self.url, f"blob:{self.url}", "data:")):
            self.strangers.append(request.url)

    def expects(self, word: str) -> None:
        """Ignore problems with this word: the browser logs each request that a test makes fail."""
        self.expected.append(word)

    def surprises(self) -> list[str]:
        """Return the problems that no test expects."""
        return [
            problem
            for problem in self.problems
            if not any(word in problem for word in self.expected)
        ]

    def goto(self, place: str) -> Any:
        """Open a view anew, and return the tab."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.url}/{place}")
        expect(self.page.locator("#main h1")).to_be_visible()
        return self.page
