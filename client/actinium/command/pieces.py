"""Pieces of what is written in a terminal: tables, bars, cells, colours."""

import json
import math
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

STATUS_STYLES = {
    "queued": "dim",
    "running": "cyan",
    "completed": "green",
    "diverged": "magenta",
    "failed": "bold red",
    "cancelled": "yellow",
}
_BAR = 10
_SHARES = ("accuracy", "fraction")


def table(*names: str) -> Table:
    """Begin a table."""
    begun = Table(box=SIMPLE_HEAD, padding=(0, 1))
    for name in names:
        begun.add_column(name.replace("_", " "), overflow="fold", no_wrap=name == "id")
    return begun


def facts(*rows: tuple[str, str]) -> Table:
    """Lay facts out, one a line; what is empty is left out."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        if value:
            table.add_row(name.replace("_", " "), value)
    return table


def json_block(value: Any) -> Syntax:
    """Write JSON in colours."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return Syntax(text, "json", background_color="default", word_wrap=True)


def id_cell(value: str) -> Text:
    """Write an id, whole."""
    return Text(value, no_wrap=True)


def status_cell(status: str) -> str:
    """Write a status in its colour."""
    return styled(status, STATUS_STYLES.get(status))


def styled(text: str, style: str | None) -> str:
    """Write a text in a style."""
    return f"[{style}]{text}[/]" if style else text


def bar(share: float) -> str:
    """Draw a share of 1 as a bar."""
    full = round(share * _BAR)
    return f"[cyan]{'━' * full}[/][dim]{'─' * (_BAR - full)}[/] {share:4.0%}"


def value_cell(metric: str, value: float | None) -> str:
    """Write a value: shares in percent; NaN and Infinity stand out."""
    if value is None:
        return "-"
    if not math.isfinite(value):
        return f"[magenta]{value}[/]"
    return f"{value:.2%}" if metric.endswith(_SHARES) else f"{value:.4g}"


def time_cell(value: str | None) -> str:
    """Write a time to the minute, in UTC."""
    return (value or "")[:16].replace("T", " ")
