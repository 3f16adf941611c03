"""Paging: every item once and in order, whatever the values, and whatever is inserted meanwhile."""

import base64
import contextlib
import itertools
import json
import math
import threading
import uuid

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from service.database.tables import Run
from service.errors import InvalidError
from service.runs import search
from service.runs.search import ORDERS, RunFilter

RUNS = 12

#: Few values, so that ties are the rule.
VALUES = st.sampled_from([None, math.nan, math.inf, -math.inf, 0.0, -0.0, 0.1, 0.3, 1e-300, -5.0])


def pages(lab, *, limit, order_by="-created_at", wanted=RunFilter(), between=lambda: None):  # noqa: B008 - frozen
    """Follow the cursors to the end; return the runs, and the sizes of the pages."""
    found, sizes, cursor = [], [], None
    while True:
        with lab.sessions() as session:
            page, cursor = search.search(
                session, Run, wanted, order_by=order_by, cursor=cursor, limit=limit
            )
        found += page
        sizes.append(len(page))
        if cursor is None:
            return found, sizes
        between()


def expected_order(values, *, descending):
    """Return the positions in order: numbers, then NaN, then missing values; ties by creation."""

    def key(position):
        value = values[position]
        sign = -1 if descending else 1
        if value is None:
            return 2, 0.0, sign * position
        if math.isnan(value):
            return 1, 0.0, sign * position
        return 0, sign * value, sign * position

    return sorted(range(len(values)), key=key)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    values=st.lists(VALUES, min_size=RUNS, max_size=RUNS),
    limit=st.integers(1, RUNS + 1),
    descending=st.booleans(),
    indexed=st.booleans(),
)
@example(values=[math.nan, None] * 6, limit=1, descending=True, indexed=True)
@example(values=[0.5] * 12, limit=5, descending=False, indexed=True)
@example(values=[0.5] * 12, limit=5, descending=False, indexed=False)
def test_every_run_is_listed_once_in_order(lab, values, limit, descending, indexed):
    """Also where an index is read rank by rank: over all runs, of which there are no others."""
    experiment_id = _experiment(lab)
    lab.execute(
        "UPDATE runs SET val_loss = new.value, val_accuracy = new.value"
        " FROM unnest(CAST(:values AS double precision[])) WITH ORDINALITY AS new (value, number)"
        " WHERE position = number - 1",
        values=values,
    )
    order_by = f"{'-' if descending else ''}{'val_accuracy' if indexed else 'val_loss'}"
    wanted = RunFilter(experiment_ids=[] if indexed else [experiment_id])
    found, sizes = pages(lab, limit=limit, order_by=order_by, wanted=wanted)
    assert [run.position for run in found] == expected_order(values, descending=descending)
    assert all(size == limit for size in sizes[:-1])
    assert 0 < sizes[-1] <= limit


def _experiment(lab):
    """Return the one experiment of the test, which its first example submits."""
    with lab.sessions() as session:
        found, _ = search.search(session, Run, RunFilter(), cursor=None, limit=1)
    return found[0].experiment_id if found else lab.submit(seeds=RUNS)


def test_every_order_can_be_paged(lab):
    lab.submit(activation=["relu", "tanh"], seeds=3)
    lab.submit(activation="elu", seeds=2)
    for _ in range(3):
        lab.train(lab.taken(), test_loss=0.5, test_accuracy=0.5)
    for name, sign in itertools.product(ORDERS, ("", "-")):
        order_by = sign + name
        found, sizes = pages(lab, limit=3, order_by=order_by)
        assert len({run.id for run in found}) == len(found) == 8, order_by
        assert sizes == [3, 3, 2], order_by
        values = [getattr(run, name) for run in found]
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=sign == "-"), order_by
        assert values[len(known) :] == [None] * (len(values) - len(known)), order_by


