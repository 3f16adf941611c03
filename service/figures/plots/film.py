"""Films: a figure drawn again and again, as a GIF."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.figures.plots.style import (
    MISSING_LETTERS,
    Ink,
    add_title,
    boxes_for_missing_letters,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Frames of a film: pixels per inch, colours, and how long each is shown.
_FILM_DPI, _FILM_COLOURS = 80, 64
_FRAME_MILLISECONDS, _LAST_MILLISECONDS = 450, 2000


@dataclass(frozen=True)
class FilmTitles:
    """The texts of a film: a title, what each frame is called below it, and a note."""

    title: str
    frames: Sequence[str]
    note: str = ""


def film(figure: "Figure", ink: Ink, titles: FilmTitles, draw: Callable[[int], None]) -> bytes:
    """Return a GIF that plays without end; the same data gives the same bytes.

    The first frame decides where the panels lie in all of them, so that nothing jumps.

    Args:
        figure: what is drawn anew for each frame.
        ink: the colours of the theme.
        titles: its texts.
        draw: draws the frame of this number on the figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - see house_style
    from PIL import Image  # noqa: PLC0415

    figure.set_dpi(_FILM_DPI)
    canvas = FigureCanvasAgg(figure)
    above = add_title(figure, ink, titles.title, titles.note)
    heading = above.get_text()
    images, lacking = [], False
    for number, frame in enumerate(titles.frames):
        above.set_text(f"{heading}\n{frame}")
        draw(number)
        with boxes_for_missing_letters() as missing:
            canvas.draw()  # type: ignore[no-untyped-call]
        lacking |= bool(missing)
        if number == 0:
            figure.set_layout_engine("none")
        pixels = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
        image = Image.frombuffer("RGBA", canvas.get_width_height(), pixels)
        images.append(image.convert("RGB").quantize(_FILM_COLOURS, dither=Image.Dither.NONE))
    buffer = io.BytesIO()
    comment = {"comment": MISSING_LETTERS.encode()} if lacking else {}
    durations = [*[_FRAME_MILLISECONDS] * (len(images) - 1), _LAST_MILLISECONDS]
    images[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=images[1:],
        duration=durations,
        loop=0,
        **comment,
    )
    return buffer.getvalue()
