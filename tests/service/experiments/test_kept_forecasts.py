"""Forecasts that are kept for a moment, where the queue is long."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event

from service.experiments import lifecycle
from service.experiments.kept_forecasts import KeptForecasts, seconds_to_keep


@pytest.fixture
def kept(lab):
    return KeptForecasts(lab.settings, lambda _took: 60.0)


def of(lab, kept, *experiment_ids):
    with lab.sessions() as session:
        found = kept.of(session, experiment_ids)
    return [found[experiment_id] for experiment_id in experiment_ids]


def test_they_are_kept_for_what_they_had_and_made_anew_for_what_was_submitted_since(lab, kept):
    lab.seen()
    first = lab.submit(epochs=3)
    (alone,) = of(lab, kept, first)
    second = lab.submit(epochs=30, priority=100)
    assert of(lab, kept, first) == [alone], "the queue before"
    urgent, behind = of(lab, kept, second, first)
    assert behind.eta_seconds > urgent.eta_seconds > alone.eta_seconds
    with lab.sessions() as session:
        lifecycle.cancel(session, second)
    assert of(lab, kept, first) == [behind], "still as it was with the second"
    kept.forget()
    assert of(lab, kept, first) == [alone]


def test_one_thread_makes_them_and_the_others_have_them(lab, kept):
    lab.seen()
    experiment_id = lab.submit(epochs=3)
    of(lab, kept, experiment_id)
    kept.forget()
    statements = []
    engine = lab.sessions.kw["bind"]
    event.listen(engine, "after_cursor_execute", lambda *seen: statements.append(seen[2]))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: of(lab, kept, experiment_id), range(32)))
    assert len({forecast.eta_seconds for (forecast,) in found}) == 1
    assert sum("FROM workers" in statement for statement in statements) == 1


def test_an_experiment_that_has_just_ended_has_none_and_is_not_asked_for_again(lab, kept):
    experiment_id = lab.submit()
    lab.train_all()
    (forecast,) = of(lab, kept, experiment_id)
    assert (forecast.eta_seconds, forecast.waits) == (None, None)
    assert of(lab, kept, experiment_id) == [forecast]


def test_what_is_quickly_made_is_not_kept_and_nothing_is_kept_for_long():
    assert seconds_to_keep(0.01) == 0.0
    assert seconds_to_keep(0.1) == pytest.approx(1.0)
    assert seconds_to_keep(100.0) == 2.0
