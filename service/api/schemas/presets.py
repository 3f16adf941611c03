"""Presets and their claims, as the API accepts and answers them."""

import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from service.api.schemas.advice import CatalogSource
from service.api.schemas.base import ApiAnswer
from service.fields import LongText, ShortText
from service.presets.evidence import ClaimStatus, DifferenceFigures, Evidence, GroupFigures
from service.presets.preset import SIZES, Preset, PublishedClaim, Size
from service.presets.results import PresetResult, result_of
from service.specs.spec import ExperimentSpec, Label, LayerStatistics, Seeds

if TYPE_CHECKING:
    from service.presets.checking import CheckedClaim, CheckedClaims
    from service.presets.own_claims import RegisteredClaim

Registered = Literal["published", "before the first run", "after some runs", "later"]
Interval = Annotated[list[float], Field(min_length=2, max_length=2)]
_SPEC_FIELDS = ExperimentSpec.model_fields


class PresetSubmission(BaseModel):
    """Fields that override those of the preset; all are optional."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    size: Size = Field(
        "full",
        description="`full`: as published. `small`: takes minutes on two cores, and tests the "
        "direction of the claims.",
    )
    epochs: int | None = Field(None, ge=0, description="0 means initialization only.")
    seeds: Seeds | None = Field(None, description="A list, or a count.")
    train_size: int | None = Field(None, ge=1, description="Train on the first samples only.")
    test_size: int | None = Field(None, ge=1, description="Test on the first samples only.")
    batch_size: int | None = Field(
        None, ge=1, description="In place of all batch sizes of the preset."
    )
    name: ShortText | None = Field(None, description="By default the name of the preset.")
    description: LongText | None = Field(None, description="By default that of the preset.")
    tags: dict[Label, ShortText] | None = Field(None, max_length=50)
    layer_statistics: LayerStatistics | Literal["off"] | None = None
    reuse: bool | None = Field(None, description=_SPEC_FIELDS["reuse"].description)
    priority: int | None = Field(None, ge=-100, le=100)
    max_attempts: int | None = Field(None, ge=1, le=20)
    device: Literal["auto", "cpu", "cuda"] | None = None

    def fields(self) -> dict[str, Any]:
        """Return the fields that are set, except the size."""
        return self.model_dump(mode="json", exclude={"size"}, exclude_none=True)


class ClaimGroup(ApiAnswer):
    """A group of runs that a claim is about."""

    group: str
    n: int = Field(
        description="Number of seeds averaged, each by the mean of its runs in the group; without "
        "an average, the number of seeds with a result."
    )
    mean: float | None
    std: float | None = Field(description="Over n - 1; null below two seeds.")
    ci95: Interval | None
    diverged: int = Field(
        description="Number of diverged runs. They are not in `mean`, unless the "
        "claim has a target; in a difference each counts "
        "as the worst value of the groups compared, of an author's claim as guessing."
    )
    unfinished: int
    verdicts: dict[str, int] = Field(description="Number of runs by verdict.")
    not_reached: int = Field(
        description="Number of runs that never reached the target, if the claim has one: each is "
        "in `mean` as one epoch more than the longest run."
    )

    @classmethod
    def of(cls, figures: GroupFigures) -> Self:
        """Return the answer for a group."""
        return cls(**{**vars(figures), "ci95": figures.ci95 and [*figures.ci95]})


class ClaimDifference(ApiAnswer):
    """The mean of one group minus that of another."""

    group: str
    than: str
    mean: float
    ci95: Interval = Field(
        description="The 95% interval; of an author's claim the one that agrees with `p_value`: "
        "the intervals of all claims together hold in 95% of experiments."
    )
    paired: bool = Field(description="Whether values were paired by seed.")
    n: int
    p_value: float | None = Field(
        description="Of this difference, two-sided, against the one that is claimed at least; not "
        "corrected. Null where there is no spread, and for an author's claim, which has its own."
    )

    @classmethod
    def of(cls, figures: DifferenceFigures) -> Self:
        """Return the answer for a difference."""
        return cls(**{**vars(figures), "ci95": [*figures.ci95]})


class ClaimResult(ApiAnswer):
    """What a claim gave when its preset was run by the authors of the service."""

    status: ClaimStatus
    reason: str
    measure: str | None = Field(description="The quantity that was compared, in words.")
    groups: list[ClaimGroup]
    differences: list[ClaimDifference]

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        """Return the answer for what a claim gave."""
        return cls(
            status=evidence.status,
            reason=evidence.reason,
            measure=evidence.measure,
            groups=[ClaimGroup.of(group) for group in evidence.groups],
            differences=[ClaimDifference.of(found) for found in evidence.differences],
        )


class PresetClaim(ApiAnswer):
    """One published claim, and what it gave here."""

    name: str
    sentence: str
    status: ClaimStatus | None = Field(
        description="What the preset's full size gave: the claim is about that one. Null where it "
        "has not been run."
    )
    full: ClaimResult | None = Field(description="What the full size gave, if it has been run.")
    small: ClaimResult | None = Field(
        description="What the small size gave: whether the direction is right in that setting."
    )

    @classmethod
    def of(cls, claim: PublishedClaim, results: Mapping[Size, PresetResult | None]) -> Self:
        """Return the answer for a claim."""
        found = {
            size: ClaimResult.of(result.claims[claim.name]) if result else None
            for size, result in results.items()
        }
        full = found["full"]
        return cls(
            name=claim.name,
            sentence=claim.sentence,
            status=full.status if full else None,
            full=full,
            small=found["small"],
        )


class PresetRun(ApiAnswer):
    """A run of a preset by the authors of the service."""

    runs: int
    seconds: float = Field(description="Processor time of all runs, of one thread each.")
    machine: str = Field(description="The processor, and the version of PyTorch.")

    @classmethod
    def of(cls, result: PresetResult) -> Self:
        """Return the answer for a run."""
        return cls(runs=result.runs, seconds=result.seconds, machine=result.machine)


class PresetLinks(ApiAnswer):
    """Addresses of a preset, and for submitting it."""

    self: str
    experiments: str


class PresetAnswer(ApiAnswer):
    """A spec that reproduces published claims."""

    model_config = ConfigDict(title="Preset")

    name: str
    title: str
    description: str
    source: CatalogSource
    spec: dict[str, Any] = Field(
        description="The spec at full size. It can be submitted as an experiment of its own, which "
        "then has no claims."
    )
    small_spec: dict[str, Any] = Field(description="The spec at small size.")
    validates_on_test: bool = Field(
        description="Whether its recipe validates on the test part, as many published ones do: "
        "`val_accuracy` is then what others call the test accuracy, and nothing is left to test on."
    )
    full_run: PresetRun | None = Field(
        description="The run of its full size here; null where it has not been run as it is now."
    )
    small_run: PresetRun | None = Field(description="The same of its small size.")
    claims: list[PresetClaim]
    links: PresetLinks

    @classmethod
    def of(cls, preset: Preset) -> Self:
        """Return the answer for a preset."""
        path = f"/v1/presets/{preset.name}"
        results = {size: result_of(preset, size) for size in SIZES}
        runs = {size: PresetRun.of(found) if found else None for size, found in results.items()}
        return cls(
            name=preset.name,
            title=preset.title,
            description=preset.description,
            source=CatalogSource.of(preset.source),
            spec=preset.spec_of("full"),
            small_spec=preset.spec_of("small"),
            validates_on_test=preset.validates_on_test,
            full_run=runs["full"],
            small_run=runs["small"],
            claims=[PresetClaim.of(claim, results) for claim in preset.claims],
            links=PresetLinks(self=path, experiments=f"{path}/experiments"),
        )


class PresetPage(ApiAnswer):
    """Some presets, in the order of the documentation."""

    items: list[PresetAnswer]
    next_cursor: str | None

    @classmethod
    def of(cls, presets: Iterable[Preset], next_cursor: str | None) -> Self:
        """Return a page of presets."""
        return cls(items=[PresetAnswer.of(preset) for preset in presets], next_cursor=next_cursor)


class ClaimEvidence(ApiAnswer):
    """A claim with the evidence of an experiment."""

    name: str
    sentence: str
    registered: Registered = Field(
        description="When the claim was made: `published` with a preset; by the experiment's "
        "author in its spec, `before the first run` or, where it took over results of earlier "
        "runs, `after some runs`; or `later`, by `POST`."
    )
    post_hoc: bool = Field(
        description="Whether results could be seen before the claim was made: they may have "
        "suggested it, and then they cannot confirm it."
    )
    status: ClaimStatus = Field(
        description="Of a published claim, `reproduced` where the 95% interval over seeds agrees "
        "with it and `not_reproduced` where it contradicts it; of an author's claim `supported` "
        "and `refuted`, with all claims that were registered together decided wrongly in at most "
        "5% of experiments. `inconclusive`: neither, or runs or seeds are missing."
    )
    full_size: ClaimStatus | None = Field(
        description="What the preset's full size gave its authors, which is what a published claim "
        "is about. Null where that has not been run, and for an author's claim."
    )
    p_value: float | None = Field(
        description="Of an author's claim, for the true difference being the one claimed: "
        "two-sided, corrected for the number of claims (Holm). Null where nothing was tested."
    )
    reason: str
    measure: str | None = Field(description="The quantity that was compared, in words.")
    low: float | None = Field(
        description="The lower bound claimed for the differences, or for the means where no groups "
        "are compared."
    )
    high: float | None = Field(description="The upper bound claimed, likewise.")
    groups: list[ClaimGroup]
    differences: list[ClaimDifference]

    @classmethod
    def of(cls, checked: "CheckedClaim", name: str, trained_before: int) -> Self:
        """Return the answer for a checked claim.

        Args:
            checked: the claim with its evidence.
            name: the name of a claim that has none of its own.
            trained_before: runs that had results when the experiment was submitted.
        """
        evidence, claim = checked.evidence, checked.claim
        registered = _registered(claim, trained_before)
        return cls(
            name=claim.name if isinstance(claim, PublishedClaim) else name,
            sentence=claim.sentence,
            registered=registered,
            post_hoc=registered in {"after some runs", "later"},
            p_value=checked.p_value,
            full_size=checked.at_full_size and checked.at_full_size.status,
            status=evidence.status,
            reason=evidence.reason,
            measure=evidence.measure,
            low=evidence.low,
            high=evidence.high,
            groups=[ClaimGroup.of(group) for group in evidence.groups],
            differences=[ClaimDifference.of(difference) for difference in evidence.differences],
        )


def _registered(claim: "PublishedClaim | RegisteredClaim", trained_before: int) -> Registered:
    if isinstance(claim, PublishedClaim):
        return "published"
    if claim.added_at is not None:
        return "later"
    return "after some runs" if trained_before else "before the first run"


_GROUP: dict[str, Any] = {
    "group": "he_normal",
    "n": 5,
    "mean": 1.109,
    "std": 0.043,
    "ci95": [1.043, 1.153],
    "diverged": 0,
    "not_reached": 0,
    "unfinished": 0,
    "verdicts": {"healthy": 5},
}
_GLOROT = {
    "group": "glorot_normal",
    "mean": 2.301,
    "std": 0.001,
    "ci95": [2.3, 2.302],
    "verdicts": {"vanishing": 5},
}
_CLAIM: dict[str, Any] = {
    "name": "he_learns_more",
    "sentence": "From he_normal the training loss ends below that from glorot_normal.",
    "registered": "published",
    "post_hoc": False,
    "p_value": None,
    "status": "reproduced",
    "full_size": "reproduced",
    "reason": "he_normal is lower than glorot_normal.",
    "measure": "loss at the end",
    "low": None,
    "high": 0.0,
    "groups": [_GROUP, _GROUP | _GLOROT],
    "differences": [
        {
            "group": "he_normal",
            "than": "glorot_normal",
            "mean": -1.192,
            "ci95": [-1.258, -1.148],
            "paired": True,
            "n": 5,
            "p_value": 0.0021,
        }
    ],
}


#: The examples in the API's description.
_RESULT: dict[str, Any] = {
    key: _CLAIM[key] for key in ("status", "reason", "measure", "groups", "differences")
}
_RUN = {"runs": 10, "seconds": 340.0, "machine": "AMD EPYC, torch 2.13.0+cpu"}


def preset_example(preset: Preset) -> dict[str, Any]:
    """Return a preset as an example, which says the same whatever it gave last."""
    shown = PresetAnswer.of(preset).model_dump(mode="json")
    names = ("name", "sentence")
    claims = [
        {**{name: claim[name] for name in names}, "status": "reproduced"}
        | {"full": _RESULT, "small": _RESULT}
        for claim in shown["claims"][:1]
    ]
    return shown | {"full_run": _RUN, "small_run": _RUN, "claims": claims}


CLAIMS_EXAMPLE: dict[str, Any] = {
    "experiment_id": "019aa3c8-7d40-7a5e-9c61-52f3b1a0d4e7",
    "preset": "he_depth",
    "size": "small",
    "claims": [_CLAIM],
}


class ExperimentClaims(ApiAnswer):
    """An experiment's claims, checked: those of its preset, then those of its author."""

    experiment_id: uuid.UUID
    preset: str | None = Field(description="Null where it was not made from a preset.")
    size: Size | None
    claims: list[ClaimEvidence] = Field(description="Empty where nothing was claimed.")

    @classmethod
    def of(cls, checked: "CheckedClaims") -> Self:
        """Return the answer for checked claims."""
        return cls(
            experiment_id=checked.experiment_id,
            preset=checked.preset,
            size=checked.size,
            claims=[
                ClaimEvidence.of(claim, f"claim_{number}", checked.trained_before)
                for number, claim in enumerate(checked.claims, start=1)
            ],
        )
