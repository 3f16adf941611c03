"""Experiments: how they stand follows from their runs alone."""

import uuid

import pytest

from service.errors import ConflictError, GoneError, NotFoundError
from service.experiments import lifecycle, listing
from service.experiments.listing import ExperimentFilter
from service.runs import endings
from service.runs.fencing import RunsToLeave
from service.specs.expansion import SpecError


def act(lab, use_case, *arguments):
    with lab.sessions() as session:
        return use_case(session, *arguments)


def test_a_submission_is_stored_whole(lab):
    experiment_id = lab.submit(
        activation=["relu", "selu"], seeds=[3, 4], name="n", tags={"a": "b"}, priority=2
    )
    progress = lab.progress(experiment_id)
    assert (progress.status, progress.progress, progress.started_at) == ("queued", 0, None)
    assert (progress.name, progress.tags) == ("n", {"a": "b"})
    assert progress.spec["activation"] == [{"name": "relu"}, {"name": "selu"}]
    stored = lab.runs(experiment_id)
    assert [each.position for each in stored] == [0, 1, 2, 3]
    assert [each.id for each in stored] == sorted(each.id for each in stored)
    assert [(each.activation, each.seed) for each in stored] == [
        ("relu", 3),
        ("relu", 4),
        ("selu", 3),
        ("selu", 4),
    ]
    assert {(each.status, each.attempt, each.priority) for each in stored} == {("queued", 0, 2)}
    assert stored[2].initializer == "lecun_normal"


def test_a_submission_that_cannot_run_stores_nothing(lab):
    with pytest.raises(SpecError):
        lab.submit(batch_size=60_001)
    assert act(lab, _search) == []


def _search(session, **wanted):
    found, _ = listing.search(session, ExperimentFilter(**wanted), cursor=None, limit=100)
    return [experiment.id for experiment in found]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("MOONS", ["Two Moons", "moons_100%"]),
        ("o m", ["Two Moons"]),
        ("_100%", ["moons_100%"]),
        ("moons_1%", []),
        ("", ["Two Moons", "moons_100%", "other"]),
    ],
)
def test_experiments_are_searched_for_by_part_of_their_name_in_any_case(lab, search, found):
    made = {name: lab.submit(name=name) for name in ("Two Moons", "moons_100%", "other")}
    lab.submit()
    wanted = {made[name] for name in found}
    with lab.sessions() as session:
        listed = set(_search(session, search=search))
    assert listed & set(made.values()) == wanted
    assert len(listed) == len(wanted) + (not search)


#: How the runs end, and how the experiment then stands.
STANDINGS = [
    ([], "queued"),
    (["completed"], "running"),
    (["running"], "running"),
    (["failed"], "running"),
    (["completed", "completed", "completed"], "completed"),
    (["completed", "diverged", "completed"], "completed"),
    (["diverged", "diverged", "diverged"], "completed"),
    (["completed", "failed", "completed"], "failed"),
    (["failed", "cancelled", "cancelled"], "failed"),
    (["cancelled", "cancelled", "cancelled"], "cancelled"),
    (["completed", "cancelled", "completed"], "completed"),
]


def _bring_to(lab, run_id, status):
    if status == "cancelled":
        act(lab, endings.cancel, run_id)
        return
    claim = lab.taken()
    assert claim.run_id == run_id
    if status == "failed":
        lab.fail(claim)
    elif status != "running":
        lab.train(claim, status)


@pytest.mark.parametrize(("endings", "expected"), STANDINGS)
def test_a_status_follows_from_the_runs(lab, endings, expected):
    lab.seen()
    experiment_id = lab.submit(seeds=3, max_attempts=1)
    for run, status in zip(lab.runs(experiment_id), endings, strict=False):
        _bring_to(lab, run.id, status)
    progress = lab.progress(experiment_id)
    assert progress.status == expected
    finished = expected in {"completed", "failed", "cancelled"}
    assert (progress.progress == 1) is finished
    assert (progress.forecast.eta_seconds is None) is finished
    assert (progress.finished_at is not None) is finished
    assert act(lab, lifecycle.has_finished, experiment_id) is finished
    for status in ("queued", "running", "completed", "failed", "cancelled"):
        found = act(lab, lambda session, status=status: _search(session, statuses=[status]))
        assert found == ([experiment_id] if status == expected else [])


def test_progress_is_the_share_of_epochs(lab):
    experiment_id = lab.submit(seeds=2, epochs=4)
    claim = lab.taken()
    lab.epoch(claim, 1)
    assert lab.progress(experiment_id).progress == 0.125
    lab.train(claim.__class__(**{**vars(claim), "recorded_epochs": 1}))
    assert lab.progress(experiment_id).progress == 0.5
    act(lab, lifecycle.cancel, experiment_id)
    assert lab.progress(experiment_id).progress == 1


def test_a_run_of_no_epochs_counts_once_it_has_ended(lab):
    experiment_id = lab.submit(seeds=2, epochs=0)
    assert lab.progress(experiment_id).progress == 0
    lab.finish(lab.taken())
    assert lab.progress(experiment_id).progress == 0.5


