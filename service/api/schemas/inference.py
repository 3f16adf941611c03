"""Predictions of trained networks, as they are asked for and answered."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from service.api.schemas.base import ApiAnswer
from service.inference.inputs import MOST_INPUTS
from service.statuses import NetworkTaskStatus

_NUMBERS = "A list of numbers in the shape of a sample, in the units of the data set."
_ROW = "A row of an uploaded table: values by the names of its columns."


class PredictionsRequest(BaseModel):
    """Inputs to predict."""

    model_config = ConfigDict(extra="forbid")

    inputs: list[
        Annotated[list[JsonValue], Field(description=_NUMBERS)]
        | Annotated[dict[str, JsonValue], Field(description=_ROW)]
    ] = Field(min_length=1, max_length=MOST_INPUTS)


class PredictedInput(ApiAnswer):
    """What a network says of one input; nulls where its output is not finite."""

    value: float | None = Field(
        description="In the target's own units; null where the targets are classes."
    )
    label: int | None = Field(
        description="The most probable class, as an index of `classes`; this and what follows is "
        "null where the targets are numbers."
    )
    name: str | None = Field(description="Its name.")
    probabilities: list[float] | None = Field(
        description="Of each class, in the order of `classes`."
    )


class TaskLinks(ApiAnswer):
    """Where to go from here."""

    self: str
    run: str


class OnnxTaskAnswer(ApiAnswer):
    """How far the making of a model is."""

    id: uuid.UUID
    run_id: uuid.UUID
    status: NetworkTaskStatus
    reason: str | None = Field(description="Why it is not completed yet.")
    created_at: datetime
    links: TaskLinks


class PredictionsAnswer(ApiAnswer):
    """The predictions of a run's network, or how far they are."""

    id: uuid.UUID
    run_id: uuid.UUID
    status: NetworkTaskStatus
    reason: str | None = Field(description="Why it is not completed yet.")
    classes: list[str] = Field(
        description="Names as in the uploaded file; of built-in data the labels. Empty where the "
        "targets are numbers."
    )
    predictions: list[PredictedInput] | None = Field(
        description="In the order of the inputs; null until it is completed."
    )
    created_at: datetime
    links: TaskLinks


_RUN = "019ac4f2-9a1c-7b52-8d0e-4f1c2a6b7d31"
_TASK = "019ac4f5-1c1e-7c55-9a07-0f8a5b9f2c11"

REQUESTS: Any = {
    "numbers": {
        "summary": "Numbers, in the order of the data set's inputs",
        "value": {"inputs": [[0.1, -0.4], [0.9, 0.2]]},
    },
    "columns": {
        "summary": "Rows of an uploaded table",
        "value": {"inputs": [{"Age": 42, "Gender": "Female", "Geography": "France"}]},
    },
}

PREDICTIONS: dict[str, Any] = {
    "id": _TASK,
    "run_id": _RUN,
    "status": "completed",
    "reason": None,
    "classes": ["stayed", "left"],
    "predictions": [
        {"value": None, "label": 0, "name": "stayed", "probabilities": [0.93, 0.07]},
        {"value": None, "label": 1, "name": "left", "probabilities": [0.2, 0.8]},
    ],
    "created_at": "2026-11-21T16:20:00Z",
    "links": {"self": f"/v1/runs/{_RUN}/predictions/{_TASK}", "run": f"/v1/runs/{_RUN}"},
}

WAITING: dict[str, Any] = {
    **PREDICTIONS,
    "status": "waiting",
    "reason": "A worker has been woken for it.",
    "predictions": None,
}

ONNX_WAITING: dict[str, Any] = {
    **{name: WAITING[name] for name in ("id", "run_id", "status", "reason", "created_at")},
    "links": {"self": f"/v1/runs/{_RUN}/model.onnx", "run": f"/v1/runs/{_RUN}"},
}
