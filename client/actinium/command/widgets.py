"""Pieces of what is written in a terminal: tables, bars, cells, colours."""

import math
from collections.abc import Collection

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Column, Table

STATUS_STYLES = {
    "queued": "dim",
    "running": "cyan",
    "completed": "green",
    "diverged": "magenta",
    "failed": "bold red",
    "cancelled": "yellow",
}
VERDICT_STYLES = {"healthy": "green"}
#: How many of an id's last digits tell it from others: they are random, the first ones the time.
SHORT_ID = 8

_BAR = 10
_SHARES = ("accuracy", "fraction")
_ENDLESS = 10_000


class Fitting:
    """Of several layouts the first that a terminal is wide enough for, else the last."""

    def __init__(self, *layouts: RenderableType) -> None:
        self._layouts = layouts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the layout that fits."""
        unbounded = options.update(max_width=_ENDLESS)
        for each in self._layouts[:-1]:
            if Measurement.get(console, unbounded, each).maximum <= options.max_width:
                yield each
                return
        yield self._layouts[-1]


def words(name: str) -> Column:
    """Make a column of text, broken between words where it has to be."""
    return Column(_header(name), overflow="fold")


def fixed(name: str) -> Column:
    """Make a column whose cells are never broken."""
    return Column(_header(name), no_wrap=True)


def numbers(name: str) -> Column:
    """Make a column of numbers."""
    return Column(_header(name), no_wrap=True, justify="right")


def table(*columns: Column, tight: bool = False) -> Table:
    """Begin a table; a ``tight`` one has its columns closer together."""
    return Table(
        *columns,
        box=SIMPLE_HEAD,
        padding=(0, 0 if tight else 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )


def facts(*rows: tuple[str, str]) -> Table:
    """Lay facts out, one a line; what is empty is left out."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        if value:
            table.add_row(name.replace("_", " "), value)
    return table


def ids(whole: Collection[str], *, short: bool) -> Collection[str]:
    """Write ids, whole or by their last digits, where these tell them apart."""
    ends = [each[-SHORT_ID:] for each in whole]
    return ends if short and len(set(ends)) == len(set(whole)) else whole


def status_cell(status: str) -> str:
    """Write a status in its colour."""
    return styled(status, STATUS_STYLES.get(status))


def verdict_cell(verdict: str | None) -> str:
    """Write a diagnosis' verdict in its colour."""
    return styled(verdict, VERDICT_STYLES.get(verdict, "red")) if verdict else "-"


def styled(text: str, style: str | None) -> str:
    """Write a text in a style."""
    return f"[{style}]{text}[/]" if style else text


def bar(share: float) -> str:
    """Draw a share of 1 as a bar."""
    full = round(share * _BAR)
    return f"[cyan]{'━' * full}[/][dim]{'─' * (_BAR - full)}[/] {share:4.0%}"


def is_share(metric: str) -> bool:
    """Say whether a metric's values lie between 0 and 1."""
    return metric.endswith(_SHARES)


def value_cell(metric: str, value: float | None) -> str:
    """Write a value: shares in percent; NaN and Infinity stand out."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return f"[magenta]{value}[/]"
    return f"{value:.2%}" if is_share(metric) else f"{value:.4g}"


def time_cell(value: str | None) -> str:
    """Write a time to the minute, in UTC, as its column says."""
    return (value or "")[:16].replace("T", " ")


def time(value: str | None) -> str:
    """Write a time to the minute, and that it is in UTC."""
    return f"{time_cell(value)} UTC" if value else ""


def _header(name: str) -> str:
    # One word a line: headers are longer than most numbers below them.
    return name.replace("_", "\n")
