"""Readers of answers: they turn non-finite numbers, which arrive as text, back into floats."""

from typing import Any

from actinium.json_numbers import read_numbers
from actinium.types import (
    Comparison,
    Diagnosis,
    DryRun,
    History,
    Layers,
    Run,
    RunHistory,
    RunPrediction,
)


def read_run(answer: Any) -> Run:
    """Return a run."""
    metrics = {name: read_numbers(answer[name]) for name in ("final", "best")}
    diagnosis = answer.get("diagnosis")
    read: Run = _with(answer, **metrics, diagnosis=diagnosis and read_diagnosis(diagnosis))
    return read


def read_diagnosis(answer: Any) -> Diagnosis:
    """Return a diagnosis; the numbers of a finding are its value and its threshold."""
    findings = [_numbers(finding, "value", "threshold") for finding in answer["findings"]]
    read: Diagnosis = _with(answer, findings=findings)
    return read


def read_history(answer: Any) -> History:
    """Return a run's history."""
    read: History = _numbers(answer, "metrics")
    return read


def read_histories(answer: Any) -> list[RunHistory]:
    """Return an experiment's histories, in the order of its runs."""
    return [_numbers(history, "metrics") for history in answer["histories"]]


def read_layers(answer: Any) -> Layers:
    """Return layer statistics; the name of a layer stays text."""
    layers = [_with(read_numbers(layer), name=layer["name"]) for layer in answer["layers"]]
    read: Layers = _with(_numbers(answer, "loss", "chance_loss"), layers=layers)
    return read


def read_prediction(answer: Any) -> RunPrediction:
    """Return what theory predicts for a run."""
    read: RunPrediction = _predicted(answer)
    return read


def read_dry_run(answer: Any) -> DryRun:
    """Return a dry run; the numbers of its configurations are those of their predictions."""
    read: DryRun = _with(answer, items=[_predicted(item) for item in answer["items"]])
    return read


def _predicted(answer: Any) -> Any:
    """Return an answer with the numbers of its prediction read; sentences and names stay text."""
    found = answer["prediction"]
    if found is None:
        return answer
    layers = [_with(read_numbers(layer), name=layer["name"]) for layer in found["layers"]]
    numbers = _numbers(found, "q_star", "c_star", "chi_1", "depth_scale", "signal", "gradient")
    return _with(answer, prediction=_with(numbers, layers=layers))


def read_comparison(answer: Any) -> Comparison:
    """Return a comparison; the F of an effect may be infinite."""
    effects = [_numbers(effect, "f") for effect in answer["effects"]]
    read: Comparison = _with(answer, effects=effects)
    return read


def read_event_data(kind: str, data: Any) -> Any:
    """Return the data of an event of type ``kind``."""
    match kind:
        case "run.epoch":
            return _numbers(data, "metrics")
        case "run.finished":
            reached = ("val_accuracy", "val_rmse", "val_loss")
            return _numbers(data, *(name for name in reached if name in data))
        case _:
            return data


def _numbers(answer: Any, *names: str) -> Any:
    """Return an answer with the numbers in some of its fields read."""
    return _with(answer, **{name: read_numbers(answer[name]) for name in names})


def _with(answer: Any, **changed: Any) -> Any:
    """Return an answer with some of its fields changed."""
    return {**answer, **changed}
