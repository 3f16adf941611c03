"""The system's Chromium, for the tests of the page and its screenshots."""

import shutil

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def installed_browser() -> str | None:
    """Return the path of a browser; None where none is installed."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)
