"""Full text search: the sections that have every word of a question, the best first."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from service.manual.rendering import ManualPage, ManualSection

MOST_WORDS = 8
#: Characters of a section that are shown around the first word found.
_EXCERPT = 180
_BEFORE = 50

#: What a word counts for: in a heading, in the title of the page, in the text (and how often at
#: most), and for the words one after another in a heading or in the text.
_IN_HEADING, _IN_TITLE, _IN_TEXT, _MOST_OFTEN = 8, 4, 1, 5
_PHRASE_IN_HEADING, _PHRASE_IN_TEXT = 20, 8


@dataclass(frozen=True)
class ManualMatch:
    """A section that a search found.

    Attributes:
        path: of the page.
        page: its title.
        anchor: of the section's heading; empty above the first.
        section: the heading.
        excerpt: its text around the first of the words.
    """

    path: str
    page: str
    anchor: str
    section: str
    excerpt: str


def search(pages: Iterable[ManualPage], question: str) -> list[ManualMatch]:
    """Return the sections with every word of a question, or with words that begin like them.

    Only the first ``MOST_WORDS`` words count. Nothing is found where the question has none.
    """
    words = [re.escape(word) for word in question.lower().split()][:MOST_WORDS]
    if not words:
        return []
    patterns = [re.compile(r"(?<!\w)" + word) for word in words]
    phrase = re.compile(r"(?<!\w)" + r"\W+".join(words))
    found = sorted(_found(pages, patterns, phrase), key=lambda scored: -scored[0])
    return [match for _, match in found]


def _found(
    pages: Iterable[ManualPage], patterns: Sequence[re.Pattern[str]], phrase: re.Pattern[str]
) -> Iterator[tuple[int, ManualMatch]]:
    """Yield each section that matches, with its score."""
    for page in pages:
        title = page.title.lower()
        for section in page.sections:
            heading, text = section.title.lower(), section.text.lower()
            whole = f"{title} {heading} {text}"
            if not all(pattern.search(whole) for pattern in patterns):
                continue
            score = sum(_score(pattern, title, heading, text) for pattern in patterns)
            if len(patterns) > 1:
                score += _PHRASE_IN_HEADING * bool(phrase.search(heading))
                score += _PHRASE_IN_TEXT * bool(phrase.search(text))
            yield score, _match(page, section, (phrase, *patterns))


def _score(pattern: re.Pattern[str], title: str, heading: str, text: str) -> int:
    often = min(len(pattern.findall(text)), _MOST_OFTEN)
    in_title, in_heading = bool(pattern.search(title)), bool(pattern.search(heading))
    return _IN_TITLE * in_title + _IN_HEADING * in_heading + _IN_TEXT * often


def _match(
    page: ManualPage, section: ManualSection, patterns: Iterable[re.Pattern[str]]
) -> ManualMatch:
    """Return a section as a match, with its text around the first pattern that is in it."""
    places = (pattern.search(section.text.lower()) for pattern in patterns)
    first = next((place.start() for place in places if place), 0)
    excerpt = _excerpt(section.text, first)
    return ManualMatch(page.path, page.title, section.anchor, section.title, excerpt)


def _excerpt(text: str, at: int) -> str:
    """Return whole words of a text from a little before a place on."""
    start = max(0, at - _BEFORE)
    if start:
        start = text.find(" ", start) + 1
    end = start + _EXCERPT
    if end < len(text):
        end = max(text.rfind(" ", start, end), at + 1)
    return f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"
