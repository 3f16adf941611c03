"""Losses: what training minimizes."""

from service.catalog.entry import LossEntry, Parameter, Source, Task

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

_KERAS_REGRESSION = Source(
    "Keras, Regression losses", "https://keras.io/api/losses/regression_losses/"
)

ENTRIES: tuple[LossEntry, ...] = (
    LossEntry(
        name="categorical_crossentropy",
        meaning="Minus the log-probability of the right class, mean over the samples; accuracy is "
        "the share of samples whose most probable class is right.",
        formula=r"-\log p_y",
        source=Source("Keras, Probabilistic losses", "https://keras.io/api/losses/"),
        parameters=(_LABEL_SMOOTHING,),
    ),
    LossEntry(
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
    LossEntry(
        name="mean_squared_error",
        meaning="For targets that are numbers: the square of the error, mean over the samples. As "
        "of every loss of numbers, the target is standardized by the training part: the loss of "
        "predicting the training mean is 1. val_rmse and val_mae are in the target's own units.",
        formula=r"(\hat{y} - y)^2",
        source=_KERAS_REGRESSION,
        task="regression",
    ),
    LossEntry(
        name="mean_absolute_error",
        meaning="For targets that are numbers: the absolute value of the error, mean over the "
        "samples, in standard deviations of the target. It leads to the median, which outliers "
        "move less than the mean.",
        formula=r"\lvert \hat{y} - y \rvert",
        source=_KERAS_REGRESSION,
        task="regression",
    ),
    LossEntry(
        name="huber",
        meaning="For targets that are numbers: half the square of a small error, and of one beyond "
        "delta a line of that slope, so that outliers pull no harder than that.",
        formula=r"\tfrac{1}{2} e^2 \text{ if } \lvert e \rvert \le \delta,\;"
        r" \delta (\lvert e \rvert - \tfrac{1}{2} \delta) \text{ else};\; e = \hat{y} - y",
        source=Source(
            "Huber 1964, Robust estimation of a location parameter, section 3",
            "https://doi.org/10.1214/aoms/1177703732",
        ),
        parameters=(
            Parameter(
                "delta",
                "number",
                1.0,
                "the error where the square ends and the line begins, in standard deviations of "
                "the target on the training part",
                above=0.0,
                maximum=1e6,
            ),
        ),
        task="regression",
    ),
)

_TASKS: dict[str, Task] = {entry.name: entry.task for entry in ENTRIES}


def task_of(loss: str) -> Task:
    """Return the task of a loss, which is that of the run; an unknown one tells classes apart."""
    return _TASKS.get(loss, "classification")


def losses_of(task: Task) -> list[str]:
    """Return the names of the losses of a task."""
    return [name for name, own in _TASKS.items() if own == task]
