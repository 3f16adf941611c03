"""The style of all pictures: light and dark, readable in print and for colour-blind readers."""

import io
import logging
import math
import threading
import unicodedata
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Literal

from service.specs.written_values import rounded_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text
    from matplotlib.ticker import Locator

Theme = Literal["light", "dark"]
Format = Literal["svg", "png"]
Direction = Literal["x", "y"]
#: A scale that a reader may ask for.
AxisScale = Literal["linear", "log"]

#: Okabe & Ito's palette (2008), readable for colour-blind readers; the last two colours extend it.
#: Its orange and its sky blue are darker here: on white they have 2.3 to 1, where lines need 3.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#C08400",
    "#3A9BD9",
    "#7F7F7F",
    "#8C564B",
)
#: The same hues, lighter, for dark backgrounds.
PALETTE_ON_DARK = (
    "#4DA6E8",
    "#FF8B4D",
    "#2DC49A",
    "#E6A3C8",
    "#F2B733",
    "#8DD0F7",
    "#B3B3B3",
    "#C99383",
)
#: Lines differ in dashes and markers too, so that they can be distinguished in grey print.
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


@dataclass(frozen=True)
class Ink:
    """The colours of a theme: ``faint`` for lines behind the data, ``muted`` for notes."""

    paper: str
    text: str
    muted: str
    faint: str
    palette: tuple[str, ...]


INKS: dict[Theme, Ink] = {
    "light": Ink("#ffffff", "#1f2328", "#57606a", "#d8dde3", PALETTE),
    "dark": Ink("#12161c", "#e6e9ee", "#9aa4b0", "#39414c", PALETTE_ON_DARK),
}


@dataclass(frozen=True)
class Look:
    """How a figure is to look; ``title`` replaces the figure's own."""

    kind: Format = "svg"
    theme: Theme = "light"
    title: str | None = None


#: The signature of a PNG, 8 bytes, and its first chunk.
_PNG_HEADER_BYTES = 33

#: How many letters of a note, and of a title, fit into an inch.
_LETTERS_PER_INCH, _TITLE_LETTERS_PER_INCH = 15, 9.5
_MOST_TITLE_LINES = 2
#: Stands for the second half of a wide letter while lines are made; no text has it.
_FILLER = "\0"

#: Held while drawing: matplotlib's settings and font caches belong to the process.
_drawing = threading.RLock()


#: Fonts with Chinese, Japanese and Korean letters, the preferred first.
_WIDE_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
    *("PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei"),
)
_USUAL_FONT = "DejaVu Sans"

#: In a picture whose letters are not all there, as its own comment.
MISSING_LETTERS = (
    "This machine has no font for some letters, which are boxes. The SVG has them; so has a PNG "
    "where a font such as Noto Sans CJK (Debian: fonts-noto-cjk) is installed."
)


@contextmanager
def house_style(theme: Theme, kind: Format | Literal["gif"]) -> Iterator[Ink]:
    """Set matplotlib's style within this block, for one thread at a time; yields the colours.

    Args:
        theme: light or dark background.
        kind: of the picture. Letters of a PNG or a GIF are drawn here, in a further font where the
            usual one lacks them; those of an SVG are drawn where it is shown.
    """
    with _drawing:
        # Importing matplotlib takes over a second: only processes that draw pay for it.
        import matplotlib as mpl  # noqa: PLC0415

        ink = INKS[theme]
        fonts = {} if kind == "svg" else {"font.family": [_USUAL_FONT, *_wide_fonts()]}
        with mpl.rc_context(_settings(ink) | fonts):
            yield ink


@lru_cache(maxsize=1)
def _wide_fonts() -> tuple[str, ...]:
    """Return the font for wide letters that this machine has, if any.

    Fonts that were installed after matplotlib made its list are added to it.
    """
    from matplotlib import font_manager  # noqa: PLC0415 - see house_style

    # It would log each weight that a font lacks; one weight is all that most of these have.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    known = font_manager.fontManager
    listed = {entry.fname for entry in known.ttflist}
    for path in set(font_manager.findSystemFonts()) - listed:
        with suppress(Exception):  # files of any kind are in these folders
            known.addfont(path)
    names = set(known.get_font_names())
    return tuple(name for name in _WIDE_FONTS if name in names)[:1]


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
    """Return colour, dashes and marker of the line with this number; the first 32 differ."""
    rounds = index // len(ink.palette)
    return {
        "color": ink.palette[index % len(ink.palette)],
        "linestyle": DASHES[(index + rounds) % len(DASHES)],
        "marker": MARKERS[(index + rounds) % len(MARKERS)],
    }


def new_figure(width: float, height: float) -> "Figure":
    """Return a figure of this size in inches, without a window."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - see house_style

    return Figure(figsize=(width, height), layout="constrained")


def add_title(figure: "Figure", ink: Ink, title: str, note: str = "") -> "Text":
    """Write the title above a figure, and a note, such as an explanation of its marks, below.

    Returns:
        The title.
    """
    inches = figure.get_figwidth()
    heading = wrapped(title, int(_TITLE_LETTERS_PER_INCH * inches), most=_MOST_TITLE_LINES)
    above = "\n".join(map(_escaped, heading))
    written = figure.suptitle(above, x=0.01, ha="left", fontweight="bold", color=ink.text)
    if note:
        below = "\n".join(map(_escaped, wrapped(note, int(_LETTERS_PER_INCH * inches))))
        figure.supxlabel(below, x=0.01, ha="left", fontsize=8.5, color=ink.muted)
    return written


def printable(text: str, *, most: int = 60) -> str:
    """Return a user's text as one line of limited length that matplotlib reads as no formula."""
    line = _without_controls(text)
    return _escaped(line if len(line) <= most else line[: most - 1] + "…")


