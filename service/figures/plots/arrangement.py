"""Arranging curves in panels in which every named curve can be recognized."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

#: Most named lines of one panel.
MOST_LINES = 8
#: Most panels side by side.
MOST_PANELS = 6


class Labelled(Protocol):
    """An object identified by its labels on some axes."""

    @property
    def by(self) -> Mapping[str, str]:
        """The label on each axis."""


T = TypeVar("T", bound=Labelled)


@dataclass(frozen=True)
class Panel(Generic[T]):
    """Lines drawn together.

    Attributes:
        title: the label that all lines share on ``axis``; empty where there is one panel.
        axis: the axis that the panels split; None where there is one panel.
        lines: each line with the number of its style; None for a line without a name.
    """

    title: str
    axis: str | None
    lines: Sequence[tuple[T, int | None]]

    def label(self, line: T) -> str:
        """Return the labels of a line, except the one that the panel's title has."""
        return ", ".join(label for name, label in line.by.items() if name != self.axis)


def arrange(lines: Sequence[T]) -> list[Panel[T]]:
    """Arrange lines in panels.

    Lines that differ only on the panels' axis have the same style.

    Args:
        lines: the lines, best first; where they share one panel, only the first are named.
    """
    axis = _panel_axis(lines) if len(lines) > MOST_LINES else None
    if axis is None:
        styled = [(line, style if style < MOST_LINES else None) for style, line in enumerate(lines)]
        return [Panel("", None, styled)]
    styles: dict[tuple[str, ...], int] = {}
    panels: dict[str, list[tuple[T, int | None]]] = {}
    for line in lines:
        style = styles.setdefault(_without(line, axis), len(styles))
        panels.setdefault(line.by[axis], []).append((line, style))
    return [Panel(label, axis, styled) for label, styled in panels.items()]


def _panel_axis(lines: Sequence[Labelled]) -> str | None:
    """Return the axis with the fewest labels that leaves few enough lines per panel."""
    candidates = []
    for axis in lines[0].by:
        labels = len({line.by[axis] for line in lines})
        styles = len({_without(line, axis) for line in lines})
        if 1 < labels <= MOST_PANELS and styles <= MOST_LINES:
            candidates.append((labels, axis))
    return min(candidates)[1] if candidates else None


def _without(line: Labelled, axis: str) -> tuple[str, ...]:
    return tuple(label for name, label in line.by.items() if name != axis)
