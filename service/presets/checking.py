"""Claims: what an experiment made from a preset says about what was published."""

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
from service.presets.preset import Claim, Preset
from service.presets.registry import PRESETS
from service.presets.trainings import Training
from service.statuses import FINISHED

Histories = dict[uuid.UUID, dict[str, dict[int, float]]]
Layers = dict[uuid.UUID, dict[int, list[dict[str, Any]]]]


@dataclass(frozen=True)
class CheckedClaim:
    """A claim with what an experiment says about it."""

    claim: Claim
    evidence: Evidence


@dataclass(frozen=True)
class CheckedClaims:
    """A preset's claims, checked on one experiment.

    ``finished``: every run has its result, so that they stay what they are.
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
        ConflictError: it was not made from a preset, or from one that is no longer known.
    """
    with session.begin():
        experiment = session.get(Experiment, experiment_id)
        if experiment is None:
            raise NotFoundError(f"There is no experiment {experiment_id}.")
        if experiment.preset is None:
            raise ConflictError(
                "The experiment was not made from a preset, so it has no claims to check. "
                "Submit one with POST /v1/presets/{name}/experiments."
            )
        preset = PRESETS.get(experiment.preset)
        if preset is None:
            raise ConflictError(f"The preset {experiment.preset!r} is no longer known.")
        size = str(experiment.preset_size)
        trainings = _trainings(session, experiment_id, preset)
    return CheckedClaims(
        experiment_id,
        preset.name,
        size,
        [CheckedClaim(each, each.judge(trainings)) for each in preset.claims],
        finished=all(each.status in FINISHED for each in trainings),
    )


def _trainings(session: Session, experiment_id: uuid.UUID, preset: Preset) -> list[Training]:
    """Read what the preset's claims look at, of every run."""
    ours = Run.experiment_id == experiment_id
    runs = session.execute(
        select(Run.id, Run.label, Run.config_hash, Run.seed, Run.status, Run.verdict)
        .where(ours)
        .order_by(Run.position)
    ).all()
    distinct = select(Run.config_hash, Run.config).ext(distinct_on(Run.config_hash)).where(ours)
    configs: dict[str, dict[str, Any]] = dict(session.execute(distinct).all())
    ids = [each.id for each in runs]
    histories = _histories(session, ids, preset)
    found = _layers(session, ids) if preset.reads_layers else {}
    return [
        Training(
            each.label,
            configs[each.config_hash],
            each.seed,
            each.status,
            histories[each.id],
            found.get(each.id, {}),
            each.verdict,
        )
        for each in runs
    ]


def _histories(session: Session, run_ids: Collection[uuid.UUID], preset: Preset) -> Histories:
    found: Histories = {each: {name: {} for name in preset.metrics} for each in run_ids}
    if not preset.metrics:
        return found
    columns = [getattr(Epoch, name) for name in preset.metrics]
    wanted = select(Epoch.run_id, Epoch.epoch, *columns).where(Epoch.run_id.in_(run_ids))
    if preset.epochs is not None:  # of 15,000 epochs two may do
        at = or_(Epoch.epoch.in_(preset.epochs), Epoch.epoch == Run.epoch)
        wanted = wanted.join(Run, Run.id == Epoch.run_id).where(at)
    for run_id, epoch, *values in session.execute(wanted):
        for name, value in zip(preset.metrics, values, strict=True):
            if value is not None:
                found[run_id][name][epoch] = value
    return found


def _layers(session: Session, run_ids: Collection[uuid.UUID]) -> Layers:
    found: Layers = defaultdict(dict)
    for run_id, epoch, content in layer_statistics.of_runs(session, run_ids):
        found[run_id][epoch] = content
    return found
