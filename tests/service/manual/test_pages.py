"""The pages there are: what can be named, and that a change of a file is seen."""

import os
import re

import pytest

from service.manual import pages, rendering
from tests.support.paths import ROOT

HELP = ROOT / "service" / "dashboard" / "static" / "lib" / "help.js"


def test_every_page_of_the_repository_is_there_and_no_program():
    found = set(pages.files())
    written = {path.relative_to(ROOT / "docs").as_posix() for path in pages.FOLDER.rglob("*.md")}
    assert {path for path in found if pages.is_page(path)} == written
    assert pages.START in written
    assert not [path for path in found if path.endswith(".py")]


@pytest.mark.parametrize("path", ["../pyproject.toml", "/etc/passwd", "howto", "generate/x.py", ""])
def test_no_other_file_can_be_named(path):
    assert not pages.is_page(path)
    with pytest.raises(KeyError):
        pages.page(path)


def test_a_page_is_rendered_anew_only_after_its_file_was_changed(tmp_path, monkeypatch):
    file = tmp_path / "a.md"
    file.write_text("# One\n")
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    pages.files.cache_clear()
    try:
        first = pages.page("a.md")
        assert pages.page("a.md") is first
        file.write_text("# Two\n")
        os.utime(file, ns=(0, 0))
        assert pages.page("a.md").title == "Two"
    finally:
        pages.files.cache_clear()


def test_every_page_has_a_title_of_its_own():
    titles = [page.title for page in pages.pages()]
    assert all(titles)
    repeated = {title for title in titles if titles.count(title) > 1}
    assert repeated == set()


def test_every_help_of_the_page_names_a_heading():
    named = re.findall(r': "([\w/.-]+\.md)(?:#([\w-]+))?"', HELP.read_text())
    assert len(named) > 30
    for path, anchor in named:
        anchors = {section.anchor for section in pages.page(path).sections}
        assert not anchor or anchor in anchors, f"{path} has no heading #{anchor}"


def test_every_page_can_be_parsed_without_markup_left_over():
    for page in pages.pages():
        text = rendering.render(page.path, (pages.FOLDER / page.path).read_text(), pages.files())
        assert text.html == page.html
        outside = re.sub(r"<(pre|code)\b.*?</\1>", "", page.html, flags=re.S)
        assert not re.search(r"\]\([^)]*\)|^\|", outside, re.M), page.path
