"""Heat map: mean results over two axes, with a verdict in each cell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service.catalog.metrics import METRICS
from service.figures.plots.metrics import Bounds, format_value, is_share
from service.figures.plots.style import (
    Format,
    Ink,
    Theme,
    add_title,
    house_style,
    new_figure,
    printable,
    render,
    wrapped,
)
from service.specs.written_values import rounded_text
from service.statuses import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Most rows and columns that stay readable.
MOST_ROWS, MOST_COLUMNS = 40, 20

#: A colour map whose lightness rises evenly: readable for colour-blind readers and in grey.
_COLOURS = "cividis"
#: The luminance on which black and white text have the same contrast (WCAG 2.1).
_EQUAL_CONTRAST = 0.179
#: Most letters of a line beside the key of colours, and of a label.
_BAR_LETTERS, _LABEL_LETTERS = 20, 48
#: Distance between the lines of a cell.
_LINE_POINTS = 12


@dataclass(frozen=True)
class Cell:
    """Results of the runs of one row and column.

    Attributes:
        row: label on the first axis.
        column: label on the second axis.
        mean: mean of the metric over the runs that did not diverge; None where there are none.
        runs: number of finished runs.
        diverged: how many of them diverged.
        verdicts: number of runs by verdict.
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
        return max(
            self.verdicts, key=lambda verdict: (self.verdicts[verdict], verdict), default=None
        )

    def lines(self, metric: str) -> list[str]:
        """The lines of text in the cell."""
        lines = [] if self.mean is None else [format_value(metric, self.mean)]
        if self.verdict is not None:
            agreed = self.verdicts[self.verdict]
            share = f" {agreed}/{self.runs}" if agreed < self.runs else ""
            lines.append(self.verdict.replace("_", " ") + share)
        if self.diverged:
            count = "all" if self.diverged == self.runs else f"{self.diverged}/{self.runs}"
            lines.append(f"{count} diverged")
        return lines


@dataclass(frozen=True)
class Side:
    """One of the two axes: its name, and its labels in the order of rows or columns."""

    axis: str
    labels: Sequence[str]


