"""Clippings: what is done to a gradient that is too large."""

from service.catalog.entry import Entry, Parameter, Source

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="none",
        meaning="Gradients are used as they are.",
        formula=r"g",
        source=Source("Keras, Optimizers", "https://keras.io/api/optimizers/"),
    ),
    Entry(
        name="value",
        meaning="Every element of the gradient is held between -threshold and threshold.",
        formula=r"\min(\max(g_i, -t), t)",
        source=Source("Keras, Optimizers: clipvalue", "https://keras.io/api/optimizers/"),
        parameters=(Parameter("threshold", "number", 0.5, "the bound", above=0.0, maximum=1e6),),
    ),
    Entry(
        name="norm",
        meaning="The whole gradient is scaled down when its global norm is over the bound.",
        formula=r"g \cdot \min(1, c / \lVert g \rVert_2)",
        source=Source(
            "Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural "
            "networks, algorithm 1",
            "https://arxiv.org/abs/1211.5063",
        ),
        parameters=(Parameter("max_norm", "number", 1.0, "the bound", above=0.0, maximum=1e6),),
    ),
)
