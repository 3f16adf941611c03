"""Checking an experiment's claims: those of the preset that it was made from, and its author's."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from service.catalog.metrics import COMPARED_METRICS, EPOCH_METRICS, METRICS
from service.comparison import timing
from service.comparison.recorded_targets import recorded_targets
from service.comparison.timing import Clock
from service.database.tables import Epoch, Experiment, Run
from service.errors import ConflictError, NotFoundError
from service.histories import layer_statistics
from service.presets import own_claims
from service.presets.evidence import Evidence
from service.presets.measures import MetricMeasure, TrainingMeasure
from service.presets.own_claims import RegisteredClaim
from service.presets.preset import Preset, PublishedClaim
from service.presets.registry import PRESETS
from service.presets.results import result_of
from service.presets.trainings import TrainingRecord
from service.specs.claims import SubmittedClaim

#: Metrics that a run's own row has, and its history has not.
_END_METRICS = tuple(name for name in COMPARED_METRICS if METRICS[name].when == "end")

#: By run, by metric: the values by epoch.
_Histories = dict[uuid.UUID, dict[str, dict[int, float]]]
#: By run, by epoch: the statistics of its layers.
_LayersByRun = dict[uuid.UUID, dict[int, list[dict[str, Any]]]]


@dataclass(frozen=True)
class CheckedClaim:
    """A claim with what an experiment shows about it.

    Attributes:
        claim: the claim.
        evidence: what was found.
        p_value: of an author's claim, corrected; None where nothing was tested.
        at_full_size: of a published claim, what its preset's full size gave; None where that has
            not been run.
    """

    claim: PublishedClaim | RegisteredClaim
    evidence: Evidence
    p_value: float | None = None
    at_full_size: Evidence | None = None


@dataclass(frozen=True)
class CheckedClaims:
    """An experiment's claims, checked.

    Attributes:
        experiment_id: the experiment.
        preset: the preset that it was made from, if any.
        size: which of the preset's specs.
        claims: the preset's claims, then those of the spec, then those that were added later.
        trained_before: how many runs had their results before the experiment was submitted.
    """

    experiment_id: uuid.UUID
    preset: str | None
    size: str | None
    claims: list[CheckedClaim]
    trained_before: int


def check(session: Session, experiment_id: uuid.UUID) -> CheckedClaims:
    """Check the claims of an experiment; one without any has an empty list.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.

    Raises:
        NotFoundError: there is no such experiment.
        ConflictError: it was made from a preset that this version does not have.
    """
    with session.begin():
        experiment = session.get(Experiment, experiment_id)
        if experiment is None:
            raise NotFoundError(f"There is no experiment {experiment_id}.")
        preset = _preset_of(experiment)
        own = own_claims_of(experiment)
        published = preset.measures if preset else ()
        own_measures = [claim.measure for claim in own]
        trainings = _trainings(session, experiment_id, [*published, *own_measures])
        trained_before = _trained_before(session, experiment)
    judged = zip(own, own_claims.judge(own, trainings), strict=True)
    return CheckedClaims(
        experiment_id,
        experiment.preset,
        experiment.preset_size,
        [
            *_published(preset, trainings),
            *(CheckedClaim(claim, evidence, p_value) for claim, (evidence, p_value) in judged),
        ],
        trained_before,
    )


def _published(preset: Preset | None, trainings: Sequence[TrainingRecord]) -> list[CheckedClaim]:
    if preset is None:
        return []
    full = result_of(preset, "full")
    return [
        CheckedClaim(
            claim, claim.judge(trainings), at_full_size=full.claims[claim.name] if full else None
        )
        for claim in preset.claims
    ]


def own_claims_of(experiment: Experiment) -> list[RegisteredClaim]:
    """Return the claims of an experiment's author, those of the spec first."""
    of_spec = [
        RegisteredClaim(SubmittedClaim.model_validate(claim))
        for claim in experiment.spec.get("claims", ())
    ]
    later = [
        RegisteredClaim(
            SubmittedClaim.model_validate(added["claim"]),
            datetime.fromisoformat(added["added_at"]),
        )
        for added in experiment.later_claims
    ]
    return [*of_spec, *later]


