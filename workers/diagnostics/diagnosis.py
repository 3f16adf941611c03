"""Diagnosis: why a run learns, or does not, from its layer statistics and its history."""

import math
from collections.abc import Iterator, Mapping

from workers.diagnostics import sentences
from workers.diagnostics.examination import examine
from workers.diagnostics.findings import Diagnosis, Finding, conclude
from workers.diagnostics.layers import NetworkStatistics
from workers.diagnostics.setting import Setting
from workers.diagnostics.steps import largest_update, small_steps
from workers.diagnostics.thresholds import Thresholds

_STANDARD = Thresholds()


class Diagnostician:
    """Diagnoses a run, epoch by epoch, from before its first step on.

    The diagnosis depends only on the epochs seen and on the outcome. Each kind of finding is kept
    once per layer, as it is first seen; one that can be a cause is kept beside one that cannot.

    Args:
        setting: of the run.
        limits: values from which an observation becomes a finding.
    """

    def __init__(self, setting: Setting, limits: Thresholds = _STANDARD) -> None:
        self._setting = setting
        self._limits = limits
        self._stretch = max(limits.plateau_epochs, math.ceil(limits.plateau_share * setting.epochs))
        self._findings: dict[tuple[str, str | None, bool], Finding] = {}
        self._initial: NetworkStatistics | None = None
        self._chance_loss = math.nan
        self._losses: list[float] = []
        self._largest_gradient = math.nan
        self._largest_update = math.nan

    def see_layers(self, epoch: int, statistics: NetworkStatistics, *, last: bool = False) -> None:
        """Add the layer statistics of an epoch; epoch 0 is before the first step.

        Args:
            epoch: when they were taken.
            statistics: of the network.
            last: whether the run ended here, maybe before the last epoch that it was to have.
        """
        self._initial = self._initial or statistics
        self._chance_loss = statistics.chance_loss
        self._note(examine(statistics, epoch, self._limits, self._setting, self._initial))
        update = largest_update(statistics, epoch, self._setting)
        self._largest_update = _larger(self._largest_update, update.ratio)
        if last or epoch == self._setting.epochs:
            trained = self._setting.until(epoch)
            self._note(small_steps(self._largest_update, trained, self._limits))

    def see_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Add an epoch's metrics, by their names in the history."""
        self._note(self._diverged(epoch, metrics))
        self._note(self._exploding(epoch, metrics))
        self._note(self._clipping(epoch, metrics))
        self._losses.append(metrics["loss"])
        self._note(self._plateau(epoch))

    def diagnosis(self, outcome: str | None = None) -> Diagnosis:
        """Return the diagnosis by all that was added, and by the outcome at the run's end."""
        findings = list(self._findings.values())
        return conclude(findings, examined=self._initial is not None, outcome=outcome)

    def _note(self, found: Iterator[Finding]) -> None:
        for finding in found:
            self._findings.setdefault((finding.kind, finding.layer, finding.decisive), finding)

    def _diverged(self, epoch: int, metrics: Mapping[str, float]) -> Iterator[Finding]:
        for name, sentence in (
            ("loss", sentences.DIVERGED_TRAINING),
            ("val_loss", sentences.DIVERGED_VALIDATION),
        ):
            if not math.isfinite(metrics[name]):
                yield Finding(
                    "diverged",
                    None,
                    epoch,
                    value=metrics[name],
                    threshold=math.inf,
                    explanation=sentence.format(epoch=epoch),
                    advice=sentences.DIVERGED_ADVICE,
                )
                return

    def _exploding(self, epoch: int, metrics: Mapping[str, float]) -> Iterator[Finding]:
        """Yield a finding if the gradient norm is far above that of all epochs before."""
        norm, largest = metrics["gradient_norm"], self._largest_gradient
        self._largest_gradient = _larger(largest, norm)
        limit = self._limits.gradient_jump
        if not math.isfinite(norm):
            yield Finding(
                "exploding",
                None,
                epoch,
                value=norm,
                threshold=math.inf,
                explanation=sentences.GRADIENT_NOT_FINITE.format(epoch=epoch),
                advice=sentences.SMALLER_STEPS_ADVICE,
            )
        elif norm > limit * largest > 0 and metrics["loss"] > self._losses[-1]:
            yield Finding(
                "exploding",
                None,
                epoch,
                value=norm / largest,
                threshold=limit,
                explanation=sentences.GRADIENT_JUMP.format(
                    epoch=epoch,
                    norm=norm,
                    times=norm / largest,
                    before=self._losses[-1],
                    loss=metrics["loss"],
                ),
                advice=sentences.SMALLER_STEPS_ADVICE,
            )

    def _clipping(self, epoch: int, metrics: Mapping[str, float]) -> Iterator[Finding]:
        share = metrics["clipped_fraction"]
        if share > self._limits.clipped_fraction:
            yield Finding(
                "clipping_active",
                None,
                epoch,
                value=share,
                threshold=self._limits.clipped_fraction,
                explanation=sentences.CLIPPING_ACTIVE.format(share=share, epoch=epoch),
                advice=sentences.CLIPPING_ACTIVE_ADVICE,
            )

    def _plateau(self, epoch: int) -> Iterator[Finding]:
        """Yield a finding if the loss stays where guessing would leave it, or above."""
        recent = self._losses[-self._stretch :]
        stuck = self._setting.loss_at(self._limits.stuck_loss, self._chance_loss)
        if len(recent) < self._stretch or not min(recent) > stuck:
            return
        change = (max(recent) - min(recent)) / max(recent)
        near = self._setting.loss_at(self._limits.above_guessing, self._chance_loss)
        sentence = sentences.PLATEAU if min(recent) <= near else sentences.PLATEAU_ABOVE
        if change < self._limits.plateau_change:
            yield Finding(
                "plateau",
                None,
                epoch,
                value=change,
                threshold=self._limits.plateau_change,
                explanation=sentence.format(
                    epochs=len(recent),
                    epoch=epoch,
                    change=change,
                    stayed=sentences.plain(recent[-1]),
                    loss=self._chance_loss,
                ),
                advice=sentences.PLATEAU_ADVICE,
            )


def _larger(largest: float, value: float) -> float:
    """Return the larger of two numbers; NaN is no number."""
    return value if math.isnan(largest) or value > largest else largest
