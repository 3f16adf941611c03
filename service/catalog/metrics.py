"""The registry of metrics: everything the service, the client and the page know of each one.

A metric of every epoch is a column of the table ``epochs``; one that a run's own row keeps is a
column of ``runs`` too (``tests/service/database/test_tables.py`` holds both to this registry). What
a run took to reach a target is computed from its epochs and stored nowhere
(``service.comparison.targets``).
docs/howto/adding-a-metric.md adds one step by step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from service.catalog.entry import Task

Kind = Literal["share", "loss", "seconds", "epochs", "other"]
Direction = Literal["higher", "lower"]
When = Literal["epoch", "end", "target"]
Part = Literal["training", "validation", "test"]
Counted = Literal["samples", "outputs"]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: as histories, comparisons, MLflow and the columns of the tables spell it.
        title: as figures and the page show it.
        kind: ``share``: between 0 and 1, shown in percent; ``loss``: positive, best shown on a
            logarithmic scale (a loss, or an error in the target's units); ``seconds``: a time;
            ``epochs``: a number of epochs; ``other``: any number, in its own units.
        direction: which values are better; None where none is, so that runs cannot be compared
            by it.
        when: ``epoch``: measured at every epoch; ``end``: once, after the last; ``target``: what
            it took until another metric reached a target, which the question names.
        quantity: what is measured; the same for a metric of training, validation and test.
        part: the part of the data it is measured on; None where it is measured on none.
        counts: what a share counts: right ``samples``, or right ``outputs`` of all samples. Its
            values lie on a grid of step 1/count; None where they lie on none.
        in_final: a run's own row keeps the last value: the run's answer has it in ``final``, and
            runs can be ordered by it.
        task: the task whose runs record it; None where the runs of every task do. Other runs have
            it nowhere: not in their histories, answers or figures.
        in_every_run: False where only some runs of its task record it; the histories of the others
            leave it out.
        recorded_with: the loss whose runs alone record it; None where all do.
    """

    name: str
    title: str
    kind: Kind
    direction: Direction | None
    when: When
    quantity: str
    part: Part | None = None
    counts: Counted | None = None
    in_final: bool = False
    task: Task | None = None
    in_every_run: bool = True
    recorded_with: str | None = None

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value is a better one."""
        return self.direction == "higher"

    def is_better(self, value: float, other: float) -> bool:
        """Whether one value is better than another."""
        return value > other if self.higher_is_better else value < other


_METRICS = (
    Metric(
        name="loss",
        title="Training loss",
        kind="loss",
        direction="lower",
        when="epoch",
        quantity="loss",
        part="training",
        in_final=True,
    ),
    Metric(
        name="accuracy",
        title="Training accuracy",
        kind="share",
        direction="higher",
        when="epoch",
        quantity="accuracy",
        part="training",
        counts="samples",
        in_final=True,
        task="classification",
    ),
    Metric(
        name="val_loss",
        title="Validation loss",
        kind="loss",
        direction="lower",
        when="epoch",
        quantity="loss",
        part="validation",
        in_final=True,
    ),
    Metric(
        name="val_accuracy",
        title="Validation accuracy",
        kind="share",
        direction="higher",
        when="epoch",
        quantity="accuracy",
        part="validation",
        counts="samples",
        in_final=True,
        task="classification",
    ),
    Metric(
        name="binary_accuracy",
        title="Training accuracy, element-wise",
        kind="share",
        direction="higher",
        when="epoch",
        quantity="binary_accuracy",
        part="training",
        counts="outputs",
        in_every_run=False,
        recorded_with="binary_crossentropy",
        task="classification",
    ),
    Metric(
        name="val_binary_accuracy",
        title="Validation accuracy, element-wise",
        kind="share",
        direction="higher",
        when="epoch",
        quantity="binary_accuracy",
        part="validation",
        counts="outputs",
        in_every_run=False,
        recorded_with="binary_crossentropy",
        task="classification",
    ),
    Metric(
        name="mae",
        title="Training mean absolute error",
        kind="loss",
        direction="lower",
        when="epoch",
        quantity="mae",
        part="training",
        in_final=True,
        task="regression",
    ),
    Metric(
        name="rmse",
        title="Training root mean squared error",
        kind="loss",
        direction="lower",
        when="epoch",
        quantity="rmse",
        part="training",
        in_final=True,
        task="regression",
    ),
    Metric(
        name="val_mae",
        title="Validation mean absolute error",
        kind="loss",
        direction="lower",
        when="epoch",
        quantity="mae",
        part="validation",
        in_final=True,
        task="regression",
    ),
    Metric(
        name="val_rmse",
        title="Validation root mean squared error",
        kind="loss",
        direction="lower",
        when="epoch",
        quantity="rmse",
        part="validation",
        in_final=True,
        task="regression",
    ),
    Metric(
        name="val_r2",
        title="Validation R²",
        kind="other",
        direction="higher",
        when="epoch",
        quantity="r2",
        part="validation",
        in_final=True,
        task="regression",
    ),
    Metric(
        name="learning_rate",
        title="Learning rate",
        kind="other",
        direction=None,
        when="epoch",
        quantity="learning_rate",
    ),
    Metric(
        name="gradient_norm",
        title="Gradient norm",
        kind="other",
        direction=None,
        when="epoch",
        quantity="gradient_norm",
    ),
    Metric(
        name="clipped_fraction",
        title="Share of steps clipped",
        kind="share",
        direction=None,
        when="epoch",
        quantity="clipped_fraction",
    ),
    Metric(
        name="epoch_seconds",
        title="Seconds per epoch",
        kind="seconds",
        direction="lower",
        when="epoch",
        quantity="epoch_seconds",
    ),
    Metric(
        name="test_loss",
        title="Test loss",
        kind="loss",
        direction="lower",
        when="end",
        quantity="loss",
        part="test",
        in_final=True,
    ),
    Metric(
        name="test_accuracy",
        title="Test accuracy",
        kind="share",
        direction="higher",
        when="end",
        quantity="accuracy",
        part="test",
        counts="samples",
        in_final=True,
        task="classification",
    ),
    Metric(
        name="test_mae",
        title="Test mean absolute error",
        kind="loss",
        direction="lower",
        when="end",
        quantity="mae",
        part="test",
        in_final=True,
        task="regression",
    ),
    Metric(
        name="test_rmse",
        title="Test root mean squared error",
        kind="loss",
        direction="lower",
        when="end",
        quantity="rmse",
        part="test",
        in_final=True,
        task="regression",
    ),
    Metric(
        name="test_r2",
        title="Test R²",
        kind="other",
        direction="higher",
        when="end",
        quantity="r2",
        part="test",
        in_final=True,
        task="regression",
    ),
    Metric(
        name="epochs_to",
        title="Epochs to the target",
        kind="epochs",
        direction="lower",
        when="target",
        quantity="epochs_to",
    ),
    Metric(
        name="seconds_to",
        title="Seconds to the target",
        kind="seconds",
        direction="lower",
        when="target",
        quantity="seconds_to",
    ),
)

#: Every metric by its name, in the order histories show them.
METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _METRICS}

#: Metrics of every epoch: the columns of the table ``epochs``.
EPOCH_METRICS = tuple(metric.name for metric in _METRICS if metric.when == "epoch")

#: Metrics that a run's own row keeps of its last epoch: columns of the table ``runs``.
FINAL_METRICS = tuple(metric.name for metric in _METRICS if metric.in_final)

#: Metrics with a better and a worse: those that runs can be compared by.
COMPARED_METRICS = tuple(metric.name for metric in _METRICS if metric.direction is not None)

#: Metrics that can have a target: those of every epoch that tell how good the network is.
TARGET_METRICS = tuple(
    metric.name
    for metric in _METRICS
    if metric.when == "epoch" and metric.part is not None and metric.direction is not None
)

#: Metrics that a training can be steered by while it runs: those that every run of its task
#: measures on its validation part.
STOPPING_METRICS = tuple(
    metric.name
    for metric in _METRICS
    if metric.part == "validation" and metric.direction is not None and metric.in_every_run
)

#: The metrics that the runs of each task are compared by unless another is asked for; a run's row
#: keeps its best epoch, and the value there in its column of ``BEST_COLUMNS``.
MAIN_METRICS: Mapping[Task, str] = {"classification": "val_accuracy", "regression": "val_rmse"}
BEST_COLUMNS: Mapping[Task, str] = {task: f"best_{name}" for task, name in MAIN_METRICS.items()}

#: An epoch of which one of these is not finite is the best by no metric.
LOSSES = ("loss", "val_loss")

#: The columns of ``runs`` that hold what a training reached.
RESULT_COLUMNS = (*FINAL_METRICS, "best_epoch", *BEST_COLUMNS.values())


def is_of(metric: str, task: Task) -> bool:
    """Whether runs of a task record a metric; a name that is no metric belongs to no task."""
    return metric in METRICS and METRICS[metric].task in (None, task)


def main_metric(task: Task) -> Metric:
    """Return the metric that runs of a task are compared by unless another is asked for."""
    return METRICS[MAIN_METRICS[task]]


def parts_of(quantity: str) -> dict[Part, str]:
    """Return the names of a quantity's metrics, by the part of the data they are measured on."""
    return {
        metric.part: metric.name
        for metric in _METRICS
        if metric.quantity == quantity and metric.part is not None
    }


def of_test_part(name: str) -> str | None:
    """Return the metric of the test part with the quantity of one of the validation part.

    None for metrics of other parts, and where the test part's is not measured.
    """
    measured = METRICS[name]
    return parts_of(measured.quantity).get("test") if measured.part == "validation" else None


def target_refusal(metric: str, value: float) -> str | None:
    """Return why a metric cannot reach a value; None where it can."""
    if METRICS[metric].kind == "share" and not 0 <= value <= 1:
        return f"{metric} lies between 0 and 1: 97% is 0.97."
    return None
