from collections.abc import Iterator
from typing import Any

import pytest

from docs.generate.browser import BROWSERS, FLAGS, installed_browser
from tests.support.scripted_worker import Lab
from tests.support.served_api import Served, serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from tests.support.page_visitors import playwright

    found = installed_browser()
    if found is None:
        pytest.skip(f"The browser tests need one of {', '.join(BROWSERS)}; none is installed.")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=found, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Make visitors; at the end none has met an error or another host."""
    from tests.support.page_visitors import Visitor

    visitors: list[Visitor] = []

    def come(url: str, **options: Any) -> Any:
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
