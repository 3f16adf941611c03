"""What a comparison says of one group, with its figures."""

from dataclasses import fields
from typing import Any

from service.comparison.ranking import LeadDifference, RankedGroup
from service.comparison.statements import statement
from service.comparison.words import Word


def said(word: Word | None, metric: str = "val_accuracy", **known: Any) -> str:
    every = dict.fromkeys((field.name for field in fields(RankedGroup)), None)
    group = RankedGroup(**{**every, "word": word, "n": 3, **known})
    return statement(group, metric, 0.01)


def test_what_is_said_of_one() -> None:
    behind = LeadDifference(-0.034, (-0.056, -0.012))
    better = LeadDifference(0.5, (0.2, 0.8))
    assert said(Word.WORSE, difference=behind) == "worse by 3.4 points (1.2 to 5.6)"
    assert said(Word.BETTER, metric="val_loss", difference=better) == "better by 0.5 (0.2 to 0.8)"
    assert said(Word.UNDECIDED, n=1) == "undecided: one seed"
    assert said(Word.DID_NOT_TRAIN) == "did not train (0 of 3)"
    assert said(Word.LEADS) == "leads"
    assert said(None, n=0, unfinished=1) == "no result yet"
    assert said(None, n=0, unfinished=0) == "no result"


def test_of_what_is_not_shown_to_be_worse_the_side_is_said() -> None:
    near, ahead = LeadDifference(-0.03, (-0.07, 0.01)), LeadDifference(0.0046, (-0.0036, 0.013))
    assert said(Word.UNDECIDED, difference=near, seeds_needed=12) == (
        "undecided: 3 points (-1 to 7) behind; 12 more seeds would settle it"
    )
    assert said(Word.UNDECIDED, difference=ahead) == (
        "undecided: 0.46 points (-0.36 to 1.3) ahead; no number of seeds up to 400 would settle it"
    )
    assert said(Word.EQUIVALENT, difference=ahead) == (
        "equivalent: 0.46 points ahead, within the margin of 1 point"
    )
    equal = LeadDifference(0.0, (-0.01, 0.01))
    assert said(Word.EQUIVALENT, difference=equal).startswith("equivalent: 0 points apart, ")


def test_numbers_are_written_as_people_write_them_and_lower_losses_are_ahead() -> None:
    higher, lower = LeadDifference(590.4, (-3.0, 1.2e19)), LeadDifference(-1e-5, (-2e-5, 1e-5))
    assert said(Word.UNDECIDED, "val_rmse", difference=higher, seeds_needed=1) == (
        "undecided: 590 (-3 to 1.2e19) behind; 1 more seed would settle it"
    )
    assert said(Word.UNDECIDED, "val_loss", difference=lower, seeds_needed=2) == (
        "undecided: 1e-5 (-1e-5 to 2e-5) ahead; 2 more seeds would settle it"
    )
