"""Claims of an experiment's author: each a test of a difference, corrected for their number.

A claim says that one group's mean is better than another's by at least a margin. Welch's test
(Welch 1947) compares the seeds' values with that margin, two-sided, because a claim can be refuted
as well as supported. Claims that were registered together are corrected together by Holm's
procedure (Holm 1979): in at most 5% of experiments is any of them decided wrongly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from scipy import special

from service.comparison import inference
from service.comparison.guessing import guess
from service.comparison.targets import UNITS
from service.presets.evidence import (
    ClaimStatus,
    DifferenceFigures,
    Evidence,
    by_seed,
    censored_value,
    figures,
    missing,
    values_of,
)
from service.presets.measures import EpochsTo, MetricMeasure, SecondsTo
from service.presets.trainings import TrainingGroup, TrainingRecord
from service.specs.claims import SubmittedClaim
from service.specs.written_values import number_text, rounded_text

_TOO_FEW = "A test needs two seeds with a value in each group."


@dataclass(frozen=True)
class RegisteredClaim:
    """A claim, and when it was added; ``added_at`` is None for a claim of the spec."""

    claim: SubmittedClaim
    added_at: datetime | None = None

    @property
    def sentence(self) -> str:
        """The claim in its author's words."""
        return self.claim.statement

    @property
    def measure(self) -> MetricMeasure:
        """What is compared."""
        target = self.claim.target
        if target is None:
            return MetricMeasure(self.claim.metric, self.claim.at)
        at = EpochsTo if UNITS[self.claim.metric] == "epochs" else SecondsTo
        return MetricMeasure(target.metric, at(target.value))

    @property
    def groups(self) -> tuple[TrainingGroup, TrainingGroup]:
        """The group that is claimed to do better, and the one it is compared with."""
        return TrainingGroup(self.claim.better), TrainingGroup(self.claim.than)


@dataclass(frozen=True)
class _Test:
    """Welch's test of a difference of means against a margin.

    Attributes:
        difference: the first group's mean minus the second's; positive where the first is better.
        error: its standard error.
        freedom: Satterthwaite's degrees of freedom.
        margin: the difference that is claimed at least.
        n: seeds of the smaller group.
    """

    difference: float
    error: float
    freedom: float
    margin: float
    n: int

    @property
    def p_value(self) -> float:
        """Two-sided, for the true difference being the margin."""
        beyond = abs(self.difference - self.margin)
        if self.error == 0:
            return 0.0 if beyond else 1.0
        return min(1.0, 2 * float(special.stdtr(self.freedom, -beyond / self.error)))

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval whose values are not rejected at a level."""
        reach = float(special.stdtrit(self.freedom, 1 - level / 2)) * self.error
        return self.difference - reach, self.difference + reach


@dataclass(frozen=True)
class _Corrected:
    """A p-value corrected by Holm's procedure, and the level of the interval that agrees."""

    p_value: float
    level: float


def judge(
    claims: Sequence[RegisteredClaim], trainings: Sequence[TrainingRecord]
) -> list[tuple[Evidence, float | None]]:
    """Return what an experiment's trainings show about its author's claims.

    The claims of the spec are corrected among themselves. A claim that was added later is corrected
    for all claims, and changes nothing for those of the spec.

    Returns:
        For each claim the evidence and its corrected p-value, None where nothing was tested.
    """
    lacking = [_lacking(claim, trainings) for claim in claims]
    tests = [
        None if reason else _test(claim, trainings)
        for claim, reason in zip(claims, lacking, strict=True)
    ]
    of_spec = [index for index, claim in enumerate(claims) if claim.added_at is None]
    corrected = _holm(tests, range(len(claims))) | _holm(tests, of_spec)
    return [
        _evidence(claim, trainings, reason or _TOO_FEW, tests[index], corrected.get(index))
        for index, (claim, reason) in enumerate(zip(claims, lacking, strict=True))
    ]


def _lacking(registered: RegisteredClaim, trainings: Sequence[TrainingRecord]) -> str | None:
    """Return why a claim cannot be tested, if so: results are missing, or nothing trained."""
    without_result = missing(registered.groups, trainings, registered.measure)
    if without_result:
        return without_result
    better, than = (group.of(trainings) for group in registered.groups)
    if any(training.trained for training in (*better, *than)):
        return None
    return "No run of either group trained: networks that learn nothing differ by chance alone."


