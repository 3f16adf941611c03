from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.scripted_worker import Lab
from tests.support.served_api import Served, serving


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from tests.support.page_visitors import opened_browser

    with opened_browser() as opened:
        yield opened


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Make visitors; at the end none has met an error or another host."""
    from tests.support.page_visitors import Visitor

    visitors: list[Visitor] = []

    def come(url: str, **options: Any) -> Any:
        visitors.append(Visitor(browser, url, **options))
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.context.close()
    assert [each.surprises() for each in visitors] == [[] for _ in visitors]
    assert [each.strangers for each in visitors] == [[] for _ in visitors]


@pytest.fixture
def served(settings) -> Iterator[Served]:
    with serving(settings) as running:
        yield running


@pytest.fixture
def lab(sessions, settings) -> Lab:
    return Lab(sessions, settings)