def draw_heatmap(
    cells: Sequence[Cell],
    *,
    rows: Side,
    columns: Side,
    metric: str,
    title: str,
    note: str = "",
    guess: float | None = None,
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Return a heat map, as PNG or SVG.

    A cell is coloured by its mean, and hatched if it has none. Where no cell has a mean (networks
    that were only initialized), cells are coloured by whether their verdict is healthy.
    Combinations that the experiment does not contain stay empty. Brighter is better: the colour
    map is reversed for metrics whose lower values are better. ``guess`` is what guessing gets: a
    loss or error ten times as high as it and as the best cell has the colour of that.
    """
    with house_style(theme, kind) as ink:
        figure = new_figure(*_size(rows, columns, title, note))
        add_title(figure, ink, title, note)
        plot = figure.subplots()
        colour_of = _colouring(figure, plot, cells, metric=metric, guess=guess, ink=ink)
        for cell in cells:
            centre = columns.labels.index(cell.column), rows.labels.index(cell.row)
            _draw_cell(plot, cell, centre, metric=metric, colour=colour_of(cell), ink=ink)
        _label_axes(plot, rows, columns)
        return render(figure, kind)


Colour = tuple[float, ...]


def _size(rows: Side, columns: Side, title: str, note: str) -> tuple[float, float]:
    """Return a size in inches that leaves each cell room for its lines."""
    width = 2.6 + 1.25 * max(2, len(columns.labels))
    above, below = len(wrapped(title, int(9 * width), most=2)), len(wrapped(note, int(15 * width)))
    beside = 0.0
    if _is_tilted(columns):
        beside = 0.035 * min(_LABEL_LETTERS, max(map(len, columns.labels)))
    return width, 1.0 + 0.25 * above + 0.16 * below + beside + 0.64 * max(2, len(rows.labels))


def _is_tilted(columns: Side) -> bool:
    return any(len(label) > 12 for label in columns.labels)


def _colouring(
    figure: "Figure",
    axes: "Axes",
    cells: Sequence[Cell],
    *,
    metric: str,
    guess: float | None,
    ink: Ink,
) -> Callable[[Cell], Colour | None]:
    """Return a function from a cell to its colour, and draw the colour bar beside the axes."""
    from matplotlib import colormaps  # noqa: PLC0415 - see house_style
    from matplotlib.cm import ScalarMappable  # noqa: PLC0415
    from matplotlib.colors import Normalize, to_rgb  # noqa: PLC0415
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415

    means = [cell.mean for cell in cells if cell.mean is not None]
    if not means:
        healthy, other = to_rgb(ink.palette[0]), to_rgb(ink.palette[4])
        tints = {cell.verdict: other for cell in cells} | {Verdict.HEALTHY: healthy}
        return lambda cell: None if cell.verdict is None else tints[cell.verdict]
    best = (max if METRICS[metric].higher_is_better else min)(means)
    bounds = Bounds.of(metric, [best], guess)
    low, high = bounds.edge(min(means)), bounds.edge(max(means))
    colours = colormaps[_COLOURS if METRICS[metric].higher_is_better else f"{_COLOURS}_r"]
    scale = Normalize(low, high)
    if low < high:
        share = is_share(metric)
        ticks = FuncFormatter(
            lambda value, _: f"{100 * value:.4g}%" if share else rounded_text(value, 3)
        )
        bar = figure.colorbar(
            ScalarMappable(scale, colours), ax=axes, format=ticks, fraction=0.05, aspect=25
        )
        bar.set_label("\n".join(wrapped(f"{METRICS[metric].title}, mean", _BAR_LETTERS)))
        bar.outline.set_visible(False)
    return lambda cell: (
        None if cell.mean is None else tuple(colours(float(scale(bounds.edge(cell.mean)))))
    )


def _draw_cell(
    axes: "Axes",
    cell: Cell,
    centre: tuple[int, int],
    *,
    metric: str,
    colour: Colour | None,
    ink: Ink,
) -> None:
    from matplotlib.patches import Rectangle  # noqa: PLC0415 - see house_style

    corner = (centre[0] - 0.5, centre[1] - 0.5)
    box: dict[str, Any] | None = None
    if colour is None:
        text = ink.text
        box = {"facecolor": ink.paper, "edgecolor": "none", "pad": 1.5}
        axes.add_patch(
            Rectangle(
                corner, 1, 1, facecolor=ink.paper, edgecolor=ink.faint, hatch="///", linewidth=0
            )
        )
    else:
        text = "#000000" if _luminance(colour) > _EQUAL_CONTRAST else "#ffffff"
        axes.add_patch(Rectangle(corner, 1, 1, facecolor=colour))
    axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=ink.paper, linewidth=1.5))
    lines = cell.lines(metric)
    for index, line in enumerate(lines):
        first = index == 0 and cell.mean is not None
        axes.annotate(
            line,
            centre,
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
    """Return the relative luminance of an sRGB colour (WCAG 2.1)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _label_axes(axes: "Axes", rows: Side, columns: Side) -> None:
    axes.set_xlim(-0.5, len(columns.labels) - 0.5)
    axes.set_ylim(len(rows.labels) - 0.5, -0.5)
    tilted = _is_tilted(columns)
    axes.set_xticks(
        range(len(columns.labels)),
        [printable(label, most=_LABEL_LETTERS) for label in columns.labels],
        rotation=25 if tilted else 0,
        ha="right" if tilted else "center",
        rotation_mode="anchor" if tilted else "default",
    )
    axes.set_yticks(
        range(len(rows.labels)), [printable(label, most=_LABEL_LETTERS) for label in rows.labels]
    )
    axes.set_ylabel(rows.axis.replace("_", " ").capitalize())
    axes.set_xlabel(columns.axis.replace("_", " ").capitalize())
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
