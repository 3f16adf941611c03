"""How many configurations share a panel, so that each can still be told from the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

#: Lines of one panel that readers can follow.
MOST_LINES = 8
#: Panels side by side.
MOST_PANELS = 6


class Grouped(Protocol):
    """What is known by its values on some axes."""

    @property
    def by(self) -> Mapping[str, str]:
        """The value on each axis."""


T = TypeVar("T", bound=Grouped)


@dataclass(frozen=True)
class Panel(Generic[T]):
    """Lines drawn together, each with the number of its style; None is one of the unnamed.

    ``axis`` is what all lines of the panel share, which ``title`` says.
    """

    title: str
    axis: str | None
    lines: Sequence[tuple[T, int | None]]

    def label(self, line: T) -> str:
        """Name a line by what tells it from the others of the panel."""
        return ", ".join(value for name, value in line.by.items() if name != self.axis)


def arrange(lines: Sequence[T]) -> list[Panel[T]]:
    """Arrange lines, best first, in panels.

    Lines alike but for the panel's axis have the same style.
    """
    axis = _panel_axis(lines) if len(lines) > MOST_LINES else None
    if axis is None:
        numbered = [(line, at if at < MOST_LINES else None) for at, line in enumerate(lines)]
        return [Panel("", None, numbered)]
    styles: dict[tuple[str, ...], int] = {}
    panels: dict[str, list[tuple[T, int | None]]] = {}
    for line in lines:
        style = styles.setdefault(_without(line, axis), len(styles))
        panels.setdefault(line.by[axis], []).append((line, style))
    return [Panel(value, axis, members) for value, members in panels.items()]


def _panel_axis(lines: Sequence[Grouped]) -> str | None:
    """Find the axis with the fewest values that leaves few enough lines a panel."""
    found = []
    for axis in lines[0].by:
        values = len({line.by[axis] for line in lines})
        styles = len({_without(line, axis) for line in lines})
        if 1 < values <= MOST_PANELS and styles <= MOST_LINES:
            found.append((values, axis))
    return min(found)[1] if found else None


def _without(line: Grouped, axis: str) -> tuple[str, ...]:
    return tuple(value for name, value in line.by.items() if name != axis)