def _preset_of(experiment: Experiment) -> Preset | None:
    if experiment.preset is None:
        return None
    if experiment.preset not in PRESETS:
        raise ConflictError(
            f"This version of the service has no preset {experiment.preset!r}, so its claims "
            "cannot be checked. GET /v1/presets lists those it has."
        )
    return PRESETS[experiment.preset]


def _trained_before(session: Session, experiment: Experiment) -> int:
    """Return how many runs took over a finished history when they were submitted."""
    taken_over = select(func.count()).where(
        # Both times are those of the submission's transaction.
        Run.experiment_id == experiment.id,
        Run.finished_at <= experiment.created_at,
    )
    return session.scalar(taken_over) or 0


def _trainings(
    session: Session, experiment_id: uuid.UUID, measures: Sequence[TrainingMeasure]
) -> list[TrainingRecord]:
    """Return what the claims read of every run."""
    ours = Run.experiment_id == experiment_id
    columns = (Run.id, Run.label, Run.config_hash, Run.seed, Run.status, Run.verdict, Run.outcome)
    ends = [getattr(Run, name) for name in _END_METRICS]
    runs = session.execute(
        select(*columns, Run.epoch, *ends).where(ours).order_by(Run.position)
    ).all()
    distinct = select(Run.config_hash, Run.config).ext(distinct_on(Run.config_hash)).where(ours)
    configs: dict[str, dict[str, Any]] = dict(session.execute(distinct).all())
    run_ids = [run.id for run in runs]
    of_metrics = [measure for measure in measures if isinstance(measure, MetricMeasure)]
    histories = _histories(session, run_ids, of_metrics)
    is_timed = any(measure.is_timed for measure in of_metrics)
    clocks = timing.clocks(session, run_ids) if is_timed else {}
    layers = _layers(session, run_ids) if len(of_metrics) < len(measures) else {}
    names = {measure.name for measure in of_metrics}
    recorded = recorded_targets(session, experiment_id, configs, names)
    return [
        TrainingRecord(
            run.label,
            configs[run.config_hash],
            run.seed,
            run.status,
            histories[run.id] | _end_metrics(run),
            layers.get(run.id, {}),
            run.verdict,
            run.outcome,
            clocks.get(run.id, Clock()),
            recorded[run.config_hash],
        )
        for run in runs
    ]


def _end_metrics(run: Row[Any]) -> dict[str, dict[int, float]]:
    """Return the metrics that are measured once, as histories of the last epoch."""
    values = {name: getattr(run, name) for name in _END_METRICS}
    return {name: {run.epoch: value} for name, value in values.items() if value is not None}


def _histories(
    session: Session, run_ids: Collection[uuid.UUID], measures: Sequence[MetricMeasure]
) -> _Histories:
    names = [name for name in EPOCH_METRICS if any(name in measure.metrics for measure in measures)]
    histories: _Histories = {run_id: {name: {} for name in names} for run_id in run_ids}
    if not names:
        return histories
    columns = [getattr(Epoch, name) for name in names]
    wanted = select(Epoch.run_id, Epoch.epoch, *columns).where(Epoch.run_id.in_(run_ids))
    points = {measure.at for measure in measures} - {"final"}
    if all(isinstance(at, int) for at in points):  # two epochs of 15,000 may be enough
        at = or_(Epoch.epoch.in_(points), Epoch.epoch == Run.epoch)
        wanted = wanted.join(Run, Run.id == Epoch.run_id).where(at)
    for run_id, epoch, *values in session.execute(wanted):
        for name, value in zip(names, values, strict=True):
            if value is not None:
                histories[run_id][name][epoch] = value
    return histories


def _layers(session: Session, run_ids: Collection[uuid.UUID]) -> _LayersByRun:
    layers: _LayersByRun = defaultdict(dict)
    for run_id, epoch, content in layer_statistics.read_layers_of_runs(session, run_ids):
        layers[run_id][epoch] = content
    return layers
