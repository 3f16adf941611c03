"""Clippings: what is done to a gradient that is too large."""

from service.catalog.entry import Entry, Parameter, Source

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="none",
        meaning="Gradients are used unchanged.",
        formula=r"g",
        source=Source("Keras, Optimizers", "https://keras.io/api/optimizers/"),
    ),
    Entry(
        name="value",
        meaning="Every element of the gradient is clamped to [-threshold, threshold].",
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
    Entry(
        name="per_parameter_norm",
        meaning="The gradient of each weight or bias tensor is scaled down when its own norm is "
        "over the bound.",
        formula=r"g_p \cdot \min(1, c / \lVert g_p \rVert_2)",
        source=Source("Keras, Optimizers: clipnorm", "https://keras.io/api/optimizers/"),
        parameters=(Parameter("max_norm", "number", 1.0, "the bound", above=0.0, maximum=1e6),),
    ),
    Entry(
        name="adaptive",
        meaning="The gradient of each unit is scaled down when it is too large for the unit's "
        "weights (AGC). A unit is a row of a dense layer or a filter of a convolution; biases and "
        "other vectors count whole; the output layer is not clipped, as the paper advises.",
        formula=r"G_i \cdot \min\left(1, \lambda \frac{\max(\lVert W_i \rVert_F, \epsilon)}"
        r"{\lVert G_i \rVert_F}\right)",
        source=Source(
            "Brock et al. 2021, High-performance large-scale image recognition without "
            "normalization, equation 3 and section 4.1",
            "https://arxiv.org/abs/2102.06171",
        ),
        parameters=(
            Parameter(
                "clipping",
                "number",
                0.01,
                "largest ratio of a unit's gradient norm to its weight norm",
                above=0.0,
                maximum=1e6,
            ),
            Parameter(
                "epsilon",
                "number",
                1e-3,
                "least weight norm that is assumed, so that zero weights can leave zero",
                above=0.0,
                maximum=1e6,
            ),
        ),
    ),
)
