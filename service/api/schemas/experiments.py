"""Experiments as the API answers them."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas.base import ApiAnswer, As, Number
from service.api.schemas.predictions import (
    INITIALIZER_REASON,
    PREDICTION,
    PREDICTION_REASON,
    PredictionAnswer,
    prediction_fields,
)
from service.api.schemas.runs import LABELS, NAME, Labels
from service.api.schemas.workload import QueueBlocked
from service.experiments.cost import Cost
from service.experiments.dry_run import Plan, PlannedConfiguration
from service.experiments.forecast import Forecast, Range
from service.experiments.overviews import MOST_LABELS
from service.experiments.progress import ExperimentProgress
from service.fields import LongText, ShortText
from service.runs.paces import Basis
from service.specs.spec import MAX_TAGS, ExperimentSpec, Label, RunConfig
from service.statuses import ExperimentStatus

Fraction = Annotated[float, Field(ge=0, le=1)]


class RunCounts(ApiAnswer):
    """An experiment's runs by status."""

    total: int
    queued: int
    running: int
    completed: int
    diverged: int
    failed: int
    cancelled: int


class ExperimentLinks(ApiAnswer):
    """Addresses of an experiment and of what belongs to it."""

    self: str
    runs: str
    histories: str
    events: str


class ExperimentPreset(ApiAnswer):
    """The preset that an experiment was submitted from."""

    name: str
    size: Literal["full", "small"] = Field(description="Which of its specs was used.")


class SecondsRange(ApiAnswer):
    """Seconds between which something that was never measured on this service should lie."""

    low_seconds: float
    high_seconds: float

    @classmethod
    def of(cls, found: Range | None) -> Self | None:
        """Return the answer for a range; None where there is a point."""
        return None if found is None else cls(**vars(found))


_ETA_RANGE = Field(
    description="Where `eta_seconds` is a guess, as nothing like it was trained here yet; null "
    "where it rests on such runs."
)
_WAITS = Field(
    description="The queued runs that no worker seen lately can take, and why; then there is no "
    "`eta_seconds`. Null where there are none."
)


class ForecastAnswer(ApiAnswer):
    """When a submission would start and end, with the workers and the queue as they are now."""

    starts_in_seconds: float | None = Field(
        description="Until its first run starts; null where none would be trained."
    )
    eta_seconds: float | None = Field(description="Until its last run ends.")
    eta_range: SecondsRange | None = _ETA_RANGE
    waits: QueueBlocked | None = _WAITS

    @classmethod
    def of(cls, forecast: Forecast) -> Self:
        """Return the answer for a forecast."""
        return cls(starts_in_seconds=forecast.starts_in_seconds, **eta_fields(forecast))


def eta_fields(forecast: Forecast) -> dict[str, Any]:
    """Return when something ends, or why it cannot, as fields of an answer."""
    return {
        "eta_seconds": forecast.eta_seconds,
        "eta_range": SecondsRange.of(forecast.eta_range),
        "waits": None if forecast.waits is None else QueueBlocked.of(forecast.waits),
    }


class VaryingAxis(ApiAnswer):
    """An axis that varies in an experiment."""

    axis: str = Field(description="An axis, or `variant`.")
    count: int = Field(description="How many labels it has.")
    labels: list[str | int | None] = Field(description=f"The first {MOST_LABELS} of them.")


class LeadingGroup(ApiAnswer):
    """What leads the usual comparison of an experiment."""

    metric: str
    value: Number = Field(description="The mean of the last epoch over its seeds.")
    name: str | None = Field(description="How the group is written; null where nothing varies.")
    trained: int = Field(description="With how many seeds it did better than guessing.")
    n: int = Field(description="How many seeds have a value.")


