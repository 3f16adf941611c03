"""Losses: what training minimizes."""

from service.catalog.entry import Entry, Parameter, Source

_LABEL_SMOOTHING = Parameter(
    "label_smoothing",
    "number",
    0.0,
    "share of every target that is spread evenly over the classes, also in the validation and test "
    "loss, as in Keras (Szegedy et al. 2016, section 7); accuracies do not change",
    minimum=0.0,
    below=1.0,
    implied=True,
)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="categorical_crossentropy",
        meaning="Minus the log-probability of the right class, mean over the samples; accuracy is "
        "the share of samples whose most probable class is right.",
        formula=r"-\log p_y",
        source=Source("Keras, Probabilistic losses", "https://keras.io/api/losses/"),
        parameters=(_LABEL_SMOOTHING,),
    ),
    Entry(
        name="binary_crossentropy",
        meaning="Behind a binary head, minus the log-probability of the right one of two classes. "
        "With several outputs, each is a sigmoid that tells its class from the others: binary "
        "cross-entropy against the one-hot target, mean over samples and outputs (a tenth of the "
        "scale for ten classes), as the Keras recipe had it. The recipe called the element-wise "
        "share of outputs on the right side of 1/2 its accuracy: it is recorded as "
        "binary_accuracy; accuracy keeps its usual meaning.",
        formula=r"-\frac{1}{K} \sum_k t_k \log p_k + (1 - t_k) \log(1 - p_k)",
        source=Source("Keras, Probabilistic losses", "https://keras.io/api/losses/"),
        parameters=(_LABEL_SMOOTHING,),
    ),
)
