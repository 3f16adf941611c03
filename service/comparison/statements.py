"""What a comparison says of one group, with its figures."""

from typing import TYPE_CHECKING

from service.catalog.metrics import METRICS
from service.comparison.words import Word
from service.specs.written_values import rounded_text

if TYPE_CHECKING:
    from service.comparison.ranking import LeadDifference, RankedGroup


def statement(group: "RankedGroup", metric: str, margin: float) -> str:
    """Return what is said of one group: ``worse by 3.4 points (1.2 to 5.6)``.

    All is said against the leader, or against the reference where one was named.

    Args:
        group: the group.
        metric: what is compared.
        margin: how far behind is as good.
    """
    match group.word:
        case None:
            said = "no result yet" if group.unfinished else "no result"
        case Word.LEADS | Word.REFERENCE:
            said = group.word.value
        case Word.DID_NOT_TRAIN:
            said = f"did not train (0 of {group.n})"
        case Word.NOT_REACHED:
            said = f"never reached it (0 of {group.n})"
        case Word.EQUIVALENT:
            said = (
                f"equivalent: {_apart(group, metric)}within the margin of {_amount(margin, metric)}"
            )
        case Word.WORSE | Word.BETTER:
            said = f"{group.word.value} by {_gap(group, metric)}"
        case Word.UNDECIDED:
            said = _undecided(group, metric)
    return said


def _undecided(group: "RankedGroup", metric: str) -> str:
    if group.difference is None:
        return "undecided: one seed" if group.n == 1 else "undecided: no spread to judge by"
    settle = "no number of seeds up to 400 would settle it"
    if group.seeds_needed is not None:
        seeds = "1 more seed" if group.seeds_needed == 1 else f"{group.seeds_needed} more seeds"
        settle = f"{seeds} would settle it"
    return f"undecided: {_gap(group, metric)} {_side(group.difference, metric)}; {settle}"


def _apart(group: "RankedGroup", metric: str) -> str:
    """Return on which side of the leader, or of the reference, a group is: ``1 point behind, ``."""
    difference = group.difference
    if difference is None:
        return ""
    return f"{_amount(abs(difference.mean), metric)} {_side(difference, metric)}, "


def _side(difference: "LeadDifference", metric: str) -> str:
    if difference.mean == 0:
        return "apart"
    return "ahead" if (difference.mean > 0) == METRICS[metric].higher_is_better else "behind"


def _gap(group: "RankedGroup", metric: str) -> str:
    """Return the size of a difference with its interval: ``3.4 points (1.2 to 5.6)``."""
    difference = group.difference
    if difference is None:
        return ""
    low, high = difference.ci95
    if difference.mean < 0:
        low, high = -high, -low
    return (
        f"{_amount(abs(difference.mean), metric)} "
        f"({_number(low, metric)} to {_number(high, metric)})"
    )


def _amount(value: float, metric: str) -> str:
    number = _number(value, metric)
    if METRICS[metric].kind != "share":
        return number
    return f"{number} {'point' if number == '1' else 'points'}"


def _number(value: float, metric: str) -> str:
    """Return a difference as text, shares in points: two digits that count."""
    scaled = 100 * value if METRICS[metric].kind == "share" else value
    return rounded_text(scaled, 2)