class ExperimentSummary(ApiAnswer):
    """An experiment without its spec, as in lists."""

    id: uuid.UUID
    name: str | None
    description: str | None
    tags: dict[str, str]
    note: str | None = Field(description="What people wrote down about it since.")
    archived: bool = Field(description="Whether lists leave it out unless they are asked for it.")
    preset: ExperimentPreset | None = Field(
        description="The preset whose claims `/claims` checks; null without one."
    )
    status: ExperimentStatus = Field(
        description="`queued`: no run has started. `running`: a run is queued or running. "
        "Afterwards `failed` if a run failed, else `cancelled` if the experiment or all its runs "
        "were cancelled, else `completed` (diverged runs are results)."
    )
    runs: RunCounts
    progress: Fraction = Field(description="Share of all epochs that are recorded.")
    eta_seconds: float | None = Field(
        description="Until the last run ends, all included, with what stands before in the queue "
        "and the present workers; null once it has ended, and where `waits` says why it cannot."
    )
    eta_range: SecondsRange | None = _ETA_RANGE
    waits: QueueBlocked | None = _WAITS
    created_by: str = Field(description="The name of the key that submitted it.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancelled_at: datetime | None = Field(description="When its cancellation was requested.")
    varying: list[VaryingAxis] = Field(
        description="What varies, without what something before it decides."
    )
    best: LeadingGroup | None = Field(
        description="What leads the usual comparison; null while nothing has trained. It is "
        "renewed within seconds of the end, and now and then before."
    )
    results_of: int = Field(
        description="The number of ended runs that `best` is from; negative while it is worked out "
        "anew."
    )
    links: ExperimentLinks

    @classmethod
    def of(cls, experiment: ExperimentProgress) -> Self:
        """Return the answer for an experiment."""
        return cls(**_summary(experiment))


class ExperimentAnswer(ExperimentSummary):
    """An experiment with its spec and its progress."""

    spec: Annotated[dict[str, Any], As(ExperimentSpec)] = Field(
        description="The spec with all defaults filled in; it can be submitted again. It keeps the "
        "name, description and tags of the submission."
    )
    submitted: dict[str, Any] | None = Field(
        description="The spec as it was written, of a preset's experiment with the changes to the "
        "preset; null for an experiment that an older version stored."
    )

    @classmethod
    def of(cls, experiment: ExperimentProgress) -> Self:
        """Return the answer for an experiment, with its spec."""
        return cls(**_summary(experiment), spec=experiment.spec, submitted=experiment.submitted)


def _summary(experiment: ExperimentProgress) -> dict[str, Any]:
    path = f"/v1/experiments/{experiment.id}"
    left_out = {"spec", "submitted", "forecast"}
    fields = {name: value for name, value in vars(experiment).items() if name not in left_out}
    return {
        **fields,
        **eta_fields(experiment.forecast),
        "preset": experiment.preset and vars(experiment.preset),
        "links": {
            "self": path,
            "runs": f"/v1/runs?experiment_id={experiment.id}",
            "histories": f"{path}/histories",
            "events": f"{path}/events",
        },
    }


class ExperimentPatch(BaseModel):
    """A JSON merge patch (RFC 7396): what it names is changed, null removes it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: ShortText | None = None
    description: LongText | None = None
    tags: dict[Label, ShortText | None] | None = Field(
        None,
        max_length=100,
        description="Tags to set, and with null to remove; the others stay. null removes all. An "
        f"experiment has up to {MAX_TAGS}.",
    )
    note: LongText | None = Field(None, description="What to write down about the experiment.")
    archived: bool = Field(False, description="Whether lists leave it out.")

    def changes(self) -> dict[str, Any]:
        """Return the fields that the patch names."""
        return self.model_dump(exclude_unset=True)


class CostRate(ApiAnswer):
    """The time per thousand training samples, layer statistics included, and its source."""

    model: dict[str, Any]
    dataset: str
    batch_size: int
    precision: str
    seconds_per_thousand_samples: float
    basis: Basis = Field(
        description="`measured`: by what `runs` runs with this model, data set, batch size and "
        "precision took on this service. `similar`: from the layers, by what other runs of the "
        "model or the device took. `catalog`: from the layers alone, for one core."
    )
    runs: int
    note: str | None = Field(
        description="What else decides the seconds, where a precision was not measured here."
    )


class CostEstimate(ApiAnswer):
    """The time that the runs to be trained take on one worker, one job after the other."""

    training_samples: int
    seconds: float = Field(
        description="All included: claims, data, initial weights, layer statistics, records."
    )
    range: SecondsRange | None = Field(
        description="Where `seconds` is a guess, as nothing like it was trained here yet; null "
        "where it rests on such runs."
    )
    rates: list[CostRate]

    @classmethod
    def of(cls, estimate: Cost) -> Self:
        """Return the answer for an estimate."""
        rates = [CostRate(**vars(rate)) for rate in estimate.rates]
        return cls(
            training_samples=estimate.training_samples,
            seconds=estimate.seconds,
            range=SecondsRange.of(estimate.range),
            rates=rates,
        )


class PlannedConfigurationAnswer(ApiAnswer):
    """One resolved configuration of a dry run."""

    label: str | None
    labels: Labels = LABELS
    name: str = NAME
    config: Annotated[dict[str, Any], As(RunConfig)]
    config_hash: str
    memory_bytes: int = Field(description="Memory that a run of it needs at its peak; an estimate.")
    runs: int = Field(description="Number of seeds it is trained with.")
    already_trained: int
    initializer_reason: str | None = INITIALIZER_REASON
    prediction: PredictionAnswer | None = PREDICTION
    prediction_reason: str | None = PREDICTION_REASON

    @classmethod
    def of(cls, planned: PlannedConfiguration) -> Self:
        """Return the answer for a configuration."""
        return cls(**vars(planned) | prediction_fields(planned.prediction))


class DryRun(ApiAnswer):
    """The plan of a submission; nothing is stored."""

    runs: int
    configurations: int
    already_trained: int = Field(description="Number of runs whose results can be reused.")
    cost: CostEstimate
    forecast: ForecastAnswer
    memory_bytes: int = Field(description="Memory that the largest run needs; an estimate.")
    worker_memory_bytes: int | None = Field(
        description="What the largest worker has for a run; null where no worker was seen lately."
    )
    items: list[PlannedConfigurationAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Return the answer for a plan."""
        return cls(
            runs=plan.runs,
            configurations=plan.configurations,
            already_trained=plan.already_trained,
            memory_bytes=plan.memory_bytes,
            worker_memory_bytes=plan.worker_memory_bytes,
            cost=CostEstimate.of(plan.cost),
            forecast=ForecastAnswer.of(plan.cost.forecast),
            items=[PlannedConfigurationAnswer.of(planned) for planned in plan.items],
            next_cursor=plan.next_cursor,
        )


class ExperimentPage(ApiAnswer):
    """Some experiments, newest first."""

    items: list[ExperimentSummary]
    next_cursor: str | None

    @classmethod
    def of(cls, found: Iterable[ExperimentProgress], next_cursor: str | None) -> Self:
        """Return a page of experiments."""
        return cls(
            items=[ExperimentSummary.of(experiment) for experiment in found],
            next_cursor=next_cursor,
        )
