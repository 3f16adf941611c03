"""Confusion matrix: which classes a network takes for which."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from service.figures.plots.style import (
    Format,
    Ink,
    Theme,
    add_title,
    house_style,
    new_figure,
    printable,
    render,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Most classes whose cells have numbers in them; of more only the colours are drawn.
MOST_WITH_NUMBERS = 20
#: Most classes whose names all fit beside the rows.
_MOST_WITH_NAMES = 40
#: Cells of a larger share are dark (in dark colours light), so that the text changes its colour.
_HALF = 0.5
#: The least share that is rounded to a percent.
_LEAST_PERCENT = 0.005


def draw_confusion(
    matrix: Sequence[Sequence[int]],
    names: Sequence[str],
    *,
    counts: Sequence[int],
    title: str,
    note: str = "",
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Return a confusion matrix, as PNG or SVG.

    A row is a true class, and a column a predicted one. A cell has the share of its row's samples,
    which colours it, and their number.

    Args:
        matrix: samples by true class (rows) and predicted class (columns).
        names: of the classes.
        counts: all samples of each class, also those that are predicted as no class.
        title: text above the picture.
        note: text below the picture.
        kind: format of the picture.
        theme: light or dark background.
    """
    size = len(names)
    numbered = size <= MOST_WITH_NUMBERS
    side = max(2.6, size * (0.62 if numbered else 0.2))
    with house_style(theme, kind) as ink:
        figure = new_figure(max(6.4, side + 2.4), side + 2.0)
        add_title(figure, ink, title, note)
        axes = figure.subplots()
        shares = [
            [number / count if count else 0.0 for number in row]
            for row, count in zip(matrix, counts, strict=True)
        ]
        _colour(axes, shares, ink)
        if numbered:
            _write(axes, matrix, shares, ink)
        _label(axes, names, counts)
        return render(figure, kind)


def _colour(axes: "Axes", shares: Sequence[Sequence[float]], ink: Ink) -> None:
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - see house_style

    colours = LinearSegmentedColormap.from_list("share", [ink.paper, ink.palette[0]])
    edges = [at - 0.5 for at in range(len(shares) + 1)]
    axes.pcolormesh(
        edges, edges, shares, cmap=colours, vmin=0, vmax=1, edgecolors=ink.faint, linewidth=0.4
    )
    axes.set_aspect("equal")
    axes.invert_yaxis()


def _write(
    axes: "Axes", matrix: Sequence[Sequence[int]], shares: Sequence[Sequence[float]], ink: Ink
) -> None:
    for row, numbers in enumerate(matrix):
        for column, number in enumerate(numbers):
            if not number:
                continue
            share = shares[row][column]
            colour = ink.paper if share > _HALF else ink.text
            percent = f"{share:.0%}" if share >= _LEAST_PERCENT else "<1%"
            for text, offset, font_size in ((percent, -0.14, 9.0), (f"{number:,}", 0.2, 7.0)):
                axes.text(
                    column, row + offset, text, ha="center", va="center", color=colour,
                    fontsize=font_size, fontweight="bold" if row == column else "normal",
                )  # fmt: skip


def _label(axes: "Axes", names: Sequence[str], counts: Sequence[int]) -> None:
    every = -(-len(names) // _MOST_WITH_NAMES)
    shown = range(0, len(names), every)
    texts = [printable(names[at], most=24) for at in shown]
    tilted = any(len(text) > 5 for text in texts)
    axes.set_xticks(
        shown, texts, rotation=40 if tilted else 0, ha="right" if tilted else "center",
        rotation_mode="anchor",
    )  # fmt: skip
    axes.set_yticks(
        shown, [f"{text} ({counts[at]:,})" for at, text in zip(shown, texts, strict=True)]
    )
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("True class (samples)")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