def test_a_retry_queues_what_has_no_result(lab):
    experiment_id = lab.submit(seeds=4, max_attempts=1, epochs=3)
    done, failed = lab.taken(), lab.taken()
    lab.train(done)
    lab.epoch(failed, 1)
    lab.fail(failed)
    act(lab, lifecycle.cancel, experiment_id)
    before = lab.snapshot(done.run_id)
    progress = act(lab, lifecycle.retry, experiment_id, "me")
    assert (progress.status, progress.cancelled_at) == ("running", None)
    assert (progress.runs["completed"], progress.runs["queued"]) == (1, 3)
    assert lab.snapshot(done.run_id)[:3] == before[:3]
    again = lab.run(failed.run_id)
    assert (again.attempt, again.failures, again.epoch) == (1, 0, 1)
    assert (again.error, again.finished_at, again.cancel_requested_at) == (None, None, None)
    claim = lab.taken()
    assert (claim.run_id, claim.attempt, claim.recorded_epochs) == (failed.run_id, 2, 1)
    lab.train(claim)
    lab.train_all()
    assert lab.progress(experiment_id).status == "completed"
    kinds = [kind for kind, _ in lab.events(experiment_id)]
    assert kinds.count("run.requeued") == 3
    assert kinds[-1] == "experiment.finished"


def test_a_retried_run_can_be_cancelled_and_fail_again(lab):
    experiment_id = lab.submit(max_attempts=1)
    act(lab, lifecycle.cancel, experiment_id)
    act(lab, lifecycle.retry, experiment_id, "me")
    claim = lab.taken()
    assert lab.renew(claim) == RunsToLeave(frozenset(), frozenset())
    lab.fail(claim)
    assert lab.progress(experiment_id).status == "failed"
    act(lab, lifecycle.retry, experiment_id, "me")
    act(lab, lifecycle.cancel, experiment_id)
    assert lab.progress(experiment_id).status == "cancelled"


def test_a_retry_of_what_needs_none_changes_nothing(lab):
    experiment_id = lab.submit(seeds=2)
    lab.train(lab.taken())
    claim = lab.taken()
    before = [lab.snapshot(each.id) for each in lab.runs(experiment_id)]
    act(lab, lifecycle.retry, experiment_id, "me")
    assert [lab.snapshot(each.id) for each in lab.runs(experiment_id)] == before
    lab.train(claim)


def test_runs_whose_upload_was_deleted_are_not_queued_again(lab):
    experiment_id = lab.submit(seeds=2)
    sha256 = "ab" * 32
    lab.execute(
        """UPDATE runs SET config = jsonb_set(config, '{dataset}',
        jsonb_build_object('name', 'uploaded', 'sha256', CAST(:sha256 AS text)))""",
        sha256=sha256,
    )
    act(lab, lifecycle.cancel, experiment_id)
    with pytest.raises(GoneError, match=r"2 runs .* need an uploaded data set that was deleted"):
        act(lab, lifecycle.retry, experiment_id, "me")
    assert {run.status for run in lab.runs(experiment_id)} == {"cancelled"}
    assert lab.progress(experiment_id).status == "cancelled"
    lab.execute(
        """INSERT INTO datasets (id, sha256, name, bytes, understood, created_by)
        VALUES (gen_random_uuid(), :sha256, 'again', 1, '{}', 'me')""",
        sha256=sha256,
    )
    act(lab, lifecycle.retry, experiment_id, "me")
    assert {run.status for run in lab.runs(experiment_id)} == {"queued"}


def test_a_worker_that_was_cancelled_cannot_write_after_a_retry(lab):
    experiment_id = lab.submit()
    stale = lab.taken()
    act(lab, lifecycle.cancel, experiment_id)
    lab.confirm_cancel(stale)
    act(lab, lifecycle.retry, experiment_id, "me")
    claim = lab.taken()
    assert claim.attempt == 2
    assert lab.epoch(stale, 1).lost == {stale.run_id}
    lab.train(claim)


def test_only_an_experiment_at_rest_can_be_deleted(lab):
    experiment_id = lab.submit()
    with pytest.raises(ConflictError, match="Cancel it first"):
        act(lab, lifecycle.delete, experiment_id)
    claim = lab.taken()
    with pytest.raises(ConflictError):
        act(lab, lifecycle.delete, experiment_id)
    lab.train(claim)
    kept = lab.submit(activation="tanh")
    act(lab, lifecycle.delete, experiment_id)
    with pytest.raises(NotFoundError):
        lab.progress(experiment_id)
    assert lab.runs(experiment_id) == []
    assert lab.events(experiment_id) == [("experiment.deleted", None)]
    assert lab.history(claim.run_id) == lab.attempts(claim.run_id) == []
    assert lab.progress(kept).status == "queued"


@pytest.mark.parametrize(
    "use_case",
    [
        lifecycle.get,
        lifecycle.cancel,
        lifecycle.delete,
        lambda session, missing: lifecycle.retry(session, missing, "me"),
    ],
)
def test_what_is_not_there_is_not_found(lab, use_case):
    missing = uuid.uuid4()
    with pytest.raises(NotFoundError, match=str(missing)):
        act(lab, use_case, missing)


def test_experiments_are_found_by_what_they_say(lab):
    first = lab.submit(name="one", tags={"a": "1", "b": "2"})
    second = lab.submit(name="two", tags={"a": "1"})
    third = lab.submit(name="two")

    def found(**wanted):
        return act(lab, lambda session: _search(session, **wanted))

    assert found() == [third, second, first]
    assert found(name="two") == [third, second]
    assert found(tags=["a:1"]) == [second, first]
    assert found(tags=["a:1", "b:2"]) == [first]
    assert found(tags=["a:2", "a:1"]) == []
    created = lab.progress(second).created_at
    assert found(created_after=created) == [third]
    assert found(created_before=created) == [first]
    assert found(name="two", tags=["a:1"], statuses=["queued", "failed"]) == [second]
