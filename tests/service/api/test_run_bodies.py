"""A run's answer, written by Postgres, has exactly the fields of its schema, in every status."""

import math

import pytest

from service.api.schemas.runs import RunAnswer, RunPage
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
    assert shown.model_dump(mode="json") == one.json()
    listed = api.get("/v1/runs", params={"status": status}).content
    assert RunPage.model_validate_json(listed).items == [shown]
    assert b'{"items":[%b],"next_cursor":null}' % one.content == listed


def test_a_run_that_was_never_claimed_has_all_fields_too(api, lab):
    run_id = bring_to(lab, RunStatus.QUEUED)
    answer = api.post(f"/v1/runs/{run_id}/cancel")
    shown = RunAnswer.model_validate_json(answer.content)
    assert (shown.status, shown.final, shown.engine) == ("cancelled", None, None)
    assert shown.model_dump(mode="json") == answer.json()
