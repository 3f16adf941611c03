"""The house style: one look for every picture, on light and dark, in print, for every eye."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import Locator

Theme = Literal["light", "dark"]
Format = Literal["svg", "png"]

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
#: Beside colour, so that a print in grey still tells lines apart.
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))


@dataclass(frozen=True)
class Ink:
    """The colours of a theme."""

    paper: str
    text: str
    faint: str


INKS: dict[Theme, Ink] = {
    "light": Ink(paper="#ffffff", text="#1f2328", faint="#d8dde3"),
    "dark": Ink(paper="#12161c", text="#e6e9ee", faint="#39414c"),
}


@contextmanager
def house_style(theme: Theme) -> Iterator[Ink]:
    """Draw in the house style within this block."""
    import matplotlib as mpl  # noqa: PLC0415 - a second and a half that only pictures should pay

    ink = INKS[theme]
    settings: Any = {
        "figure.facecolor": ink.paper,
        "axes.facecolor": ink.paper,
        "savefig.facecolor": ink.paper,
        "text.color": ink.text,
        "axes.labelcolor": ink.text,
        "axes.edgecolor": ink.faint,
        "xtick.color": ink.text,
        "ytick.color": ink.text,
        "axes.grid": True,
        "grid.color": ink.faint,
        "grid.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "font.size": 10.0,
        "axes.titlesize": 11.0,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "lines.linewidth": 1.8,
        "legend.frameon": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "actinium",
    }
    with mpl.rc_context(settings):
        yield ink


def new_figure(width: float, height: float) -> "Figure":
    """Make a figure, in inches, that belongs to no window."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - see house_style

    return Figure(figsize=(width, height), layout="constrained")


def whole_numbers() -> "Locator":
    """Place ticks on whole numbers only: there is no epoch 1.5."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - see house_style

    return MaxNLocator(integer=True)


def plain_numbers(axes: "Axes") -> None:
    """Write a logarithmic axis' ticks as 0.05, not as a power of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator  # noqa: PLC0415 - see house_style

    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter("")


def share_scale(axes: "Axes") -> None:
    """Scale an axis of shares so that .9 and .99 lie as far apart as .99 and .999."""
    from matplotlib.ticker import FixedLocator, FuncFormatter  # noqa: PLC0415 - see house_style

    axes.set_yscale("logit", nonpositive="clip")
    ticks = (0.01, 0.1, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(FixedLocator(()))


def render(figure: "Figure", kind: Format) -> bytes:
    """Give the picture's bytes; the same data gives the same bytes."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(buffer, format=kind, dpi=160, metadata=metadata)
    return buffer.getvalue()
