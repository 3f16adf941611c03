"""Learning-rate schedules, a parameter of every optimizer."""

from service.catalog.entry import Entry, Source

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="constant",
        meaning="The learning rate stays what it is.",
        formula=r"\eta_t = \eta",
        source=Source("Robbins & Monro 1951", "https://doi.org/10.1214/aoms/1177729586"),
    ),
)