def test_runs_are_listed_once_while_others_are_inserted(lab):
    for _ in range(5):
        lab.submit(seeds=8, reuse=False)
    with lab.sessions() as session:
        before, _ = search.search(session, Run, RunFilter(), cursor=None, limit=100)
    stop = threading.Event()

    def insert():
        while not stop.is_set():
            lab.submit(seeds=3, reuse=False)

    inserting = threading.Thread(target=insert)
    inserting.start()
    try:
        for order_by in ("-created_at", "seed", "-val_loss"):
            found, _ = pages(lab, limit=7, order_by=order_by, between=lambda: lab.submit(seeds=2))
            ids = [run.id for run in found]
            assert len(ids) == len(set(ids))
            assert {run.id for run in before} <= set(ids)
    finally:
        stop.set()
        inserting.join()


def test_filters_narrow_and_several_values_widen(lab):
    first = lab.submit(activation=["relu", "tanh"], seeds=[1, 2], clipping=["none", "value"])
    second = lab.submit(activation="selu", initializer="he_normal")
    lab.train(lab.taken())

    def count(**wanted):
        found, _ = pages(lab, limit=100, wanted=RunFilter(**wanted))
        return len(found)

    assert count() == 9
    assert count(experiment_ids=[first]) == 8
    assert count(experiment_ids=[first, second]) == 9
    assert count(statuses=["completed"]) == 1
    assert count(statuses=["completed", "queued"]) == 9
    assert count(seeds=[1]) == 4
    assert count(seeds=[0, 1]) == 5
    assert count(axes={"activation": ["relu"]}) == 4
    assert count(axes={"activation": ["relu", "selu"], "clipping": ["none"]}) == 3
    assert count(axes={"initializer": ["he_normal"]}) == 1
    assert count(axes={"normalization": ["none"]}) == 9
    assert count(axes={"activation": ["mish"]}) == 0
    with pytest.raises(InvalidError, match="did you mean 'relu'"):
        count(axes={"activation": ["rleu"]})


def _cursor(lab, **query):
    with lab.sessions() as session:
        _, cursor = search.search(session, Run, cursor=None, limit=1, **query)
    assert cursor is not None
    return cursor


def test_a_cursor_fits_its_own_query_alone(lab):
    experiment_id = lab.submit(seeds=3)
    cursor = _cursor(lab, wanted=RunFilter(), order_by="-seed")
    others = [
        {"wanted": RunFilter(), "order_by": "seed"},
        {"wanted": RunFilter(), "order_by": "-created_at"},
        {"wanted": RunFilter(statuses=["queued"]), "order_by": "-seed"},
        {"wanted": RunFilter(experiment_ids=[experiment_id]), "order_by": "-seed"},
    ]
    for query in others:
        with lab.sessions() as session, pytest.raises(InvalidError, match="does not belong"):
            search.search(session, Run, cursor=cursor, limit=1, **query)


def test_a_malformed_cursor_is_refused(lab):
    lab.submit(seeds=3)
    for order_by in ("-created_at", "val_loss", "-seed", "finished_at", "epoch"):
        real = _cursor(lab, wanted=RunFilter(), order_by=order_by)
        tag, *_ = json.loads(base64.urlsafe_b64decode(real + "=="))
        somewhere = str(uuid.uuid4())
        forged = [
            [tag, 0, None, "not-an-id"],
            [tag, 3, None, somewhere],
            [tag, True, None, somewhere],
            [tag, "0", None, None],
            [tag, 0, [1], {"a": 1}],
            [tag],
            {"tag": tag},
            None,
        ]
        for cursor in ["", "%", "a", "ä", real[:-3], "=" * 10, *map(_encoded, forged)]:
            with pytest.raises(InvalidError, match="does not belong"):
                _follow(lab, order_by, cursor)
        # Where the value is not compared, or is valid by chance, these lead to a page.
        for value in (2**40, 2**63, -(2**64), 1e308, "x", "NaN", "1999-01-01T00:00:00Z", "1", True):
            with contextlib.suppress(InvalidError):
                _follow(lab, order_by, _encoded([tag, 0, value, somewhere]))


def _encoded(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


def _follow(lab, order_by, cursor):
    with lab.sessions() as session:
        search.search(session, Run, RunFilter(), order_by=order_by, cursor=cursor, limit=1)
