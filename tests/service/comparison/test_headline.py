"""The sentences of a comparison."""

from dataclasses import replace

import pytest

from service.comparison.curves import NearBest, ResultAt, ResultCurve
from service.comparison.design import Design
from service.comparison.groups import CountedRuns
from service.comparison.headline import Said, group_name, headline, notes
from service.comparison.question import Question
from service.comparison.ranking import RankedGroup
from service.comparison.words import Word

PLAIN = RankedGroup(
    by={"activation": "relu"},
    word=Word.LEADS,
    statement="",
    rank=1,
    n=3,
    trained=3,
    reached=3,
    values={},
    mean=0.9,
    std=0.01,
    ci95=None,
    shrunk_mean=None,
    difference=None,
    p_value=None,
    seeds_needed=None,
    chosen={},
    curve=None,
    additive_mean=None,
    test=None,
    diverged=0,
    unfinished=0,
    missing=0,
    runs=CountedRuns(3, 3, 3, 3),
)


def named(name, word, **fields):
    tested = {} if word in (Word.LEADS, Word.DID_NOT_TRAIN, None) else {"p_value": 0.5}
    rank = None if word in (Word.DID_NOT_TRAIN, None) else 2
    values = {"by": {"activation": name}, "word": word, "rank": rank, **tested, **fields}
    return replace(PLAIN, **values)


BY_ACTIVATION = Design(("activation",), (), ())


def said(*groups, design=BY_ACTIVATION, guess=None, **question):
    return Said(Question(**question), design, groups, guess)


def test_the_whole_sentence():
    groups = [
        named("a", Word.LEADS),
        named("b", Word.EQUIVALENT),
        named("c", Word.UNDECIDED, seeds_needed=5),
        named("d", Word.UNDECIDED, seeds_needed=1),
        named("e", Word.UNDECIDED),
        *[named("w", Word.WORSE)] * 7,
        *[named("n", Word.DID_NOT_TRAIN)] * 3,
        named("q", None, n=0, unfinished=3),
        *[named("m", None, n=0, missing=3)] * 2,
    ]
    assert headline(said(*groups)) == (
        "a leads. Equivalent: b. Undecided: c (5 more seeds), d (1 more seed), e. "
        "7 are worse, 3 did not train, 1 has no result yet, 2 have no value."
    )


def test_where_no_value_comes_none_is_waited_for():
    nothing = named("a", None, n=0, missing=3)
    assert headline(said(nothing, nothing)) == "No run has a value to compare."
    waiting = replace(nothing, unfinished=1)
    assert headline(said(nothing, waiting)) == "No run has a value to compare yet."


def test_who_trained_where_the_other_seeds_did_not_choose_it_is_told():
    rates = Design(("activation",), ("optimizer.learning_rate",), ())
    points = [ResultAt({}, 0.2, 4, trained) for trained in (0, 1)]
    lucky = named("a", Word.DID_NOT_TRAIN, curve=ResultCurve(points, None))
    failed = named("b", Word.DID_NOT_TRAIN, curve=ResultCurve(points[:1], None))
    assert headline(said(lucky, failed, design=rates)) == (
        "No configuration trained at the learning rate that the other seeds chose."
    )
    assert (
        "With some seed a run of a trained, but at no learning rate that the other seeds chose."
    ) in notes(said(PLAIN, lucky, failed, design=rates))
    assert headline(said(failed, design=rates)) == "No configuration trained."


def test_a_leader_that_mostly_failed_is_not_called_the_best():
    others = [named("b", Word.DID_NOT_TRAIN, trained=0), named("c", Word.WORSE)]
    leader = named("a", Word.LEADS, runs=CountedRuns(3, 1, 3, 1), mean=0.38)
    assert headline(said(leader, *others, guess=0.5375)) == (
        "a leads. It trained with 1 of 3 seeds. It is not shown to be better than guessing "
        "(53.75%). 1 is worse, 1 did not train."
    )
    late = named("a", Word.LEADS, runs=CountedRuns(3, 3, 2, 2))
    assert headline(said(late, *others)).startswith("a leads. It reached the target with 2 of 3 s")
    averaged = named("a", Word.LEADS, runs=CountedRuns(12, 9, 12, 9))
    assert headline(said(averaged, *others)).startswith("a leads. It trained with 9 of 12 runs.")


@pytest.mark.parametrize(
    ("metric", "mean", "ci95", "guess", "best"),
    [
        ("val_accuracy", 0.6, None, 0.5, True),
        ("val_accuracy", 0.5, None, 0.5, False),
        ("val_accuracy", 0.6, (0.45, 0.75), 0.5, False),
        ("val_accuracy", 0.6, (0.55, 0.65), 0.5, True),
        ("val_loss", 0.6, (0.55, 0.65), 0.69, True),
        ("val_loss", 0.6, (0.45, 0.75), 0.69, False),
        ("val_r2", 0.1, (-0.1, 0.3), 0.0, False),
        ("epoch_seconds", 0.1, None, None, True),
    ],
)
def test_best_is_who_is_above_guessing_with_the_whole_interval(metric, mean, ci95, guess, best):
    groups = [named("a", Word.LEADS, mean=mean, ci95=ci95), named("b", Word.WORSE)]
    found = headline(said(*groups, guess=guess, metric=metric))
    assert found.startswith("a is best. 1" if best else "a leads. It is not shown to be better")


def test_of_many_names_the_rest_is_counted():
    groups = [named("a", Word.LEADS), *[named(f"e{at}", Word.EQUIVALENT) for at in range(8)]]
    assert headline(said(*groups)) == "a leads. Equivalent: e0, e1, e2, e3, e4 and 3 more."


def test_names_that_have_commas_stand_between_semicolons():
    pairs = [("elu", "he"), ("selu", "lecun")]
    groups = [
        named("", Word.UNDECIDED, by={"activation": first, "initializer": second})
        for first, second in pairs
    ]
    assert headline(said(named("a", Word.LEADS), *groups)) == (
        "a leads. Undecided: elu, he; selu, lecun."
    )


def test_names_tell_their_axis_where_a_label_alone_says_nothing():
    by = {"activation": "relu", "clipping": "none", "batch_size": 32}
    assert group_name(by) == "relu, no clipping, batch size 32"
    assert group_name({"optimizer.learning_rate": 0.001}) == "learning rate 0.001"
    assert group_name({}) == "all runs"


def test_notes_of_the_design():
    curve = ResultCurve([], NearBest(0.1, 0.1, 1.0, at_edge=True))
    leader = replace(PLAIN, curve=curve, n=3)
    design = Design(("activation",), ("optimizer.learning_rate",), ("dataset.seed",))
    groups = [leader, named("b", Word.WORSE, unfinished=1)]
    assert notes(said(*groups, design=design, at="best")) == [
        "With 3 seeds a configuration that fails on up to 63% of seeds may have shown no failure.",
        "Each at its best learning rate, chosen on the other seeds. With fewer than five seeds "
        "these choices overlap: take p as approximate.",
        "Averaged over draws of the data within each seed.",
        "The best learning rate of relu is at an end of the grid: a better one may lie beyond.",
        "1 run has no result yet. p-values hold for one look: who looks again and again and stops "
        "at the first difference errs more often than in 5%.",
        "The best epoch of each run was chosen by the value that is shown: it is too optimistic.",
    ]
    assert notes(said(replace(PLAIN, n=10), named("b", Word.WORSE, n=10))) == []
