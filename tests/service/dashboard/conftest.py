"""An empty page beside the page's own modules and those of the tests, under the page's policy."""

import mimetypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.api.routes.dashboard import DASHBOARD_POLICY
from tests.support.page_visitors import opened_browser
from tests.support.paths import ROOT

_STATIC = ROOT / "service" / "dashboard" / "static"
_MODULES = Path(__file__).parent / "modules"
_ORIGIN = "http://page.test"
_FOLDERS = {f"{_ORIGIN}/static/": _STATIC, f"{_ORIGIN}/tests/": _MODULES}


def _serve(route: Any) -> None:
    """Answer a request of the browser with a file, or with an empty page."""
    address = route.request.url
    headers = {"content-security-policy": DASHBOARD_POLICY}
    for prefix, folder in _FOLDERS.items():
        if address.startswith(prefix):
            path = folder / address.removeprefix(prefix)
            content_type = mimetypes.guess_type(path.name)[0]
            route.fulfill(path=path, headers=headers | {"content-type": str(content_type)})
            return
    route.fulfill(body="<!doctype html>", headers=headers | {"content-type": "text/html"})


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """An empty page in the browser, beside the page's files."""
    with opened_browser() as browser:
        context = browser.new_context(locale="en-GB", timezone_id="UTC")
        opened = context.new_page()
        opened.route("**/*", _serve)
        opened.goto(_ORIGIN)
        yield opened
        context.close()
