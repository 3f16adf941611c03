"""The documentation over HTTP: open, confined, cached; and every link in it leads somewhere."""

import re
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from pydantic import SecretStr

from service.api.app import create_app
from service.manual import pages
from tests.support.served_api import ask


@pytest.fixture
def app(settings):
    return create_app(settings.model_copy(update={"api_key": SecretStr("act_secret_of_this_test")}))


class _Document(HTMLParser):
    """What a document names: addresses, and the ids that addresses can name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in {"href", "src", "srcset"} and value:
                self.links.add(value)
            if name == "id" and value:
                self.ids.add(value)


def test_a_page_needs_no_key_and_trusts_nothing_but_itself(app):
    answer = ask(app, "GET", "/docs/comparisons.md", address="203.0.113.7")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy == ask(app, "GET", "/").headers["content-security-policy"]
    assert "<title>Comparing configurations · Actinium</title>" in answer.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", answer.text)


def test_pages_pictures_and_notebooks_are_cached_by_their_content(app):
    for path, content_type in (
        ("", "text/html"),
        ("README.md", "text/html"),
        ("catalog/pictures/relu.svg", "image/svg+xml"),
        ("pictures/dashboard/run.png", "image/png"),
        ("pictures/decision_boundary.gif", "image/gif"),
        ("notebooks/which_activation.ipynb", "application/"),
    ):
        answer = ask(app, "GET", f"/docs/{path}")
        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith(content_type)
        assert answer.headers["cache-control"] == "private, no-cache"
        known = {"if-none-match": answer.headers["etag"]}
        again = ask(app, "GET", f"/docs/{path}", headers=known)
        assert (again.status_code, again.content) == (304, b"")
        head = ask(app, "HEAD", f"/docs/{path}")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"] == answer.headers["etag"]


@pytest.mark.parametrize(
    "path",
    [
        "/docs/%2e%2e/pyproject.toml",
        "/docs/..%2fpyproject.toml",
        "/docs/howto/..%2f..%2fLICENSE",
        "/docs//etc/passwd",
        "/docs/generate/browser.py",
        "/docs/howto",
        "/docs/..%2fv1/experiments",
        "/docs/nope.md",
    ],
)
def test_no_other_file_is_served(app, path):
    answer = ask(app, "GET", path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_search_is_answered_and_bounded(app):
    answer = ask(app, "GET", "/docs/search.json", params={"q": "gradient clipping"})
    assert answer.status_code == 200
    found = answer.json()
    assert found["total"] >= len(found["matches"]) > 3
    assert found["matches"][0]["page"] == "clipping"
    assert found["matches"][0]["address"].startswith("/docs/catalog/clipping.md#")
    assert ask(app, "GET", "/docs/search.json", params={"q": "zyzzyva"}).json()["matches"] == []
    refused = ask(app, "GET", "/docs/search.json", params={"q": "x" * 201})
    assert refused.status_code == 422
    assert ask(app, "GET", "/docs/search.json").status_code == 422


def test_every_link_of_every_page_leads_somewhere(app):
    """To a page and a heading on it, to a picture, or to what the service has elsewhere."""
    documents = {
        f"/docs/{path}": _Document(ask(app, "GET", f"/docs/{path}").text)
        for path in pages.files()
        if pages.is_page(path)
    }
    others = set()
    for place, document in documents.items():
        for link in document.links:
            target, anchor = urldefrag(urljoin(place, link))
            if urlsplit(target).scheme:
                continue
            if target in documents:
                assert not anchor or anchor in documents[target].ids, f"{place} links to {link}"
            else:
                others.add(target)
    assert "/openapi.json" in others
    for target in others:
        assert ask(app, "GET", target).status_code == 200, target
