"""Tasks on trained networks: a worker does what waits between its trainings.

A task is computed on the CPU, so that it needs no place in a GPU's memory, with the weights that
are kept of its run.
"""

import json
import math
from collections.abc import Callable

import structlog
import torch
from safetensors.torch import load
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker
from torch import Tensor

from service.database.outages import is_outage
from service.datasets.class_names import class_names
from service.errors import DomainError
from service.inference import tasks
from service.inference.inputs import unpacked
from service.inference.results import Predicted, encode_predictions
from service.inference.tasks import TakenTask
from service.settings import Settings
from service.specs.resolution import facts, input_shape, stored_shape
from service.specs.spec import RunConfig
from service.statuses import NetworkTaskKind
from service.weights import files
from service.weights.onnx_files import onnx_name
from service.weights.storage import open_storage
from workers.datasets.dataset import DatasetError
from workers.datasets.loading import preprocessing_of, targets_of
from workers.datasets.targets import TargetScale
from workers.diagnostics.outputs import class_probabilities
from workers.execution.uploads import folder_of
from workers.exports.model import Shapes, onnx_model
from workers.nn.models import Network
from workers.training.assembly import blank_network

#: Inputs that go through a network at once.
_AT_ONCE = 200
_LONGEST_REASON = 500

_log = structlog.get_logger(__name__)


def do_waiting_tasks(
    sessions: sessionmaker[Session], settings: Settings, stopping: Callable[[], bool]
) -> None:
    """Do the tasks that wait, one after the other, until none is left or the worker has to stop.

    A task that fails has its reason stored, and never ends the worker.

    Args:
        sessions: makes sessions outside any transaction.
        settings: of the service.
        stopping: whether the worker has to stop.

    Raises:
        DBAPIError: Postgres is away.
    """
    while not stopping():
        with sessions() as session:
            task = tasks.take(session)
        if task is None:
            return
        with structlog.contextvars.bound_contextvars(task=str(task.id), run_id=str(task.run_id)):
            _do(sessions, task, settings)


def _do(sessions: sessionmaker[Session], task: TakenTask, settings: Settings) -> None:
    result, error = None, None
    try:
        result = _MAKERS[task.kind](sessions, task, settings)
        _log.info("Did a task", kind=str(task.kind))
    except Exception as failure:
        if isinstance(failure, DBAPIError) and is_outage(failure):
            raise
        _log.exception("A task failed")
        error = _reason(failure)
    with sessions() as session:
        tasks.end(session, task, result=result, error=error)


def _predictions(sessions: sessionmaker[Session], task: TakenTask, settings: Settings) -> bytes:
    """Return the predictions of a run's network, encoded."""
    config = RunConfig.model_validate(task.config)
    network = trained_network(sessions, task, config, settings)
    folder = folder_of(config.dataset, settings)
    apply = preprocessing_of(config.dataset, folder)
    scale = targets_of(config.dataset, folder)
    inputs = torch.from_numpy(apply(unpacked(task.body or b"")))
    predictions: list[Predicted] = []
    for start in range(0, len(inputs), _AT_ONCE):
        with torch.inference_mode():
            logits = network(inputs[start : start + _AT_ONCE]).double()
        predictions += _classified(logits) if scale is None else _valued(logits, scale)
    return encode_predictions(predictions)


def _classified(logits: Tensor) -> list[Predicted]:
    finite = logits.isfinite().all(1).tolist()
    probabilities, labels = class_probabilities(logits)
    return [
        Predicted(label, shares) if is_finite else Predicted()
        for label, shares, is_finite in zip(
            labels.tolist(), probabilities.tolist(), finite, strict=True
        )
    ]


def _valued(outputs: Tensor, scale: TargetScale) -> list[Predicted]:
    values = (outputs[:, 0] * scale.deviation + scale.mean).tolist()
    return [Predicted(value=value if math.isfinite(value) else None) for value in values]


def _onnx(sessions: sessionmaker[Session], task: TakenTask, settings: Settings) -> None:
    """Keep a run's network as an ONNX model beside its weights."""
    config = RunConfig.model_validate(task.config)
    known = facts(config.dataset)
    with sessions() as session:
        names = class_names(session, task.config["dataset"])
        name = onnx_name(session, task.run_id)
    folder = folder_of(config.dataset, settings)
    model = onnx_model(
        trained_network(sessions, task, config, settings),
        preprocessing_of(config.dataset, folder),
        targets_of(config.dataset, folder),
        shapes=Shapes(
            stored=stored_shape(config.dataset),
            network=input_shape(config.dataset),
            classes=known.classes,
        ),
        are_pixels=known.largest_value is not None,
        metadata={
            "run_id": str(task.run_id),
            "config": json.dumps(task.config, sort_keys=True),
            "config_hash": task.config_hash,
            "seed": str(task.seed),
            "preprocessing": str(config.dataset.parameters["preprocessing"]),
            "classes": json.dumps(names, ensure_ascii=False),
        },
    )
    open_storage(settings).write(name, [model])


_MAKERS: dict[
    NetworkTaskKind, Callable[[sessionmaker[Session], TakenTask, Settings], bytes | None]
] = {NetworkTaskKind.PREDICTIONS: _predictions, NetworkTaskKind.ONNX: _onnx}


def trained_network(
    sessions: sessionmaker[Session], task: TakenTask, config: RunConfig, settings: Settings
) -> Network:
    """Return a run's network with the weights at the end of its training, for evaluation.

    Raises:
        NotFoundError: the weights are gone.
        UnavailableError: they cannot be read.
    """
    with sessions() as session:
        found = files.find(session, task.run_id, "last", settings)
    with found.file as file:
        weights = load(file.read())
    network = blank_network(config)
    network.load_state_dict(weights)
    return network.eval()


def _reason(failure: Exception) -> str:
    """Return why a task failed, in a sentence for whoever asked; the log has all of it."""
    if isinstance(failure, DomainError):
        return failure.detail
    if isinstance(failure, DatasetError):
        return str(failure)
    text = " ".join(f"{type(failure).__name__}: {failure}".split())
    return f"The worker could not compute it. {text}"[:_LONGEST_REASON]
