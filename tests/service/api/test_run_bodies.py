"""A run's answer, written by Postgres, has exactly the fields of its schema, in every status."""

import math

import pytest
from sqlalchemy import select

from service.api.schemas.runs import RunAnswer, RunPage
from service.database.tables import Event
from service.statuses import RunStatus
from tests.support.layer_samples import SICK, insight


def bring_to(lab, status):
    """Return a run that was brought to a status, with all that a run can have there."""
    (run,) = lab.runs(lab.submit(epochs=2, max_attempts=1, variants=[VARIANT]))
    if status == RunStatus.QUEUED:
        return run.id
    claim = lab.taken()
    lab.start(claim, insight(diagnosis=SICK))
    lab.epoch(claim, 1)
    if status == RunStatus.COMPLETED:
        lab.epoch(claim, 2, status, test_loss=0.3, test_accuracy=0.9)
    elif status == RunStatus.DIVERGED:
        lab.epoch(claim, 2, status, loss=math.nan, val_loss=math.inf, val_accuracy=math.nan)
    elif status == RunStatus.FAILED:
        lab.fail(claim)
    elif status == RunStatus.CANCELLED:
        lab.execute("UPDATE runs SET cancel_requested_at = now()")
        lab.confirm_cancel(claim)
    return run.id


VARIANT = {"label": "a", "activation": "tanh"}


@pytest.mark.parametrize("status", list(RunStatus))
def test_the_answer_and_its_schema_have_the_same_fields(api, lab, status):
    """Both forbid more fields than they have, and all of them are required."""
    run_id = bring_to(lab, status)
    one = api.get(f"/v1/runs/{run_id}")
    shown = RunAnswer.model_validate_json(one.content)
    assert shown.status == status
    assert (shown.labels["variant"], shown.name) == ("a", "a")
    assert list(one.json()) == list(RunAnswer.model_fields)
    assert shown.model_dump(mode="json", exclude_unset=True) == one.json()
    listed = api.get("/v1/runs", params={"status": status}).content
    assert RunPage.model_validate_json(listed).items == [shown]
    assert b'{"items":[%b],"next_cursor":null}' % one.content == listed


def test_a_run_that_was_never_claimed_has_all_fields_too(api, lab):
    run_id = bring_to(lab, RunStatus.QUEUED)
    answer = api.post(f"/v1/runs/{run_id}/cancel")
    shown = RunAnswer.model_validate_json(answer.content)
    assert (shown.status, shown.final, shown.engine) == ("cancelled", None, None)
    assert shown.model_dump(mode="json", exclude_unset=True) == answer.json()


def test_runs_of_numbers_have_their_own_metrics_in_the_same_schema(api, lab):
    experiment_id = lab.submit(dataset="diabetes", model="mlp")
    (run,) = lab.runs(experiment_id)
    lab.train_all()
    answer = api.get(f"/v1/runs/{run.id}")
    shown = RunAnswer.model_validate_json(answer.content)
    assert shown.task == "regression"
    assert (shown.final.val_rmse, shown.final.val_accuracy) == (1.25, None)
    assert answer.json()["best"] == {"epoch": 1, "val_rmse": 1.25}
    assert shown.model_dump(mode="json", exclude_unset=True) == answer.json()


def stopped_early(lab):
    """A run of five epochs that ended with its second."""
    stopping = {"patience": 1}
    experiment_id = lab.submit(epochs=5, early_stopping=stopping, seeds=[1])
    (run,) = lab.runs(experiment_id)
    claim = lab.taken()
    lab.epoch(claim, 1, val_accuracy=0.75)
    lab.epoch(claim, 2, RunStatus.COMPLETED, val_accuracy=0.5)
    return experiment_id, run.id


def test_an_answer_and_a_history_say_why_a_run_ended(api, lab):
    found = {}
    for status in RunStatus:
        run_id = bring_to(lab, status)
        found[status] = (
            api.get(f"/v1/runs/{run_id}").json()["ended_by"],
            api.get(f"/v1/runs/{run_id}/history").json()["ended_by"],
        )
        lab.execute("DELETE FROM experiments")
    assert {status: ended for status, (ended, _) in found.items()} == {
        "queued": None,
        "running": None,
        "completed": "all_epochs",
        "diverged": "divergence",
        "failed": "failure",
        "cancelled": "cancellation",
    }
    assert all(answer == history for answer, history in found.values())
    _, run_id = stopped_early(lab)
    shown = api.get(f"/v1/runs/{run_id}").json()
    assert (shown["ended_by"], shown["epoch"], shown["epochs"]) == ("early_stopping", 2, 5)
    history = api.get(f"/v1/runs/{run_id}/history").json()
    assert (history["ended_by"], history["epoch"]) == ("early_stopping", [1, 2])
    with lab.sessions() as session:
        ends = select(Event.data).where(Event.run_id == run_id, Event.type == "run.finished")
        (end,) = session.scalars(ends)
    assert (end["ended_by"], end["epoch"], end["epochs"]) == ("early_stopping", 2, 5)
    assert shown["config"]["early_stopping"] == {
        "metric": "val_loss",
        "patience": 1,
        "min_delta": 0.0,
    }


def test_an_experiment_that_stopped_early_is_done_and_compared_where_it_stopped(api, lab):
    experiment_id, _ = stopped_early(lab)
    shown = api.get(f"/v1/experiments/{experiment_id}").json()
    assert (shown["status"], shown["progress"], shown["eta_seconds"]) == ("completed", 1.0, None)
    for at, value in (("final", 0.5), ("best", 0.75)):
        address = f"/v1/experiments/{experiment_id}/comparison"
        (group,) = api.get(address, params={"at": at}).json()["groups"]
        assert group["mean"] == value


def test_early_stopping_is_part_of_what_is_hashed_only_where_it_is_asked_for(lab):
    plain, stopping = (
        lab.runs(lab.submit(**fields))[0] for fields in ({}, {"early_stopping": {"patience": 3}})
    )
    assert "early_stopping" not in plain.config
    assert plain.config_hash != stopping.config_hash
