"""Experiments as the API answers them."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from service.api.schemas.base import Answer, As
from service.api.schemas.runs import LABELS, NAME, Labels
from service.database import tables
from service.experiments.cost import Cost
from service.experiments.dry_run import Plan
from service.experiments.progress import Standing
from service.specs.spec import ExperimentSpec, RunConfig
from service.statuses import ExperimentStatus

Fraction = Annotated[float, Field(ge=0, le=1)]


class RunCounts(Answer):
    """An experiment's runs by status."""

    total: int
    queued: int
    running: int
    completed: int
    diverged: int
    failed: int
    cancelled: int


class ExperimentLinks(Answer):
    """Where more about an experiment is."""

    self: str
    runs: str
    histories: str
    events: str


class ExperimentPreset(Answer):
    """The preset an experiment was made from."""

    name: str
    size: Literal["full", "small"] = Field(description="Which of its specs was taken.")


class ExperimentSummary(Answer):
    """An experiment as lists show it: without its spec."""

    id: uuid.UUID
    name: str | None
    description: str | None
    tags: dict[str, str]
    preset: ExperimentPreset | None = Field(
        description="Whose claims `/claims` checks; null for an experiment of one's own."
    )
    status: ExperimentStatus = Field(
        description="`queued`: every run waits. `running`: some run waits or trains. Then "
        "`failed` where a run failed, `cancelled` where it was cancelled, else `completed` "
        "(diverged runs are results)."
    )
    runs: RunCounts
    progress: Fraction = Field(description="Share of all epochs that is done.")
    eta_seconds: float | None = Field(
        description="Estimate with the workers now at it; null once it has ended."
    )
    created_by: str = Field(description="The name of the key that submitted it.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancelled_at: datetime | None = Field(description="When its cancel was asked for.")
    links: ExperimentLinks

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """Show how an experiment stands."""
        return cls(**_summary(standing))


class ExperimentAnswer(ExperimentSummary):
    """An experiment with its spec and how it stands."""

    spec: Annotated[dict[str, Any], As(ExperimentSpec)] = Field(
        description="The spec with its defaults written out; it may be submitted again."
    )

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """Show how an experiment stands, and its spec."""
        return cls(**_summary(standing), spec=standing.experiment.spec)


def _summary(standing: Standing) -> dict[str, Any]:
    experiment = standing.experiment
    path = f"/v1/experiments/{experiment.id}"
    return {
        "id": experiment.id,
        "name": experiment.name,
        "description": experiment.description,
        "tags": experiment.tags,
        "preset": _preset(experiment),
        "status": standing.status,
        "runs": standing.runs,
        "progress": standing.progress,
        "eta_seconds": standing.eta_seconds,
        "created_by": experiment.created_by,
        "created_at": experiment.created_at,
        "started_at": standing.started_at,
        "finished_at": standing.finished_at,
        "cancelled_at": experiment.cancelled_at,
        "links": {
            "self": path,
            "runs": f"/v1/runs?experiment_id={experiment.id}",
            "histories": f"{path}/histories",
            "events": f"{path}/events",
        },
    }


def _preset(experiment: tables.Experiment) -> dict[str, Any] | None:
    if experiment.preset is None:
        return None
    return {"name": experiment.preset, "size": experiment.preset_size}


class CostRate(Answer):
    """What a thousand training samples cost, and how that is known."""

    model: dict[str, Any]
    dataset: str
    batch_size: int
    seconds_per_thousand_samples: float
    basis: Literal["measured", "catalog"] = Field(
        description="`measured`: mean over `runs` runs of this model, data set and batch size "
        "here. `catalog`: counted from the layers, for two cores."
    )
    runs: int


class CostEstimate(Answer):
    """What the runs that must be trained take on one worker, one after the other."""

    training_samples: int
    seconds: float
    rates: list[CostRate]

    @classmethod
    def of(cls, estimate: Cost) -> Self:
        """Show an estimate."""
        rates = [CostRate(**vars(each)) for each in estimate.rates]
        return cls(
            training_samples=estimate.training_samples, seconds=estimate.seconds, rates=rates
        )


class PlannedConfigurationAnswer(Answer):
    """One resolved configuration of a dry run."""

    label: str | None
    labels: Labels = LABELS
    name: str = NAME
    config: Annotated[dict[str, Any], As(RunConfig)]
    config_hash: str
    runs: int = Field(description="How many seeds it is trained with.")
    already_trained: int


class DryRun(Answer):
    """What a submission would make; nothing is stored."""

    runs: int
    configurations: int
    already_trained: int = Field(description="How many runs have a finished twin.")
    cost: CostEstimate
    items: list[PlannedConfigurationAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Show what a submission would make."""
        return cls(
            runs=plan.runs,
            configurations=plan.configurations,
            already_trained=plan.already_trained,
            cost=CostEstimate.of(plan.cost),
            items=[PlannedConfigurationAnswer(**vars(each)) for each in plan.items],
            next_cursor=plan.next_cursor,
        )


class ExperimentPage(Answer):
    """Some experiments, newest first."""

    items: list[ExperimentSummary]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Iterable[Standing], next_cursor: str | None) -> Self:
        """Show a page."""
        return cls(items=[ExperimentSummary.of(each) for each in found], next_cursor=next_cursor)
