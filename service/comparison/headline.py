"""The answer of a comparison in one sentence, and what a reader has to know beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.catalog.metrics import METRICS
from service.comparison.design import DATA, Design, Level
from service.comparison.question import Question
from service.comparison.samples import ALPHA
from service.comparison.words import Word
from service.specs.labels import with_axis

if TYPE_CHECKING:
    from service.comparison.ranking import RankedGroup

#: More names than this are counted.
_MOST_NAMES = 5
#: With so many seeds a failure on a quarter of them would have been seen.
_FEW_SEEDS = 10
#: Below this the choices of single seeds overlap too much for the test to be exact.
_FEW_CHOICES = 5


_BEST = "The best epoch of each run was chosen by the value that is shown: it is too optimistic."


@dataclass(frozen=True)
class Said:
    """What the sentences are about.

    Attributes:
        question: what was asked.
        design: of the comparison.
        groups: in their order.
        guess: what guessing gets; None where it has no value, or not one.
        censored: what a run counts as that never reached the target; None where every run did.
    """

    question: Question
    design: Design
    groups: "Sequence[RankedGroup]"
    guess: float | None = None
    censored: float | None = None

    def of(self, word: Word) -> "list[RankedGroup]":
        """Return the groups of which this is said."""
        return [group for group in self.groups if group.word == word]


def group_name(by: dict[str, Level]) -> str:
    """Return a group's name: ``relu, he_normal``; ``all runs`` where nothing varies."""
    return ", ".join(with_axis(axis, level) for axis, level in by.items()) or "all runs"


def headline(said: Said) -> str:
    """Return the answer: who leads, who is as good, who is undecided, how many are not."""
    if not any(group.n for group in said.groups):
        waits = any(group.unfinished for group in said.groups)
        return f"No run has a value to compare{' yet' if waits else ''}."
    if not any(group.rank for group in said.groups):
        return _nothing_entered(said)
    if len(said.groups) == 1:
        return "There is one configuration only: nothing to compare."
    reference = said.of(Word.REFERENCE)
    begin = f"Against {_name(reference[0])}" if reference else _leader(said)
    sentences = [
        begin,
        _named(said, Word.BETTER, "Better"),
        _named(said, Word.EQUIVALENT, "Equivalent"),
        _named(said, Word.UNDECIDED, "Undecided"),
        _counts(said),
    ]
    return ". ".join(filter(None, sentences)) + "."


def of_design(design: Design, seeds: int) -> list[str]:
    """Return what is tuned and averaged over, a sentence each.

    Args:
        design: of the comparison.
        seeds: the most seeds that a group has.
    """
    tuned = _tuned(design, seeds) if design.tune else ""
    averaged = f"Averaged over {_listed(design.average)} within each seed."
    return [sentence for sentence in (tuned, averaged if design.average else "") if sentence]


def notes(said: Said) -> list[str]:
    """Return what a reader has to know, a sentence each."""
    tested = [group for group in said.groups if group.p_value is not None]
    seeds = max((group.n for group in said.groups), default=0)
    unfinished = sum(group.unfinished for group in said.groups)
    return [
        sentence
        for sentence in (
            "One seed says nothing of chance: nothing is tested." if seeds == 1 else "",
            _rare_failures(seeds) if tested and seeds < _FEW_SEEDS else "",
            *of_design(said.design, seeds),
            _edges(said),
            _luck(said),
            _censored(said),
            _looks(unfinished) if unfinished else "",
            _BEST if said.question.at == "best" else "",
        )
        if sentence
    ]


def _name(group: "RankedGroup") -> str:
    return group_name(group.by)


def _leader(said: Said) -> str:
    """Return who leads, and what keeps that from being a good result."""
    (leader,) = said.of(Word.LEADS)
    beaten = (Word.LEADS, Word.WORSE, Word.NOT_REACHED, Word.DID_NOT_TRAIN)
    runs = leader.runs
    what = "seeds" if runs.all == leader.n else "runs"
    doubts = [
        f"It trained with {runs.trained:,} of {runs.all:,} {what}"
        if runs.trained < runs.all
        else "",
        f"It reached the target with {runs.reached:,} of {runs.all:,} {what}"
        if runs.reached < runs.all
        else "",
        ""
        if said.guess is None or _beats(leader, said.guess, said.question.metric)
        else f"It is not shown to be better than guessing ({_shown(said)})",
    ]
    found = [doubt for doubt in doubts if doubt]
    best = not found and all(group.word in beaten for group in said.groups)
    return ". ".join([f"{_name(leader)} {'is best' if best else 'leads'}", *found])


def _beats(leader: "RankedGroup", guess: float, metric: str) -> bool:
    """Return whether the whole interval of a mean, or without one the mean, is above guessing."""
    higher = METRICS[metric].higher_is_better
    ends = [end for end in leader.ci95 or (leader.mean,) if end is not None]
    return all(end > guess if higher else end < guess for end in ends)


