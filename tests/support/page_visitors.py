"""A person with a browser, for tests of the page.

Importing this skips a test module where playwright is missing.
"""

from typing import Any

import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="The browser tests need playwright, which is not installed."
)
expect = playwright.expect
expect.set_options(timeout=15_000)

WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}


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
