"""Markdown becomes HTML: headings with addresses, formulas, and links that stay within the pages.

The addresses of headings are those that GitHub gives them, so that a link works in both places.
"""

import itertools
import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

#: Where the service has a file of the repository that is no page.
_ELSEWHERE = {"../openapi.yaml": "/openapi.json"}
_FENCE = "$$"


@dataclass(frozen=True)
class ManualSection:
    """What a page says under one of its headings.

    Attributes:
        anchor: of the heading; empty for what is above the first heading.
        title: the heading.
        text: without the heading, and without markup.
    """

    anchor: str
    title: str
    text: str


@dataclass(frozen=True)
class ManualPage:
    """A page of the documentation.

    Attributes:
        path: of its file, from the folder of the documentation.
        title: its first heading.
        html: its content, as an article has it.
        sections: its text by heading, in order.
    """

    path: str
    title: str
    html: str
    sections: Sequence[ManualSection]


def render(path: str, text: str, files: Collection[str]) -> ManualPage:
    """Return a page.

    Args:
        path: of its file, from the folder of the documentation.
        text: its Markdown.
        files: paths of all files that the documentation has. A link to another file of the
            repository becomes a text that names the file.
    """
    markdown = _parser()
    tokens = markdown.parse(text)
    _name_headings(tokens)
    for token in tokens:
        token.children = list(_linked(token.children or [], path, files)) or token.children
    sections = list(_sections(tokens))
    titles = [section.title for section in sections if section.title]
    html = _without_empty_headings(markdown.renderer.render(tokens, markdown.options, {}))
    return ManualPage(path, titles[0] if titles else path, html, sections)


def _without_empty_headings(html: str) -> str:
    """Return the HTML with no heading over a column that has none: a screen reader reads them."""
    without_rows = re.sub(r"<thead>\n<tr>\n(<th></th>\n)+</tr>\n</thead>\n", "", html)
    return without_rows.replace("<th></th>", "<td></td>")


def _parser() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
    interrupted = ["paragraph", "reference", "blockquote", "list"]
    markdown.block.ruler.before("fence", "formula", _formula, {"alt": interrupted})
    markdown.add_render_rule("formula", _show_formula)
    markdown.add_render_rule("table_open", lambda *_: '<div class="scroll"><table>\n')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return markdown


def _formula(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Take the lines between two lines of ``$$`` as LaTeX; whether there are such lines."""
    lines = (state.getLines(at, at + 1, state.blkIndent, False).strip() for at in range(start, end))
    if next(lines) != _FENCE:
        return False
    length = next((at for at, line in enumerate(lines, start=1) if line == _FENCE), None)
    if length is None:
        return False
    if not silent:
        token = state.push("formula", "div", 0)
        token.content = state.getLines(start + 1, start + length, state.blkIndent, False).strip()
        token.map = [start, start + length + 1]
        state.line = start + length + 1
    return True


def _show_formula(_: object, tokens: Sequence[Token], index: int, *__: object) -> str:
    return f'<div class="formula"><code>{escapeHtml(tokens[index].content)}</code></div>\n'


def _name_headings(tokens: Sequence[Token]) -> None:
    """Give each heading the id by which links name it."""
    used: Counter[str] = Counter()
    for opening, content in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            slug = anchor_of(_plain(content))
            opening.attrSet("id", f"{slug}-{used[slug]}" if used[slug] else slug)
            used[slug] += 1


def anchor_of(title: str) -> str:
    """Return the address of a heading within its page: ``## What is said`` has what-is-said."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def _linked(tokens: Iterable[Token], path: str, files: Collection[str]) -> Iterator[Token]:
    """Yield the parts of a text; links out of the documentation are replaced."""
    closing = "</a>"
    for token in tokens:
        if token.type == "image":
            token.attrSet("loading", "lazy")
        if token.type == "link_open":
            target = str(token.attrGet("href"))
            place, file = _place(target, path, files)
            closing = "</a>" if place else "</span>"
            if place is None:
                opening = f'<span class="repository" title="{escapeHtml(file)}">'
                yield Token("html_inline", "", 0, content=opening)
                continue
            token.attrSet("href", place)
            if urlsplit(place).scheme:
                token.attrSet("rel", "noopener noreferrer")
        if token.type == "link_close" and closing == "</span>":
            yield Token("html_inline", "", 0, content=closing)
            continue
        yield token


def _place(target: str, path: str, files: Collection[str]) -> tuple[str | None, str]:
    """Return where a link of a page leads, None where to no page; and the file that it names."""
    parts = urlsplit(target)
    if parts.scheme or not parts.path:
        return target, ""
    named = unquote(posixpath.normpath(posixpath.join(posixpath.dirname(path), parts.path)))
    if named in files:
        return target, named
    return _ELSEWHERE.get(named), posixpath.normpath(posixpath.join("docs", named))


def _sections(tokens: Sequence[Token]) -> Iterator[ManualSection]:
    """Yield the text of a page, heading by heading."""
    anchor, title, parts = "", "", list[str]()
    named = False
    for token in tokens:
        if token.type == "heading_open":
            if title or parts:
                yield ManualSection(anchor, title, " ".join(parts))
            anchor, parts, named = str(token.attrGet("id")), [], True
        elif named:
            title, named = _plain(token), False
        elif text := _plain(token):
            parts.append(text)
    yield ManualSection(anchor, title, " ".join(parts))


def _plain(token: Token) -> str:
    """Return the text of a token as a reader sees it, its spaces and line ends as single spaces."""
    shown = ("text", "code_inline", "softbreak", "hardbreak", "image")
    if token.type == "inline":
        parts = [child for child in token.children or [] if child.type in shown]
        text = "".join(part.content or " " for part in parts)
    else:
        text = token.content if token.type in {"fence", "code_block", "formula"} else ""
    return " ".join(text.split())
