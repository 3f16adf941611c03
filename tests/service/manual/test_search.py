"""The search of the documentation: what is found, in which order, and what is shown of it."""

from service.manual import pages
from service.manual.rendering import render
from service.manual.search import search

PAGES = [
    render("a.md", "# Gradients\n\n## Clipping\n\nIt bounds a step.\n\n## Other\n\nNo word.\n", ()),
    render("b.md", "# Losses\n\nGradient clipping, once.\n\n## More\n\nClipped gradients.\n", ()),
]


def _found(question: str) -> list[tuple[str, str]]:
    return [(match.path, match.anchor) for match in search(PAGES, question)]


def test_a_section_has_every_word_in_its_text_heading_or_title():
    assert _found("gradient clipping") == [("a.md", "clipping"), ("b.md", "losses")]
    assert _found("clipp grad") == [
        ("a.md", "clipping"),
        ("b.md", "losses"),
        ("b.md", "more"),
    ]
    assert _found("GRADIENT") == _found("gradient")
    assert _found("lipping") == [], "words are found by how they begin"
    assert _found("gradient nowhere") == []
    assert _found("  ") == []


def test_a_question_is_no_pattern():
    assert _found("cl.pping") == []
    assert _found("(") == []
    assert _found("*") == []


def test_an_excerpt_is_around_the_words_and_cut_between_words():
    text = "word " * 100 + "needle " + "word " * 100
    (match,) = search([render("a.md", f"# A\n\n{text}", ())], "needle")
    assert match.excerpt.startswith("… word")
    assert match.excerpt.endswith("word …")
    assert " needle " in match.excerpt
    assert len(match.excerpt) < 200


def test_the_documentation_has_gradient_clipping():
    found = search(pages.pages(), "gradient clipping")
    assert found[0].path == "catalog/clipping.md"
    assert search(pages.pages(), "how many seeds")[0].path.startswith("tutorial/4")
