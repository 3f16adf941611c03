"""Preprocessings, a parameter of every data set; fitted on the training part only."""

from service.catalog.entry import Entry, Source

_LECUN = Source(
    "LeCun et al. 1998, Efficient BackProp, section 4.3",
    "http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf",
)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="none",
        meaning="Inputs as they are stored (pixels 0 to 255).",
        formula=r"x",
        source=_LECUN,
    ),
    Entry(
        name="scale",
        meaning="Pixels divided by 255, so that inputs lie between 0 and 1.",
        formula=r"x / 255",
        source=_LECUN,
    ),
)
