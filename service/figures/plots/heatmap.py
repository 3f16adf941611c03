"""Heat map: the mean result of two axes' values, with the verdict written in each cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service.figures.plots.metrics import is_share, metric_name, show_value
from service.figures.plots.style import (
    Format,
    Ink,
    Theme,
    entitle,
    house_style,
    new_figure,
    plain,
    render,
)
from service.statuses import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Rows and columns that stay readable.
MOST_ROWS, MOST_COLUMNS = 40, 20

#: Told apart by colour-blind readers and in grey alike: its lightness rises evenly.
_COLOURS = "cividis"
#: The luminance at which black and white stand out equally (WCAG 2.1).
_BRIGHT = 0.179
#: From one line in a cell to the next.
_LINE_POINTS = 12


@dataclass(frozen=True)
class Cell:
    """What the runs of one row and column came to.

    Attributes:
        row: the value on the first axis.
        column: the value on the second axis.
        mean: of the metric over runs that did not diverge; None where there are none.
        runs: how many runs have finished.
        diverged: how many of them diverged.
        verdicts: how many runs have which verdict.
    """

    row: str
    column: str
    mean: float | None
    runs: int
    diverged: int
    verdicts: Mapping[str, int] = field(default_factory=dict)

    @property
    def verdict(self) -> str | None:
        """The most frequent verdict."""
        return max(self.verdicts, key=lambda each: (self.verdicts[each], each), default=None)

    def lines(self, metric: str) -> list[str]:
        """What is written in the cell."""
        written = [] if self.mean is None else [show_value(metric, self.mean)]
        if self.verdict is not None:
            agreed = self.verdicts[self.verdict]
            share = f" {agreed}/{self.runs}" if agreed < self.runs else ""
            written.append(self.verdict + share)
        if self.diverged and self.verdict != Verdict.DIVERGED:
            counted = "all" if self.diverged == self.runs else f"{self.diverged}/{self.runs}"
            written.append(f"{counted} diverged")
        return written


@dataclass(frozen=True)
class Side:
    """One of the two axes: its name, and its values in the order to show them in."""

    axis: str
    values: Sequence[str]


def heatmap(
    cells: Sequence[Cell],
    *,
    rows: Side,
    columns: Side,
    metric: str,
    title: str,
    note: str = "",
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Draw a heat map.

    A cell is coloured by its mean, and hatched where there is none; where no cell has one
    (networks that were only initialized), by whether its verdict is healthy. A combination that
    the experiment has not stays empty. Brighter is better: losses are coloured the other way
    round.

    Returns:
        The picture as PNG or SVG.
    """
    with house_style(theme) as ink:
        figure = new_figure(
            2.6 + 1.25 * max(2, len(columns.values)), 1.9 + 0.62 * max(2, len(rows.values))
        )
        entitle(figure, ink, title, note)
        drawn = figure.subplots()
        fill = _filling(figure, drawn, cells, metric, ink)
        for cell in cells:
            at = columns.values.index(cell.column), rows.values.index(cell.row)
            _draw_cell(drawn, cell, at, metric=metric, filled=fill(cell), ink=ink)
        _label(drawn, rows, columns)
        return render(figure, kind)


Colour = tuple[float, ...]


def _filling(
    figure: "Figure", axes: "Axes", cells: Sequence[Cell], metric: str, ink: Ink
) -> Callable[[Cell], Colour | None]:
    """Choose how cells are coloured, and draw the key of the colours beside the axes."""
    from matplotlib import colormaps  # noqa: PLC0415 - see house_style
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415
    from matplotlib.colors import Normalize, to_rgb  # noqa: PLC0415
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415

    means = [each.mean for each in cells if each.mean is not None]
    if not means:
        healthy, other = to_rgb(ink.palette[0]), to_rgb(ink.palette[4])
        tints = {each.verdict: other for each in cells} | {Verdict.HEALTHY: healthy}
        return lambda cell: None if cell.verdict is None else tints[cell.verdict]
    low, high = min(means), max(means)
    colours = colormaps[f"{_COLOURS}_r" if metric.endswith("loss") else _COLOURS]
    scale = Normalize(low, high)
    if low < high:
        share = is_share(metric)
        written = FuncFormatter(lambda value, _: f"{100 * value:.4g}%" if share else f"{value:.3g}")
        key = figure.colorbar(
            ScalarMappable(scale, colours), ax=axes, format=written, fraction=0.05, aspect=25
        )
        key.set_label(f"{metric_name(metric)}, mean")
        key.outline.set_visible(False)
    return lambda cell: None if cell.mean is None else tuple(colours(float(scale(cell.mean))))


def _draw_cell(
    axes: "Axes", cell: Cell, at: tuple[int, int], *, metric: str, filled: Colour | None, ink: Ink
) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - see house_style

    corner = (at[0] - 0.5, at[1] - 0.5)
    box: dict[str, Any] | None = None
    if filled is None:
        text = ink.text
        box = {"facecolor": ink.paper, "edgecolor": "none", "pad": 1.5}
        axes.add_patch(
            Rectangle(
                corner, 1, 1, facecolor=ink.paper, edgecolor=ink.faint, hatch="///", linewidth=0
            )
        )
    else:
        text = "#000000" if _luminance(filled) > _BRIGHT else "#ffffff"
        axes.add_patch(Rectangle(corner, 1, 1, facecolor=filled))
    axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=ink.paper, linewidth=1.5))
    lines = cell.lines(metric)
    for index, line in enumerate(lines):
        first = index == 0 and cell.mean is not None
        axes.annotate(
            line,
            at,
            (0, _LINE_POINTS * ((len(lines) - 1) / 2 - index)),
            textcoords="offset points",
            ha="center",
            va="center",
            color=text,
            bbox=box,
            fontsize=10 if first else 8.5,
            fontweight="bold" if first else "normal",
        )


def _luminance(colour: Colour) -> float:
    """Give the relative luminance of an sRGB colour (WCAG 2.1)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _label(axes: "Axes", rows: Side, columns: Side) -> None:
    axes.set_xlim(-0.5, len(columns.values) - 0.5)
    axes.set_ylim(len(rows.values) - 0.5, -0.5)
    steep = any(len(each) > 12 for each in columns.values)
    axes.set_xticks(
        range(len(columns.values)),
        [plain(each, most=30) for each in columns.values],
        rotation=25 if steep else 0,
        ha="right" if steep else "center",
        rotation_mode="anchor" if steep else "default",
    )
    axes.set_yticks(range(len(rows.values)), [plain(each, most=30) for each in rows.values])
    axes.set_ylabel(rows.axis.replace("_", " ").capitalize())
    axes.set_xlabel(columns.axis.replace("_", " ").capitalize())
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)
