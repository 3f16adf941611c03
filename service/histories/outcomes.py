"""Outcomes: what a run's training came to.

With L the loss of the probe (training samples, without dropout), C the loss of guessing (the shares
of the classes; of targets that are numbers their mean or their median), and a run that ended at
epoch E, the first of these that holds. All losses are above the least one that is possible: 0, or
with label smoothing that of the smoothed targets themselves.

==================  ============================================================================
``diverged``        the training or the validation loss is not finite
``at_chance``       L(E) > .98 C; without probes: the validation accuracy is within two standard
                    errors sqrt(b (1 - b) / m) of b, the largest class's share of the m samples;
                    where targets are numbers, the validation loss is above .98 of that of the mean
``got_worse``       L(E) > 1.1 min L and L(E) > C / 2
``overfits``        the validation loss ended above 1.1 times its minimum, while the training loss
                    fell from there on
``still_learning``  the last fifth of the epochs (of fewer than five, the last one) lowered the
                    training loss by more than 5%
``learned``         none of these
==================  ============================================================================

Few epochs are probed, so min L is taken over the probes and the training losses of all epochs: with
dropout these lie above L and change nothing. A network that overfits lowers its training loss to
the end, and more epochs would not help it; so ``overfits`` goes before ``still_learning``.
docs/diagnoses.md has what these rules say of networks drawn at random.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from service.statuses import Outcome

#: Share of the loss of guessing above which nothing was learned. A network that guesses comes as
#: close to C as its steps are small, and from above.
CHANCE_SHARE = 0.98

#: Standard errors around the accuracy of guessing.
CHANCE_ERRORS = 2.0

#: Factor over its minimum above which a loss has risen, rather than moved with the noise of steps.
RISEN = 1.1

#: Share of the loss of guessing below which a loss that rose is still a good one.
BAD_SHARE = 0.5

#: The last share of the epochs, and by what share they lower the loss of a training that goes on.
LAST_SHARE = 0.2
STILL_FALLING = 0.05


@dataclass(frozen=True)
class Guessing:
    """What guessing without the inputs comes to.

    Attributes:
        loss: of predicting the shares of the classes.
        accuracy: the largest class's share of the validation samples.
        samples: number of validation samples.
        least_loss: the least that is possible.
    """

    loss: float
    accuracy: float
    samples: int
    least_loss: float = 0.0


@dataclass(frozen=True)
class NumberGuessing:
    """What guessing comes to where targets are numbers.

    Attributes:
        loss: on the training part, of predicting its mean or its median.
        val_loss: on the validation part, of predicting the training mean.
    """

    loss: float
    val_loss: float


@dataclass
class Course:
    """A training as far as it went; each list has an item per epoch from 1 on, but for probes.

    Attributes:
        losses: training loss, a mean over the epoch's batches.
        val_losses: validation loss.
        val_accuracies: validation accuracy; empty where targets are numbers.
        probes: loss of each probe, that of epoch 0 first.
        chance_loss: loss of guessing on the probe's samples; None without probes.
        diverged: whether a loss is not finite, which ended the training.
    """

    losses: list[float] = field(default_factory=list)
    val_losses: list[float] = field(default_factory=list)
    val_accuracies: list[float] = field(default_factory=list)
    probes: list[float] = field(default_factory=list)
    chance_loss: float | None = None
    diverged: bool = False


def outcome_of(course: Course, guessing: Guessing | NumberGuessing) -> Outcome | None:
    """Return a finished training's outcome; None for a network that was only initialized.

    Args:
        course: of the training, to its last epoch.
        guessing: used where the course has no probes.
    """
    if not course.losses:
        return None
    if course.diverged:
        return Outcome.DIVERGED
    least = guessing.least_loss if isinstance(guessing, Guessing) else 0.0
    probed = course.chance_loss is not None
    chance = (guessing.loss if course.chance_loss is None else course.chance_loss) - least
    course = _above(least, course)
    last = course.probes[-1] if probed else course.losses[-1]
    lowest = min(filter(math.isfinite, (*course.probes, *course.losses)), default=math.nan)
    if _loss_at_chance(last, chance) if probed else _unprobed_at_chance(course, guessing):
        return Outcome.AT_CHANCE
    if last > RISEN * lowest and last > BAD_SHARE * chance:
        return Outcome.GOT_WORSE
    if _overfits(course):
        return Outcome.OVERFITS
    return Outcome.STILL_LEARNING if _falls(course.losses) else Outcome.LEARNED


def _above(least: float, course: Course) -> Course:
    """Return a course whose losses are above the least one."""
    return replace(
        course,
        losses=[loss - least for loss in course.losses],
        val_losses=[loss - least for loss in course.val_losses],
        probes=[loss - least for loss in course.probes],
    )


def _loss_at_chance(loss: float, chance: float) -> bool:
    return not loss <= CHANCE_SHARE * chance  # NaN is no better than guessing


def _unprobed_at_chance(course: Course, guessing: Guessing | NumberGuessing) -> bool:
    if isinstance(guessing, NumberGuessing):
        return _loss_at_chance(course.val_losses[-1], guessing.val_loss)
    return _accuracy_at_chance(course, guessing)


def _accuracy_at_chance(course: Course, guessing: Guessing) -> bool:
    share = guessing.accuracy
    error = math.sqrt(share * (1 - share) / guessing.samples)
    return not course.val_accuracies[-1] > share + CHANCE_ERRORS * error


def _overfits(course: Course) -> bool:
    losses = course.val_losses
    best = min(range(len(losses)), key=losses.__getitem__)
    return losses[-1] > RISEN * losses[best] and course.losses[-1] < course.losses[best]


def _falls(losses: Sequence[float]) -> bool:
    last = math.ceil(LAST_SHARE * len(losses))
    return len(losses) > last and losses[-1] < (1 - STILL_FALLING) * losses[-1 - last]
