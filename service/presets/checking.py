"""Checking the claims of a preset on an experiment that was made from it."""

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from service.database.tables import Epoch, Experiment, Run
from service.errors import ConflictError, NotFoundError
from service.histories import layer_statistics
from service.presets.evidence import Evidence
from service.presets.preset import Preset, PublishedClaim
from service.presets.registry import PRESETS
from service.presets.trainings import TrainingRecord
from service.statuses import FINISHED

#: By run, by metric: the values by epoch.
_Histories = dict[uuid.UUID, dict[str, dict[int, float]]]
#: By run, by epoch: the statistics of its layers.
_LayersByRun = dict[uuid.UUID, dict[int, list[dict[str, Any]]]]


@dataclass(frozen=True)
class CheckedClaim:
    """A claim with what an experiment shows about it."""

    claim: PublishedClaim
    evidence: Evidence


@dataclass(frozen=True)
class CheckedClaims:
    """A preset's claims, checked on one experiment.

    ``finished``: every run has its result, so that the evidence no longer changes.
    """

    experiment_id: uuid.UUID
    preset: str
    size: str
    claims: list[CheckedClaim]
    finished: bool


def check(session: Session, experiment_id: uuid.UUID) -> CheckedClaims:
    """Check the claims of the preset that an experiment was made from.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.

    Raises:
        NotFoundError: there is no such experiment.
        ConflictError: it was made from no preset, or from one that this version does not have.
    """
    with session.begin():
        experiment = session.get(Experiment, experiment_id)
        if experiment is None:
            raise NotFoundError(f"There is no experiment {experiment_id}.")
        preset = _preset_of(experiment)
        size = str(experiment.preset_size)
        trainings = _trainings(session, experiment_id, preset)
    return CheckedClaims(
        experiment_id,
        preset.name,
        size,
        [CheckedClaim(claim, claim.judge(trainings)) for claim in preset.claims],
        finished=all(training.status in FINISHED for training in trainings),
    )


def _preset_of(experiment: Experiment) -> Preset:
    if experiment.preset is None:
        raise ConflictError(
            "The experiment was not made from a preset, so it has no claims to check. "
            "Submit one with POST /v1/presets/{name}/experiments."
        )
    if experiment.preset not in PRESETS:
        raise ConflictError(
            f"This version of the service has no preset {experiment.preset!r}, so its claims "
            "cannot be checked. GET /v1/presets lists those it has."
        )
    return PRESETS[experiment.preset]


def _trainings(session: Session, experiment_id: uuid.UUID, preset: Preset) -> list[TrainingRecord]:
    """Return what the preset's claims read of every run."""
    ours = Run.experiment_id == experiment_id
    runs = session.execute(
        select(Run.id, Run.label, Run.config_hash, Run.seed, Run.status, Run.verdict)
        .where(ours)
        .order_by(Run.position)
    ).all()
    distinct = select(Run.config_hash, Run.config).ext(distinct_on(Run.config_hash)).where(ours)
    configs: dict[str, dict[str, Any]] = dict(session.execute(distinct).all())
    run_ids = [run.id for run in runs]
    histories = _histories(session, run_ids, preset)
    layers = _layers(session, run_ids) if preset.reads_layers else {}
    return [
        TrainingRecord(
            run.label,
            configs[run.config_hash],
            run.seed,
            run.status,
            histories[run.id],
            layers.get(run.id, {}),
            run.verdict,
        )
        for run in runs
    ]


def _histories(session: Session, run_ids: Collection[uuid.UUID], preset: Preset) -> _Histories:
    histories: _Histories = {run_id: {name: {} for name in preset.metrics} for run_id in run_ids}
    if not preset.metrics:
        return histories
    columns = [getattr(Epoch, name) for name in preset.metrics]
    wanted = select(Epoch.run_id, Epoch.epoch, *columns).where(Epoch.run_id.in_(run_ids))
    if preset.epochs is not None:  # two epochs of 15,000 may be enough
        at = or_(Epoch.epoch.in_(preset.epochs), Epoch.epoch == Run.epoch)
        wanted = wanted.join(Run, Run.id == Epoch.run_id).where(at)
    for run_id, epoch, *values in session.execute(wanted):
        for name, value in zip(preset.metrics, values, strict=True):
            if value is not None:
                histories[run_id][name][epoch] = value
    return histories


def _layers(session: Session, run_ids: Collection[uuid.UUID]) -> _LayersByRun:
    layers: _LayersByRun = defaultdict(dict)
    for run_id, epoch, content in layer_statistics.read_layers_of_runs(session, run_ids):
        layers[run_id][epoch] = content
    return layers
