"""Reading answers: non-finite numbers arrive as text, and only numbers may be turned back."""

from typing import Any

from actinium.numbers import read_numbers
from actinium.types import Comparison, Diagnosis, History, Layers, Run, RunHistory


def read_run(answer: Any) -> Run:
    """Read a run."""
    metrics = {name: read_numbers(answer[name]) for name in ("final", "best")}
    diagnosis = answer.get("diagnosis")
    read: Run = _with(answer, **metrics, diagnosis=diagnosis and read_diagnosis(diagnosis))
    return read


def read_diagnosis(answer: Any) -> Diagnosis:
    """Read a diagnosis; only figure and threshold of a finding are numbers."""
    findings = [_numbers(each, "value", "threshold") for each in answer["findings"]]
    read: Diagnosis = _with(answer, findings=findings)
    return read


def read_history(answer: Any) -> History:
    """Read a run's history."""
    read: History = _numbers(answer, "metrics")
    return read


def read_histories(answer: Any) -> list[RunHistory]:
    """Read an experiment's histories, in the order of its runs."""
    return [_numbers(each, "metrics") for each in answer["histories"]]


def read_layers(answer: Any) -> Layers:
    """Read layer statistics; a layer's name is text."""
    layers = [_with(read_numbers(each), name=each["name"]) for each in answer["layers"]]
    read: Layers = _with(_numbers(answer, "loss", "chance_loss"), layers=layers)
    return read


def read_comparison(answer: Any) -> Comparison:
    """Read a comparison; what groups are named by is text."""
    groups = [_with(read_numbers(each), by=each["by"]) for each in answer["groups"]]
    read: Comparison = _with(answer, groups=groups, effects=read_numbers(answer["effects"]))
    return read


def read_event_data(kind: str, data: Any) -> Any:
    """Read what an event tells."""
    match kind:
        case "run.epoch":
            return _numbers(data, "metrics")
        case "run.finished":
            return _numbers(data, "val_accuracy", "val_loss")
        case _:
            return data


def _numbers(answer: Any, *names: str) -> Any:
    """Read the numbers in some fields of an answer."""
    return _with(answer, **{name: read_numbers(answer[name]) for name in names})


def _with(answer: Any, **changed: Any) -> Any:
    """Give an answer with some of its fields changed."""
    return {**answer, **changed}
