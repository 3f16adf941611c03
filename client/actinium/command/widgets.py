"""Widgets for the terminal: tables, columns, bars, coloured cells."""

from collections.abc import Collection

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from actinium.statuses import RunStatus
from actinium.types import Diagnosis

STATUS_STYLES: dict[RunStatus, str] = {
    "queued": "dim",
    "running": "cyan",
    "completed": "green",
    "diverged": "magenta",
    "failed": "bold red",
    "cancelled": "yellow",
}
#: Colours of outcomes and verdicts; all others are red.
DIAGNOSIS_STYLES = {
    "healthy": "green",
    "learned": "green",
    "still_learning": "yellow",
    "overfits": "yellow",
}
#: The last digits of an id, which are random; its first ones are a time.
SHORT_ID = 8

_BAR_COLUMNS = 10
#: Wider than any table.
_UNBOUNDED_COLUMNS = 10_000


class Fitting:
    """The first of several layouts that fits the terminal, or the last if none does."""

    def __init__(self, *layouts: RenderableType) -> None:
        self._layouts = layouts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the layout that fits."""
        unbounded = options.update(max_width=_UNBOUNDED_COLUMNS)
        for layout in self._layouts[:-1]:
            if Measurement.get(console, unbounded, layout).maximum <= options.max_width:
                yield layout
                return
        yield self._layouts[-1]


def words(name: str, *, most: int | None = None) -> Column:
    """Return a column of text, which may be broken into several lines.

    Args:
        name: of the column.
        most: its most characters per line, if there is a limit.
    """
    return Column(_header(name), overflow="fold", max_width=most)


def fixed(name: str) -> Column:
    """Return a column of text that is never broken."""
    return Column(_header(name), no_wrap=True)


def numbers(name: str) -> Column:
    """Return a column of numbers."""
    return Column(_header(name), no_wrap=True, justify="right")


def table(*columns: Column, tight: bool = False) -> Table:
    """Return a table without rows; the columns of a ``tight`` one are closer together."""
    return Table(
        *columns,
        box=SIMPLE_HEAD,
        padding=(0, 0 if tight else 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )


def facts(*rows: tuple[str, str]) -> Table:
    """Return a table with one fact per line, without empty ones."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        if value:
            table.add_row(name.replace("_", " "), value)
    return table


def ids(whole: Collection[str], *, short: bool) -> Collection[str]:
    """Return ids, or with ``short`` their last digits if these differ."""
    endings = [run_id[-SHORT_ID:] for run_id in whole]
    return endings if short and len(set(endings)) == len(set(whole)) else whole


def status_cell(status: RunStatus) -> str:
    """Return a status in its colour."""
    return styled(status, STATUS_STYLES.get(status))


def diagnosis_cell(value: str | None) -> str:
    """Return the outcome or the verdict of a diagnosis in its colour."""
    words = value and value.replace("_", " ")
    return styled(words, DIAGNOSIS_STYLES.get(value, "red")) if value and words else "-"


def cut(text: str) -> Text:
    """Return a text that stays on one line, and ends with an ellipsis where that is too short."""
    return Text(text, no_wrap=True, overflow="ellipsis")


def diagnosis_columns(*, joined: bool) -> list[Column]:
    """Return the columns of outcome and verdict; ``joined``: one for what says more."""
    return [fixed("diagnosis")] if joined else [fixed("outcome"), fixed("verdict")]


def diagnosis_cells(diagnosis: Diagnosis | None, *, joined: bool) -> list[str]:
    """Return the cells of a diagnosis for ``diagnosis_columns``."""
    values = (diagnosis["outcome"], diagnosis["verdict"]) if diagnosis else (None, None)
    outcome, verdict = (diagnosis_cell(value) for value in values)
    if not joined:
        return [outcome, verdict]
    return [outcome if values[1] in {None, "healthy"} else verdict]


def styled(text: str, style: str | None) -> str:
    """Return a text in a style."""
    return f"[{style}]{text}[/]" if style else text


def bar(share: float) -> str:
    """Return a share of 1 as a bar and in percent."""
    full = round(share * _BAR_COLUMNS)
    return f"[cyan]{'━' * full}[/][dim]{'─' * (_BAR_COLUMNS - full)}[/] {share:4.0%}"


def time_cell(value: str | None) -> str:
    """Return a time to the minute, for a column whose header names UTC."""
    return (value or "")[:16].replace("T", " ")


def time(value: str | None) -> str:
    """Return a time to the minute, with its zone, UTC."""
    return f"{time_cell(value)} UTC" if value else ""


def _header(name: str) -> str:
    # One word per line, since headers are longer than most numbers below them.
    return name.replace("_", "\n")