def _test(registered: RegisteredClaim, trainings: Sequence[TrainingRecord]) -> _Test | None:
    """Return a claim's test; None where a group has fewer than two seeds with a value."""
    claim, measure = registered.claim, registered.measure
    members = [group.of(trainings) for group in registered.groups]
    worst = censored_value(measure, trainings)
    if worst is None:
        worst = _worst(registered, [training for group in members for training in group])
    samples = [np.array([*by_seed(measure, group, worst).values()]) for group in members]
    sizes = [len(sample) for sample in samples]
    if min(sizes) < 2:
        return None
    floors = [
        inference.rounding_variance(max(map(measure.step, group), default=0.0)) for group in members
    ]
    shares = [
        max(inference.spread(sample) ** 2, floor) / len(sample)
        for sample, floor in zip(samples, floors, strict=True)
    ]
    first, second = map(inference.mean, samples)
    total = sum(shares)
    parts = sum(share**2 / (size - 1) for share, size in zip(shares, sizes, strict=True))
    return _Test(
        difference=first - second if claim.higher else second - first,
        error=math.sqrt(total),
        freedom=total**2 / parts if parts else sum(sizes) - 2,
        margin=claim.by_at_least,
        n=min(sizes),
    )


def _worst(registered: RegisteredClaim, members: Sequence[TrainingRecord]) -> float | None:
    """Return what a run without a value counts as: guessing, or the worst value if that is worse.

    None where there is neither.
    """
    metric = registered.claim.metric
    found = (guess(metric, training.config, training.recorded) for training in members)
    guesses = [value for value in found if value is not None]
    if registered.claim.higher:
        return min(guesses)
    return max([*guesses, *values_of(registered.measure, members)], default=None)


def _holm(tests: Sequence[_Test | None], family: Sequence[int]) -> dict[int, _Corrected]:
    """Return the corrected p-values of a family of tests, by their index.

    The r-th smallest of m p-values is compared with 5% / (m - r + 1), until one is larger. An
    interval is at the level at which its claim was decided, or the procedure stopped. Claims that
    could not be tested count in m: they were made, too.
    """
    tested = [(test.p_value, index) for index in family if (test := tests[index]) is not None]
    p_values = inference.holm([p_value for p_value, _ in tested], len(family))
    corrected = {index: p for (_, index), p in zip(tested, p_values, strict=True)}
    found, level, stopped = {}, inference.ALPHA, False
    for rank, (p_value, index) in enumerate(sorted(tested)):
        if not stopped:
            level = inference.ALPHA / (len(family) - rank)
            stopped = p_value > level
        found[index] = _Corrected(corrected[index], level)
    return found


def _evidence(
    registered: RegisteredClaim,
    trainings: Sequence[TrainingRecord],
    reason: str,
    test: _Test | None,
    corrected: _Corrected | None,
) -> tuple[Evidence, float | None]:
    claim, groups = registered.claim, registered.groups
    shown = tuple(figures(registered.measure, group, trainings) for group in groups)
    bound = _signed(registered, claim.by_at_least)
    low, high = (bound, None) if claim.higher else (None, bound)
    if test is None or corrected is None:
        untested = Evidence("inconclusive", reason, str(registered.measure), low, high, shown)
        return untested, None
    status, sentence = _decided(registered, trainings, test, corrected)
    first, last = (_signed(registered, end) for end in test.interval(corrected.level))
    difference = DifferenceFigures(
        group=str(groups[0]),
        than=str(groups[1]),
        mean=_signed(registered, test.difference),
        ci95=(min(first, last), max(first, last)),
        paired=False,
        n=test.n,
    )
    sentence += _trained_counts(groups, trainings)
    measure = str(registered.measure)
    return Evidence(status, sentence, measure, low, high, shown, (difference,)), corrected.p_value


def _signed(registered: RegisteredClaim, by: float) -> float:
    """Return how much better as a difference in the metric's units: below 0 where lower is better.

    0 has no sign.
    """
    return by if registered.claim.higher else 0.0 - by


def _decided(
    registered: RegisteredClaim,
    trainings: Sequence[TrainingRecord],
    test: _Test,
    corrected: _Corrected,
) -> tuple[ClaimStatus, str]:
    """Return the status of a claim that was tested, and the reason."""
    better, than = registered.groups
    margin = f"{number_text(test.margin)} or more" if test.margin else ""
    if corrected.p_value > inference.ALPHA:
        bound = number_text(_signed(registered, test.margin))
        both = f"The interval of {better} against {than} has values on both sides of {bound}."
        return "inconclusive", both
    amount = rounded_text(abs(test.difference), 3)
    if test.difference < test.margin:
        side = "worse" if test.difference < 0 else "better"
        by = f" by {margin}" if margin else ""
        return "refuted", f"{better} is not better than {than}{by}: it is {side} by {amount}."
    if not any(training.trained for training in better.of(trainings)):
        # Better than worse than guessing: no claim holds of networks that learned nothing.
        return "inconclusive", f"No run of {better} trained."
    asked = f"; the claim asks for {margin}" if margin else ""
    return "supported", f"{better} is better than {than} by {amount}{asked}."


def _trained_counts(groups: Sequence[TrainingGroup], trainings: Sequence[TrainingRecord]) -> str:
    """Return a sentence on groups of which some runs did not train; empty where all did."""
    counts = []
    for group in groups:
        members = group.of(trainings)
        trained = sum(training.trained for training in members)
        if trained < len(members):
            counts.append(f"{trained} of {len(members)} runs of {group} trained")
    return f" {', '.join(counts)}." if counts else ""
