"""Normalizations: what stands between a layer's z-values and its activation."""

from service.catalog.entry import Entry, Source

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="none",
        meaning="The z-values reach the activation as they are.",
        formula=r"z",
        source=Source("Glorot & Bengio 2010", "https://proceedings.mlr.press/v9/glorot10a.html"),
    ),
)
