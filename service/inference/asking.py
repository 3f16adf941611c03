"""The use-cases by which a client asks for something of a run's trained network."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.preprocessings import UNFITTED
from service.database.tables import Run, UploadedDataset
from service.datasets.understood import Understood
from service.errors import ConflictError, GoneError, NotFoundError
from service.inference import tasks
from service.inference.inputs import packed, read_inputs
from service.runs import search
from service.settings import Settings
from service.specs.choices import Choice
from service.specs.resolution import facts
from service.specs.spec import RunConfig
from service.specs.uploads import UPLOADED
from service.statuses import ACTIVE, FINISHED, NetworkTaskKind
from service.weights import files
from service.weights.onnx_files import find_onnx


def ask_predictions(
    session: Session,
    run_id: uuid.UUID,
    inputs: Sequence[Any],
    *,
    caller: str,
    settings: Settings,
) -> uuid.UUID:
    """Ask for the predictions of a run's network on some inputs; return the id of the task.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        inputs: as ``read_inputs`` takes them.
        caller: the name of the API key that asks.
        settings: of the service.

    Raises:
        NotFoundError: there is no such run.
        ConflictError: the run has no result.
        GoneError: its weights, or the data that its preprocessing is fitted on, are gone.
        InvalidError: an input cannot be used.
        UnavailableError: no worker is alive, or too many tasks wait.
    """
    run = search.get(session, run_id)
    dataset = _usable(session, run, settings)
    understood = understood_of(session, dataset)
    body = packed(read_inputs(inputs, dataset, understood))
    kind = NetworkTaskKind.PREDICTIONS
    return tasks.ask(session, run.id, kind, body, caller=caller, settings=settings)


def understood_of(session: Session, dataset: Choice) -> Understood | None:
    """Return what is known of a run's uploaded data set; None of another or a deleted one."""
    if dataset.name != UPLOADED:
        return None
    with session.begin():
        stored = session.scalar(
            select(UploadedDataset.understood).where(
                UploadedDataset.sha256 == dataset.parameters["sha256"]
            )
        )
    return None if stored is None else Understood.model_validate(stored)


def ask_onnx(
    session: Session, run_id: uuid.UUID, *, caller: str, settings: Settings
) -> uuid.UUID | None:
    """Ask for a run's network as an ONNX model; None where it was made before.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        caller: the name of the API key that asks.
        settings: of the service.

    Returns:
        The id of the task.

    Raises:
        NotFoundError: there is no such run.
        ConflictError: the run has no result.
        GoneError: its weights, or the data that its preprocessing is fitted on, are gone.
        UnavailableError: no worker is alive, or too many tasks wait.
    """
    run = search.get(session, run_id)
    if run.status in FINISHED:
        found = find_onnx(session, run_id, settings)
        if found is not None:
            found.file.close()
            return None
    _usable(session, run, settings)
    kind = NetworkTaskKind.ONNX
    return tasks.ask(session, run.id, kind, None, caller=caller, settings=settings)


def _usable(session: Session, run: Run, settings: Settings) -> Choice:
    """Return the data set of a run whose network can be used.

    Raises:
        ConflictError: the run has no result.
        GoneError: its weights, or the data that its preprocessing is fitted on, are gone.
        UnavailableError: the location of weights cannot be read.
    """
    if run.status not in FINISHED:
        detail = (
            f"Run {run.id} is not over; ask when it has ended."
            if run.status in ACTIVE
            else f"Run {run.id} was {run.status}: it has no trained network."
        )
        raise ConflictError(detail)
    try:
        files.find(session, run.id, "last", settings).file.close()
    except NotFoundError as missing:
        raise GoneError(missing.detail) from None
    dataset = RunConfig.model_validate(run.config).dataset
    unfitted = dataset.parameters["preprocessing"].name in UNFITTED
    fitted = not unfitted or facts(dataset).task == "regression"
    if fitted and dataset.name == UPLOADED and understood_of(session, dataset) is None:
        raise GoneError(
            "The data set of this run was deleted, and its preprocessing, or the scale of its "
            "targets, is fitted on it. Upload the same file again."
        )
    return dataset
