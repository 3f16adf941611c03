"""The house style: one look for every picture, on light and dark, in print, for every eye."""

import io
import math
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

Theme = Literal["light", "dark"]
Format = Literal["svg", "png"]
Direction = Literal["x", "y"]

#: Okabe & Ito's palette (2008), told apart by colour-blind readers; the last two extend it.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7F7F7F",
    "#8C564B",
)
#: The same hues, as much lighter as a dark ground asks for.
_PALETTE_ON_DARK = (
    "#4DA6E8",
    "#FF8B4D",
    "#2DC49A",
    "#E6A3C8",
    "#F2B733",
    "#8DD0F7",
    "#B3B3B3",
    "#C99383",
)
#: Beside colour, so that a print in grey still tells lines apart.
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@dataclass(frozen=True)
class Ink:
    """The colours of a theme: ``faint`` for lines behind the data, ``muted`` for side notes."""

    paper: str
    text: str
    muted: str
    faint: str
    palette: tuple[str, ...]


INKS: dict[Theme, Ink] = {
    "light": Ink("#ffffff", "#1f2328", "#57606a", "#d8dde3", PALETTE),
    "dark": Ink("#12161c", "#e6e9ee", "#9aa4b0", "#39414c", _PALETTE_ON_DARK),
}

#: Of a note and of a title, each in its size.
_LETTERS_AN_INCH, _TITLE_LETTERS_AN_INCH = 15, 9.5
_MOST_TITLE_LINES = 2

#: matplotlib keeps its settings, and caches of fonts, for the process.
_drawing = threading.RLock()


@contextmanager
def house_style(theme: Theme) -> Iterator[Ink]:
    """Draw in the house style within this block; one thread at a time."""
    with _drawing:
        import matplotlib as mpl  # noqa: PLC0415 - over a second that only pictures should pay

        ink = INKS[theme]
        with mpl.rc_context(_settings(ink)):
            yield ink


def _settings(ink: Ink) -> dict[Any, Any]:
    return {
        "figure.facecolor": ink.paper,
        "axes.facecolor": ink.paper,
        "savefig.facecolor": ink.paper,
        "text.color": ink.text,
        "axes.labelcolor": ink.text,
        "axes.edgecolor": ink.faint,
        "xtick.color": ink.text,
        "ytick.color": ink.text,
        "hatch.color": ink.faint,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": ink.faint,
        "grid.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 10.0,
        "axes.titlesize": 11.0,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "lines.linewidth": 1.8,
        "lines.markersize": 4.5,
        "legend.frameon": False,
        "legend.fontsize": 9.0,
        "svg.fonttype": "none",
        "svg.hashsalt": "actinium",
    }


def series_style(index: int, ink: Ink) -> dict[str, Any]:
    """Give the colour, dashes and marker of the line of this number; 32 differ."""
    around = index // len(ink.palette)
    return {
        "color": ink.palette[index % len(ink.palette)],
        "linestyle": DASHES[(index + around) % len(DASHES)],
        "marker": MARKERS[(index + around) % len(MARKERS)],
    }


def new_figure(width: float, height: float) -> "Figure":
    """Make a figure, in inches, that belongs to no window."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - see house_style

    return Figure(figsize=(width, height), layout="constrained")


def entitle(figure: "Figure", ink: Ink, title: str, note: str = "") -> None:
    """Write the title above a figure and a note, such as what its marks mean, below."""
    inches = figure.get_figwidth()
    heading = wrap(title, int(_TITLE_LETTERS_AN_INCH * inches))[:_MOST_TITLE_LINES]
    shown = "\n".join(plain(line, most=200) for line in heading)
    figure.suptitle(shown, x=0.01, ha="left", fontweight="bold", color=ink.text)
    if note:
        lines = wrap(note, int(_LETTERS_AN_INCH * inches))
        below = "\n".join(plain(line, most=200) for line in lines)
        figure.supxlabel(below, x=0.01, ha="left", fontsize=8.5, color=ink.muted)


def plain(text: str, *, most: int = 60) -> str:
    """Make a user's text fit to be drawn: one line, not too long, and never read as a formula."""
    line = "".join(each if each.isprintable() else " " for each in text)
    shown = line if len(line) <= most else line[: most - 1] + "…"
    return shown.replace("$", r"\$")


def whole_numbers() -> "Locator":
    """Place ticks on whole numbers only: there is no epoch 1.5."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - see house_style

    return MaxNLocator(integer=True)


def epoch_axis(axes: "Axes", epochs: Iterable[int]) -> None:
    """Let an axis be that of epochs."""
    axes.set_xlabel("Epoch")
    axes.xaxis.set_major_locator(whole_numbers())
    known = sorted(set(epochs))
    if len(known) == 1:
        axes.set_xticks(known)
    elif known:
        margin = min(0.9, max(0.15, 0.02 * (known[-1] - known[0])))
        axes.set_xlim(known[0] - margin, known[-1] + margin)


def log_scale(axes: "Axes", direction: Direction = "y") -> None:
    """Scale an axis by the logarithm; ticks are written as 0.05, not as a power of ten."""
    from matplotlib.ticker import LogLocator  # noqa: PLC0415 - see house_style

    axes.set(**{f"{direction}scale": "log"})
    low, high = _ends(axes, direction)
    wide = math.log10(high / low) > 3
    preferred = LogLocator(subs=(1,) if wide else (1, 2, 5)).tick_values(low, high)
    _set_ticks(axes, direction, preferred, lambda value, _: f"{value:g}")


def share_scale(axes: "Axes", direction: Direction = "y") -> None:
    """Scale an axis of shares so that .9 and .99 lie as far apart as .99 and .999."""
    axes.set(**{f"{direction}scale": "logit"})
    percent_ticks(axes, direction, _SHARES)


_SHARES = (
    *(0.001, 0.01, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8),
    *(0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999),
)


def percent_ticks(
    axes: "Axes", direction: Direction = "y", preferred: Sequence[float] = ()
) -> None:
    """Write an axis of shares in percent."""
    _set_ticks(axes, direction, preferred, lambda value, _: f"{100 * value:.5g}%", highest=1.0)


def _set_ticks(
    axes: "Axes",
    direction: Direction,
    preferred: Iterable[float],
    write: Callable[[float, Any], str],
    highest: float = math.inf,
) -> None:
    """Place ticks from 0 to the highest: the preferred where three fit, else evenly."""
    from matplotlib.ticker import (  # noqa: PLC0415 - see house_style
        FixedLocator,
        FuncFormatter,
        MaxNLocator,
        NullLocator,
    )

    low, high = _ends(axes, direction)
    ticks = [each for each in preferred if low <= each <= high]
    if len(ticks) < 3:
        evenly = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        ticks = [each for each in evenly if low <= each <= high and 0 <= each <= highest]
    axis = getattr(axes, f"{direction}axis")
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(write))


def _ends(axes: "Axes", direction: Direction) -> tuple[float, float]:
    low, high = sorted(axes.get_xlim() if direction == "x" else axes.get_ylim())
    return low, high


def render(figure: "Figure", kind: Format) -> bytes:
    """Give the picture's bytes; the same data gives the same bytes."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with warnings.catch_warnings():
        # A name may be in a script that our font lacks: SVG readers have it, a PNG shows boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format=kind, dpi=160, metadata=metadata)
    return buffer.getvalue()
