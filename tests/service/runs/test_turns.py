"""Callers take turns in the queue, and have quotas."""

from collections import Counter

import pytest
from sqlalchemy import select

from service.api.app import create_app
from service.database.tables import Run
from service.errors import InvalidError
from service.experiments import lifecycle, submission
from service.specs.spec import ExperimentSpec
from tests.support.served_api import ask

MLP = {"model": {"name": "mlp", "hidden_units": [8]}, "dataset": "digits"}


def owner(lab, claim):
    with lab.sessions() as session:
        return session.scalar(select(Run.caller).where(Run.id == claim.run_id))


def test_callers_take_turns_whatever_the_priority_and_number(lab):
    lab.submit("many", seeds=20, priority=100, reuse=False)
    lab.submit("few", seeds=2, priority=-100, reuse=False)
    lab.submit("one", seeds=1, reuse=False)
    owners = [owner(lab, lab.taken()) for _ in range(8)]
    assert owners == ["few", "many", "one", "few", *["many"] * 4]
    assert owner(lab, lab.taken()) == "many"


def test_who_comes_later_is_next(lab):
    lab.submit("many", seeds=20, priority=100, reuse=False)
    for _ in range(3):
        lab.taken()
    lab.submit("late", seeds=2, reuse=False)
    assert [owner(lab, lab.taken()) for _ in range(4)] == ["late", "many", "late", "many"]


def test_priority_decides_among_the_runs_of_a_caller(lab):
    lab.submit("a", seeds=[1])
    lab.submit("b", seeds=[2])
    high = lab.submit("a", seeds=[3], priority=5)
    low = lab.submit("b", seeds=[4], priority=-5)
    experiments = [lab.taken().experiment_id for _ in range(4)]
    assert experiments[0] == high
    assert experiments[3] == low


def test_a_pack_has_runs_of_one_caller(lab):
    lab.submit("a", seeds=3, **MLP)
    lab.submit("b", seeds=[7, 8], priority=9, **MLP)
    for expected in (("a", 3), ("b", 2)):
        owners = Counter(owner(lab, claim) for claim in lab.pack())
        assert owners == dict([expected])


def test_a_caller_whose_runs_cannot_be_claimed_holds_up_nobody(lab):
    lab.submit("a", seeds=3, device="cuda")
    waits = lab.submit("b", seeds=2)
    lab.submit("c", seeds=2)
    lab.execute(
        "UPDATE runs SET not_before = now() + interval '1 h' WHERE experiment_id = :id", id=waits
    )
    assert [owner(lab, lab.taken()) for _ in range(2)] == ["c", "c"]
    assert lab.claim() is None


def test_a_retried_run_is_its_callers(lab, session):
    experiment_id = lab.submit("a")
    lifecycle.cancel(session, experiment_id)
    lab.execute("UPDATE runs SET caller = ''")
    lifecycle.retry(session, experiment_id, "somebody else")
    assert owner(lab, lab.taken()) == "a"


def test_a_key_has_no_more_queued_runs_than_its_quota(lab, session, settings):
    limited = settings.model_copy(update={"max_queued_runs": 5})

    def submit(caller, **fields):
        spec = ExperimentSpec.model_validate({"activation": "relu", "epochs": 1} | fields)
        return submission.submit(session, spec, caller=caller, settings=limited)

    submit("a", seeds=4)
    with pytest.raises(InvalidError, match=r"a has 4 queued runs.*: 1 more can wait.* add 2"):
        submit("a", seeds=[7, 8], reuse=False)
    submit("b", seeds=5)
    submit("a", seeds=[9])
    with pytest.raises(InvalidError, match=": 0 more can wait"):
        submit("a", seeds=[10])
    lab.train(lab.taken())  # of a
    submit("a", seeds=[10])
    with lab.sessions() as reading:
        callers = Counter(reading.scalars(select(Run.caller)))
    assert callers == {"a": 6, "b": 5}


def test_runs_that_are_reused_need_no_quota(lab, session, settings):
    lab.submit(seeds=6)
    lab.train_all()
    limited = settings.model_copy(update={"max_queued_runs": 1})
    spec = ExperimentSpec.model_validate({"activation": "relu", "epochs": 2, "seeds": 6})
    submission.submit(session, spec, caller="b", settings=limited)


def test_the_quota_is_told_over_http(settings):
    app = create_app(settings.model_copy(update={"max_queued_runs": 2}))
    answer = ask(
        app, "POST", "/v1/experiments", json={"activation": "relu", "epochs": 1, "seeds": 3}
    )
    assert answer.status_code == 422
    assert "2 more can wait" in answer.json()["detail"]


def test_a_key_trains_no_more_runs_than_its_quota(lab):
    lab.settings = lab.settings.model_copy(update={"max_running_runs": 2})
    lab.submit("a", seeds=6, **MLP)
    lab.submit("b", seeds=[9], **MLP)
    first = lab.pack()
    assert [owner(lab, claim) for claim in first] == ["a", "a"]
    assert [owner(lab, claim) for claim in lab.pack()] == ["b"]
    assert lab.pack() == []
    lab.train(first[0])
    assert [owner(lab, claim) for claim in lab.pack()] == ["a"]
