"""What may be written to a terminal: text without orders, in the letters and width it has."""

import os
import sys
from collections.abc import Iterable
from io import TextIOWrapper

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.measure import Measurement
from rich.segment import Segment

#: Characters that a terminal obeys or that reorder a line, and what is shown in their place: the
#: pictures that Unicode has of the first, else a mark. A line's end stays.
_MARKS = {code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)}
_MARKS |= {0x7F: 0x2421} | dict.fromkeys((*range(0x80, 0xA0), 0x2028, 0x2029), 0xFFFD)
_MARKS |= dict.fromkeys((0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD)


def visible(text: str) -> str:
    """Return a text with a mark in place of each character that a terminal would obey."""
    return text.translate(_MARKS)


def visible_console(**options: object) -> Console:
    """Return a console that shows names, tags and all other text with such marks."""
    console = Console(highlight=False, **options)  # type: ignore[arg-type]
    console.push_render_hook(_Visible())
    return console


def prepare_terminal() -> None:
    """Let output be written whatever the environment says.

    Characters that the encoding lacks are shown as ``?``. A ``COLUMNS`` that is no width, such as
    0, is dropped: tables would have no room for a letter.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    columns = os.environ.get("COLUMNS", "1")
    if not (columns.isdecimal() and int(columns) > 0):
        del os.environ["COLUMNS"]


class _Visible(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Marked(renderable) for renderable in renderables]


class _Marked:
    """Something to show; its own styles are kept."""

    def __init__(self, content: ConsoleRenderable) -> None:
        self._content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _marked(console.render(self._content, options))

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._content)


def _marked(segments: Iterable[Segment]) -> Iterable[Segment]:
    for segment in segments:
        if segment.control:
            yield segment
        else:
            yield Segment(visible(segment.text), segment.style)