def wrapped(text: str, letters: int, *, most: int | None = None) -> list[str]:
    """Return a user's text in lines of so many letters; a wide letter, as of Chinese, counts twice.

    Args:
        text: any text.
        letters: most letters of a line.
        most: most lines; what is left out is marked by an ellipsis.
    """
    doubled = "".join(
        f"{letter}{_FILLER}" if unicodedata.east_asian_width(letter) in "WF" else letter
        for letter in _without_controls(text)
    )
    lines = [line.replace(_FILLER, "") for line in wrap(doubled, letters)]
    if most is not None and len(lines) > most:
        return [*lines[: most - 1], lines[most - 1][:-1] + "…"]
    return lines


def _without_controls(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _escaped(line: str) -> str:
    return line.replace("$", r"\$")


def whole_numbers() -> "Locator":
    """Return a locator that places ticks on whole numbers only: there is no epoch 1.5."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - see house_style

    return MaxNLocator(integer=True)


def epoch_axis(axes: "Axes", epochs: Iterable[int]) -> None:
    """Label, limit and tick the x axis for these epochs."""
    axes.set_xlabel("Epoch")
    axes.xaxis.set_major_locator(whole_numbers())
    ordered = sorted(set(epochs))
    if len(ordered) == 1:
        axes.set_xticks(ordered)
    elif ordered:
        margin = min(0.9, max(0.15, 0.02 * (ordered[-1] - ordered[0])))
        axes.set_xlim(ordered[0] - margin, ordered[-1] + margin)


def log_scale(axes: "Axes", direction: Direction = "y", *, percent: bool = False) -> None:
    """Set a logarithmic scale with ticks written as 0.05 (or 5%), not as a power of ten."""
    from matplotlib.ticker import LogLocator  # noqa: PLC0415 - see house_style

    axes.set(**{f"{direction}scale": "log"})
    low, high = _limits(axes, direction)
    if direction == "y":
        _lower_zeros(axes, low, high)
    wide = math.log10(high / low) > 3
    preferred = LogLocator(subs=(1,) if wide else (1, 2, 5)).tick_values(low, high)
    if percent:
        percent_ticks(axes, direction, preferred)
    else:
        _set_ticks(axes, direction, preferred, tick_text)


def tick_text(value: float, _: Any = None) -> str:
    """Return a number beside an axis."""
    return rounded_text(value, 6)


def _lower_zeros(axes: "Axes", low: float, high: float) -> None:
    """Let lines that reach zero leave the picture at the bottom, toward their own place.

    Zero has no logarithm, and is drawn so far below that its line would fall straight down.
    """
    below = low * (low / high) ** 0.1
    for line in axes.get_lines():
        values: Any = line.get_ydata()
        line.set_ydata([below if value == 0 else value for value in values])


def share_scale(axes: "Axes", direction: Direction = "y") -> None:
    """Set a logit scale: .9 and .99 are about as far apart as .99 and .999."""
    axes.set(**{f"{direction}scale": "logit"})
    percent_ticks(axes, direction, _SHARES)


_SHARES = (
    *(0.001, 0.01, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8),
    *(0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999),
)


def percent_ticks(
    axes: "Axes", direction: Direction = "y", preferred: Sequence[float] = ()
) -> None:
    """Write an axis of shares in percent, with the preferred ticks where enough of them fit."""
    _set_ticks(axes, direction, preferred, lambda value, _: f"{100 * value:.5g}%", highest=1.0)


def _set_ticks(
    axes: "Axes",
    direction: Direction,
    preferred: Iterable[float],
    write: Callable[[float, Any], str],
    highest: float = math.inf,
) -> None:
    """Place the preferred ticks if at least three fit, else even ones from 0 to ``highest``."""
    from matplotlib.ticker import (  # noqa: PLC0415 - see house_style
        FixedLocator,
        FuncFormatter,
        MaxNLocator,
        NullLocator,
    )

    low, high = _limits(axes, direction)
    ticks = [tick for tick in preferred if low <= tick <= min(high, highest)]
    if len(ticks) < 3:
        even = MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        ticks = [tick for tick in even if low <= tick <= high and 0 <= tick <= highest]
    axis = getattr(axes, f"{direction}axis")
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(write))


def _limits(axes: "Axes", direction: Direction) -> tuple[float, float]:
    low, high = sorted(axes.get_xlim() if direction == "x" else axes.get_ylim())
    return low, high


@contextmanager
def boxes_for_missing_letters() -> Iterator[list[str]]:
    """Collect the warnings of letters that the fonts lack: they become boxes.

    Others are given as ever, once the block ends.
    """
    missing: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield missing
        found = [str(one.message) for one in caught]
        missing += [text for text in found if text.startswith("Glyph ")]
    for one in caught:
        if not str(one.message).startswith("Glyph "):
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


def render(figure: "Figure", kind: Format) -> bytes:
    """Return the picture's bytes; the same data and fonts give the same bytes.

    A PNG with boxes for letters says so in a comment, ``MISSING_LETTERS``.
    """
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with boxes_for_missing_letters() as missing:
        figure.savefig(buffer, format=kind, dpi=160, metadata=metadata)
    data = buffer.getvalue()
    return _with_comment(data) if missing and kind == "png" else data


def _with_comment(png: bytes) -> bytes:
    """Return a PNG with the comment on its letters, right after its first chunk, the header."""
    content = b"tEXt" + b"Warning\0" + MISSING_LETTERS.encode()
    chunk = (len(content) - 4).to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")
    return png[:_PNG_HEADER_BYTES] + chunk + png[_PNG_HEADER_BYTES:]