def _shown(said: Said) -> str:
    """Return what guessing gets as people read it: shares in percent."""
    guess = said.guess or 0.0
    return f"{guess:.2%}" if METRICS[said.question.metric].kind == "share" else f"{guess:.4g}"


def _named(said: Said, word: Word, begin: str) -> str:
    groups = said.of(word)
    if not groups:
        return ""
    tell: Callable[[RankedGroup], str] = _with_seeds if word == Word.UNDECIDED else _name
    return f"{begin}: {_enumerated([tell(group) for group in groups])}"


def _enumerated(names: Sequence[str]) -> str:
    """Return the first names and how many more there are; names with commas between semicolons."""
    shown = names[:_MOST_NAMES]
    separator = "; " if any(", " in name for name in shown) else ", "
    more = len(names) - len(shown)
    return separator.join(shown) + (f" and {more:,} more" if more else "")


def _with_seeds(group: "RankedGroup") -> str:
    more = group.seeds_needed
    if more is None:
        return _name(group)
    return f"{_name(group)} ({more} more {'seed' if more == 1 else 'seeds'})"


def _counts(said: Said) -> str:
    worse, short, untrained = (
        len(said.of(word)) for word in (Word.WORSE, Word.NOT_REACHED, Word.DID_NOT_TRAIN)
    )
    without = [group for group in said.groups if group.word is None]
    waiting = sum(group.unfinished > 0 for group in without)
    never = len(without) - waiting
    return ", ".join(
        filter(
            None,
            (
                f"{worse:,} {'is' if worse == 1 else 'are'} worse" if worse else "",
                f"{short:,} never reached it" if short else "",
                f"{untrained:,} did not train" if untrained else "",
                f"{waiting:,} {'has' if waiting == 1 else 'have'} no result yet" if waiting else "",
                f"{never:,} {'has' if never == 1 else 'have'} no value" if never else "",
            ),
        )
    )


def _nothing_entered(said: Said) -> str:
    target = said.question.target
    chosen = f" at the {_listed(said.design.tune)} that the other seeds chose"
    where = chosen if _unchosen(said) else ""
    if target is None or not said.of(Word.NOT_REACHED):
        return f"No configuration trained{where}."
    return f"No run reached {target}{where}."


def _unchosen(said: Said) -> "list[RankedGroup]":
    """Return the groups of which some run trained, at no level that the other seeds chose."""
    return [
        group
        for group in said.groups
        if not group.rank and group.curve and any(point.trained for point in group.curve.points)
    ]


def _luck(said: Said) -> str:
    """Return who trained with some seed where the others chose something else."""
    groups = _unchosen(said)
    if not groups:
        return ""
    did = "trained" if said.question.target is None else "reached the target"
    names = _enumerated([_name(group) for group in groups])
    return (
        f"With some seed a run of {names} {did}, but at no {_listed(said.design.tune)} that the "
        "other seeds chose."
    )


def _censored(said: Said) -> str:
    """Return what runs count as that never reached the target; empty where all did."""
    short = sum(group.runs.all - group.runs.reached for group in said.groups)
    if said.question.target is None or said.censored is None or not short:
        return ""
    runs = "1 run" if short == 1 else f"{short:,} runs"
    return (
        f"{runs} of those compared never reached {said.question.target}: such a run counts as "
        f"{said.censored:.4g}, one epoch more than the longest, and a mean with it is at least "
        "that."
    )


def _rare_failures(seeds: int) -> str:
    """Return how often a failure may happen that n seeds have not shown: 1 - .05^(1/n)."""
    share = 1 - ALPHA ** (1 / seeds)
    return (
        f"With {seeds} seeds a configuration that fails on up to {share:.0%} of seeds may have "
        "shown no failure."
    )


def _tuned(design: Design, seeds: int) -> str:
    what = _listed(design.tune)
    if seeds == 1:
        return f"Each at its best {what}, chosen by the value that is shown: too optimistic."
    about = " With fewer than five seeds these choices overlap: take p as approximate."
    return f"Each at its best {what}, chosen on the other seeds." + (
        about if seeds < _FEW_CHOICES else ""
    )


def _edges(said: Said) -> str:
    at_edge = [
        _name(group)
        for group in said.groups
        if group.rank and group.curve and group.curve.good_range and group.curve.good_range.at_edge
    ]
    if not at_edge:
        return ""
    return (
        f"The best {_listed(said.design.tune)} of {_enumerated(at_edge)} is at an end of the grid: "
        "a better one may lie beyond."
    )


def _looks(unfinished: int) -> str:
    runs = "1 run has" if unfinished == 1 else f"{unfinished:,} runs have"
    return (
        f"{runs} no result yet. p-values hold for one look: who looks again and again and stops at "
        "the first difference errs more often than in 5%."
    )


def _listed(names: Sequence[str]) -> str:
    words = ("draws of the data" if name in DATA else _words(name) for name in names)
    return ", ".join(dict.fromkeys(words))


def _words(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")
