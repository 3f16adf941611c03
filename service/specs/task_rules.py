"""Rules of tasks: what fits targets that are classes, and what fits targets that are numbers."""

from collections.abc import Iterator, Mapping

from service.catalog.entry import Task
from service.catalog.losses import losses_of, task_of
from service.catalog.metrics import METRICS, STOPPING_METRICS, is_of
from service.fields import FieldError, Location
from service.specs.resolution import Resolution, facts
from service.specs.spec import EarlyStopping

_TARGETS: Mapping[Task, str] = {"classification": "classes", "regression": "numbers"}
_PURPOSES: Mapping[Task, str] = {
    "classification": "tells classes apart",
    "regression": "is for targets that are numbers",
}


def task_errors(resolved: Resolution) -> list[FieldError]:
    """Return why a point's loss, head or schedule does not fit the targets of its data set."""
    if task_of(resolved.loss.name) != facts(resolved.dataset).task:
        return [_loss_error(resolved)]
    return [*_head_errors(resolved), *_schedule_errors(resolved)]


def mixing_errors(places: Mapping[Task, Location]) -> list[FieldError]:
    """Return why the points of an experiment cannot be compared: they are of two tasks.

    Args:
        places: where in the spec the first data set of each task stands.
    """
    if len(places) < 2:
        return []
    detail = (
        "An experiment compares its runs by one metric, so its data sets have one task: this one "
        "has {own} as targets, and another has {other}. Submit two experiments."
    )
    (other, _), (own, place) = places.items()
    return [FieldError(place, detail.format(own=_TARGETS[own], other=_TARGETS[other]))]


def stopping_errors(stopping: EarlyStopping | None, task: Task) -> list[FieldError]:
    """Return why runs of a task cannot be stopped by a metric."""
    if stopping is None or is_of(stopping.metric, task):
        return []
    return [FieldError(("early_stopping", "metric"), _not_measured(stopping.metric, task))]


def other_task(metric: str, task: Task) -> str | None:
    """Return that runs of a task do not record a metric; None where they do."""
    if is_of(metric, task):
        return None
    own: Task = METRICS[metric].task or "classification"
    return (
        f"{metric} is measured where targets are {_TARGETS[own]}, and those of these runs are "
        f"{_TARGETS[task]}."
    )


def _loss_error(resolved: Resolution) -> FieldError:
    task = facts(resolved.dataset).task
    loss = resolved.loss.name
    return FieldError(
        resolved.point["loss"].location,
        f"{loss} {_PURPOSES[task_of(loss)]}, and the targets of {resolved.dataset.name} are "
        f"{_TARGETS[task]}. Use {' or '.join(losses_of(task))}, or leave the loss out.",
    )


def _head_errors(resolved: Resolution) -> Iterator[FieldError]:
    head = resolved.model.parameters.get("head")
    known = facts(resolved.dataset)
    place = resolved.point["model"].parameter("head")
    if head is not None and (head == "linear") != (known.task == "regression"):
        yield FieldError(
            place,
            f"A {head} head {_PURPOSES['regression' if head == 'linear' else 'classification']}, "
            f"and the targets of {resolved.dataset.name} are {_TARGETS[known.task]}. Use the head "
            "auto.",
        )
    elif head == "binary" and known.classes != 2:
        yield FieldError(
            place,
            f"A binary head tells two classes apart, and {resolved.dataset.name} has "
            f"{known.classes}. Use the head multiclass.",
        )
    elif head == "binary" and resolved.loss.name != "binary_crossentropy":
        yield FieldError(
            resolved.point["loss"].location,
            f"A binary head has a single output, and {resolved.loss.name} needs one per class. "
            "Use binary_crossentropy, or the head multiclass.",
        )


def _schedule_errors(resolved: Resolution) -> Iterator[FieldError]:
    task = facts(resolved.dataset).task
    schedule = resolved.chosen("optimizer").parameters["schedule"]
    metric = schedule.parameters.get("metric")
    if metric is not None and not is_of(metric, task):
        place = resolved.point["optimizer"].parameter("schedule", "metric")
        yield FieldError(place, _not_measured(metric, task))


def _not_measured(metric: str, task: Task) -> str:
    usable = [name for name in STOPPING_METRICS if is_of(name, task)]
    return f"{other_task(metric, task)} Use {' or '.join(usable)}."
