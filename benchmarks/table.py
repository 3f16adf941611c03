"""The one table of ``python -m benchmarks``: what was measured, against what, and the target."""

import os
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from workers.training import devices


@dataclass(frozen=True)
class Row:
    """One thing measured.

    ``holds`` is None where there is no target, or where something it needs was not measured; then
    ``ours`` or ``peer`` says why.
    """

    what: str
    ours: str
    peer: str = ""
    ratio: str = ""
    target: str = ""
    holds: bool | None = None


def not_measured(what: str, reason: str, target: str = "") -> Row:
    """Make the row of something that could not be measured."""
    return Row(what, f"not measured: {reason}", target=target)


def middle(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Return the median of some values, with their range where there are several."""
    shown = f"{middle(values):{form}}"
    return shown if len(values) == 1 else f"{shown} ({min(values):{form}} to {max(values):{form}})"


def faster(
    what: str, ours: Sequence[float], peer: Sequence[float] | str, unit: str, least: float | None
) -> Row:
    """Compare times taken in pairs: how many times as long the peer took, the median of pairs.

    Where there is no peer, ``peer`` says why: our side is told, and whether the target holds is
    not measured.
    """
    shown, target = f"{spread(ours)} {unit}", f"at least x{least:g}" if least else ""
    if isinstance(peer, str):
        return Row(what, shown, peer, target=target)
    ratios = [b / a for a, b in zip(ours, peer, strict=True)]
    holds = middle(ratios) >= least if least else None
    return Row(what, shown, f"{spread(peer)} {unit}", f"x{spread(ratios)}", target, holds)


def below(what: str, values: Sequence[float], unit: str, limit: float, form: str = ".2f") -> Row:
    """Hold the median of some values to a limit."""
    target = f"under {limit:g} {unit}"
    return Row(what, f"{spread(values, form)} {unit}", target=target, holds=middle(values) < limit)


def machine() -> str:
    """Describe what it is measured on."""
    engine = devices.describe(torch.device("cpu"))
    load = os.getloadavg()[0]
    return (
        f"{engine['name']}, {os.cpu_count()} cores, {engine['instructions']}, "
        f"torch {engine['torch']}; load {load:.1f} when it began"
    )


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """Return the table in markdown, and a last line that tells which targets hold."""
    rows = list(rows)
    titles = ("what", "ours", "peer", "ratio", "target", "holds")
    cells = [titles, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, each in enumerate(cells):
        padded = (cell.ljust(width) for cell, width in zip(each, widths, strict=True))
        yield f"| {' | '.join(padded)} |"
        if number == 0:
            yield f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    yield ""
    yield _verdict(rows)


def _cells(row: Row) -> tuple[str, ...]:
    holds = {True: "yes", False: "no", None: "not measured" if row.target else ""}[row.holds]
    return (row.what, row.ours, row.peer, row.ratio, row.target, holds)


def _verdict(rows: Sequence[Row]) -> str:
    reached = [row.what for row in rows if row.holds]
    missed = [row.what for row in rows if row.holds is False]
    unknown = [row.what for row in rows if row.holds is None and row.target]
    shown = f"Targets: {len(reached)} hold"
    shown += f"; {len(missed)} do not: {'; '.join(missed)}" if missed else ", none is missed"
    return (
        f"{shown}; {len(unknown)} not measured: {'; '.join(unknown)}." if unknown else f"{shown}."
    )
