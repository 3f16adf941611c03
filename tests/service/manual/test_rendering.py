"""Markdown becomes HTML: addresses of headings, links, formulas, tables; and sections to search."""

from service.manual.rendering import ManualSection, anchor_of, render

FILES = {"a.md", "howto/b.md", "pictures/c.svg"}


def test_headings_have_the_addresses_that_github_gives_them():
    assert anchor_of("What `auto` is") == "what-auto-is"
    assert anchor_of("diverged: an outcome") == "diverged-an-outcome"
    assert anchor_of("leaky_relu") == "leaky_relu"
    page = render("a.md", "# One\n\n## Same\n\n## Same\n\n## `code` & more\n", FILES)
    for anchor in ("one", "same", "same-1", "code--more"):
        assert f' id="{anchor}"' in page.html
    assert page.title == "One"


def test_links_stay_within_the_pages_or_say_which_file_they_mean():
    page = render(
        "howto/b.md",
        "[a](../a.md#x) [here](#y) [api](../../openapi.yaml) [code](../../deploy/up.py) "
        "[gone](nope.md) [out](https://example.org) ![c](../pictures/c.svg)",
        FILES,
    )
    assert '<a href="../a.md#x">a</a>' in page.html
    assert '<a href="#y">here</a>' in page.html
    assert '<a href="/openapi.json">api</a>' in page.html
    assert '<span class="repository" title="deploy/up.py">code</span>' in page.html
    assert '<span class="repository" title="docs/howto/nope.md">gone</span>' in page.html
    assert '<a href="https://example.org" rel="noopener noreferrer">out</a>' in page.html
    assert '<img src="../pictures/c.svg" alt="c" loading="lazy"' in page.html


def test_formulas_are_left_as_they_are():
    page = render("a.md", "# F\n\n$$\na_1 * b_2 < c\n$$\n\nIt costs $5.\n\n$$ open", FILES)
    assert '<div class="formula"><code>a_1 * b_2 &lt; c</code></div>' in page.html
    assert "<p>It costs $5.</p>" in page.html
    assert "<p>$$ open</p>" in page.html


def test_a_table_scrolls_and_has_no_empty_headings():
    page = render("a.md", "| | |\n|---|---|\n| x | y |\n\n| | b |\n|---|---|\n| x | y |\n", FILES)
    assert page.html.count('<div class="scroll"><table>') == 2
    assert page.html.count("<thead>") == 1
    assert "<th></th>" not in page.html
    assert "<th>b</th>" in page.html


def test_sections_hold_the_text_without_markup():
    text = "Above.\n\n# One\n\nSome *more*\ntext, [linked](a.md).\n\n- `code`\n\n## Two\n"
    page = render("a.md", text, FILES)
    assert page.sections == [
        ManualSection("", "", "Above."),
        ManualSection("one", "One", "Some more text, linked. code"),
        ManualSection("two", "Two", ""),
    ]
