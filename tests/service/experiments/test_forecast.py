"""When experiments are expected to end: by what such runs took, the queue, and the workers."""

import math

import pytest

from service.experiments import cost
from service.experiments.forecast import Forecast
from service.runs.paces import JobKind, JobTimes, Paces, record_job
from service.specs.choices import choice
from service.specs.durations import SOLO, expected_job, workload_of
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec

MLP = choice("model", {"name": "mlp", "hidden_units": [16, 8], "head": "multiclass"})
#: A thousand samples to train on; its runs can be packed.
SMALL = {
    "model": MLP.model_dump(mode="json"),
    "dataset": {"name": "digits", "train_size": 1000, "test_size": 200},
    "batch_size": 32,
    "epochs": 5,
}
#: Each is trained alone.
ALONE = {"dataset": {"name": "mnist", "train_size": 2000, "test_size": 500}}


def took(lab, claims, fixed, epoch, epochs=None):
    """Note what a job took."""
    epochs = claims[0].epochs if epochs is None else epochs
    with lab.sessions() as session:
        record_job(session, claims, JobTimes(fixed + epochs * epoch, epochs * epoch, epochs))


def trained(lab, fixed, epoch, **fields):
    """Train an experiment as one job that took so many seconds."""
    lab.submit(**fields)
    claims = lab.pack()
    for claim in claims:
        lab.train(claim)
    if not claims[0].epochs:
        lab.finish(*claims)
    took(lab, claims, fixed, epoch)


def estimated(lab, caller="test", **fields):
    """The cost of a spec."""
    spec = ExperimentSpec.model_validate({"activation": "relu", "epochs": 2} | fields)
    with lab.sessions() as session, session.begin():
        planned = expand(spec, Limits())
        return cost.estimate(session, planned, spec, caller=caller, settings=lab.settings)


def eta(lab, experiment_id):
    return lab.progress(experiment_id).forecast


def suggested(runs, **fields):
    """The seconds that the operations of a job of small mlps suggest."""
    spec = ExperimentSpec.model_validate({"activation": "relu"} | SMALL | fields)
    return expected_job(workload_of(expand(spec, Limits())[0].configuration.values), runs)


def test_a_job_that_was_measured_is_expected_to_take_as_long(lab):
    lab.seen()
    unprobed = SMALL | {"layer_statistics": "off"}
    for seed in (1, 10, 20):
        trained(lab, 3.0, 0.5, **unprobed, seeds=[*range(seed, seed + 4)])
    found = eta(lab, lab.submit(**unprobed, seeds=[101, 102, 103, 104]))
    assert found.eta_seconds == pytest.approx(3.0 + 5 * 0.5, rel=0.05)
    assert (found.eta_range, found.waits, found.starts_in_seconds) == (None, None, 0.0)
    twice = eta(lab, lab.submit(**unprobed | {"epochs": 10}, seeds=[1, 2, 3, 4], priority=100))
    assert twice.eta_seconds == pytest.approx(3.0 + 10 * 0.5, rel=0.15)


def test_what_was_never_trained_is_told_as_a_range(lab):
    lab.seen()
    found = eta(lab, lab.submit(**ALONE, epochs=40))
    assert found.eta_range.low_seconds == pytest.approx(found.eta_seconds / 3, rel=0.01)
    assert found.eta_range.high_seconds == pytest.approx(found.eta_seconds * 3, rel=0.01)


def test_a_workload_never_seen_borrows_from_others_of_its_model(lab):
    before = estimated(lab, **SMALL, seeds=2)
    job = suggested(1)
    for batch_size in (32, 64, 128):
        slower = suggested(2, batch_size=batch_size)
        fields = SMALL | {"batch_size": batch_size}
        trained(lab, 4 * slower.fixed, 4 * slower.epoch, **fields, seeds=2)
    other = estimated(lab, **SMALL | {"batch_size": 16}, seeds=2)
    (rate,) = other.rates
    assert (rate.basis, rate.runs) == ("similar", 0)
    plain = suggested(2, batch_size=16)
    assert 2 < other.seconds / (plain.fixed + 5 * plain.epoch) < 4
    assert other.range.high_seconds == pytest.approx(2 * other.seconds, rel=0.01)
    (rate,) = estimated(lab, **SMALL, seeds=2).rates
    assert (rate.basis, rate.runs) == ("measured", 2)
    assert before.rates[0].basis == "catalog"
    assert job.fixed > 0
    # A model that was never trained borrows from the device, and less surely.
    assert estimated(lab, **ALONE).rates[0].basis == "similar"


@pytest.mark.parametrize(
    ("measured", "asked", "basis"),
    [("bfloat16", "float32", "catalog"), ("float32", "bfloat16", "similar")],
)
def test_seconds_of_float32_are_borrowed_from_float32_alone(lab, measured, asked, basis):
    trained(lab, 3.0, 2.0, **SMALL, precision=measured, seeds=4)
    (rate,) = estimated(lab, **SMALL, precision=asked).rates
    assert rate.basis == basis


def test_a_pack_is_expected_by_what_one_of_another_size_took(lab):
    one, many = suggested(1), suggested(16)
    for seed in range(4):
        trained(lab, 2 * one.fixed, 2 * one.epoch, **SMALL, seeds=[seed])
    found = estimated(lab, **SMALL, seeds=16)
    assert found.seconds == pytest.approx(2 * (many.fixed + 5 * many.epoch), rel=0.1)


def test_epochs_that_are_never_trained_are_not_expected(lab):
    """Runs of a kind that mostly stop early are expected to stop early."""
    lab.seen()
    for seed in range(5):
        lab.submit(**SMALL | {"epochs": 100}, seeds=[seed])
        (claim,) = lab.pack()
        lab.epoch(claim, 1, "diverged")
        took(lab, [claim], 0.1, 0.2, epochs=10)
    found = eta(lab, lab.submit(**SMALL | {"epochs": 100}, seeds=[7]))
    assert found.eta_seconds == pytest.approx(0.1 + 0.2 * 10, rel=0.15)


def test_runs_without_epochs_take_what_starting_takes(lab):
    lab.seen()
    trained(lab, 2.5, 0.0, **SMALL | {"epochs": 0})
    for seed in range(3, 6):
        trained(lab, 2.5, 0.0, **SMALL | {"epochs": 0}, seeds=[seed])
    found = eta(lab, lab.submit(**SMALL | {"epochs": 0}, seeds=[9]))
    assert found.eta_seconds == pytest.approx(2.5, rel=0.1)
    assert found.eta_range is None


def test_what_stands_before_in_the_queue_is_waited_for(lab):
    lab.seen()
    trained(lab, 1.0, 10.0, **ALONE)
    trained(lab, 1.0, 0.0, **SMALL | {"epochs": 0})
    before = lab.submit(**ALONE, seeds=[1, 2, 3], epochs=2)
    small = lab.submit(**SMALL | {"epochs": 0}, seeds=[5])
    assert eta(lab, before).eta_seconds == pytest.approx(3 * 21, rel=0.3)
    waits = eta(lab, small)
    assert waits.starts_in_seconds == pytest.approx(eta(lab, before).eta_seconds, rel=0.01)
    # Another caller has the next turn but one, however long the first one's queue is.
    other = lab.submit("other", **SMALL | {"epochs": 0}, seeds=[6])
    assert eta(lab, other).starts_in_seconds < 0.5 * waits.starts_in_seconds
    planned = estimated(lab, **ALONE, seeds=[9]).forecast
    assert planned.starts_in_seconds >= waits.eta_seconds


def test_two_workers_share_the_queue(lab):
    lab.seen("one")
    experiment_id = lab.submit(**ALONE, seeds=4)
    alone = eta(lab, experiment_id).eta_seconds
    lab.seen("two")
    assert eta(lab, experiment_id).eta_seconds == pytest.approx(alone / 2, rel=0.01)
    packed = lab.submit("other", **SMALL, seeds=8)
    assert eta(lab, packed).eta_seconds > 0


@pytest.mark.parametrize(
    ("worker", "device", "reason"),
    [
        (None, "auto", "no_worker"),
        ({"device": "cpu"}, "cuda", "no_device"),
        ({"device": "cpu", "memory": 1000}, "auto", "no_memory"),
    ],
)
def test_runs_that_nobody_can_take_have_a_reason_and_no_eta(lab, worker, device, reason):
    experiment_id = lab.submit(**SMALL, seeds=3, device=device)
    if worker:
        lab.seen(**worker)
    found = eta(lab, experiment_id)
    assert (found.eta_seconds, found.eta_range) == (None, None)
    assert (found.waits.reason, found.waits.runs, found.waits.device) == (reason, 3, device)
    planned = estimated(lab, **SMALL, device=device)
    assert (planned.forecast.waits.reason, planned.forecast.eta_seconds) == (reason, None)
    assert planned.seconds > 0, "what it would take is told all the same"


def test_a_running_job_is_judged_by_its_own_epochs(lab):
    lab.seen()
    experiment_id = lab.submit(**ALONE, epochs=100)
    claim = lab.taken()
    lab.execute("UPDATE attempts SET started_at = now() - interval '25 seconds'")
    lab.epoch(claim, 1)
    lab.epoch(claim, 2)
    lab.epoch(claim, 3)
    lab.execute(
        "UPDATE events SET created_at = now() - interval '1 second' * "
        "(23 - 10 * ((data->>'epoch')::int - 1)) WHERE type = 'run.epoch'"
    )
    found = eta(lab, experiment_id)
    assert found.eta_seconds == pytest.approx(97 * 10 - 3, rel=0.1)
    assert found.eta_range is None


def test_an_epoch_that_takes_longer_than_expected_says_so(lab):
    lab.seen()
    experiment_id = lab.submit(**ALONE, epochs=10)
    lab.epoch(lab.taken(), 1)
    lab.execute("UPDATE attempts SET started_at = now() - interval '100 seconds'")
    lab.execute("UPDATE events SET created_at = now() - interval '60 seconds'")
    assert eta(lab, experiment_id).eta_seconds == pytest.approx(9 * 60 - 60, rel=0.05)


def test_short_epochs_are_recorded_together(lab):
    """What passed since the last record is many of them, and not one that takes long."""
    lab.seen()
    experiment_id = lab.submit(**SMALL | {"epochs": 100})
    claim = lab.taken()
    lab.execute("UPDATE attempts SET started_at = now() - interval '1.5 seconds'")
    for epoch in range(1, 11):
        lab.epoch(claim, epoch)
    # Ten in the first tenth of a second, and a third of a second without a record since.
    lab.execute(
        "UPDATE events SET created_at = now() - interval '1 millisecond' * "
        "(300 + 10 * (10 - (data->>'epoch')::int)) WHERE type = 'run.epoch'"
    )
    assert eta(lab, experiment_id).eta_seconds < 2


def test_an_experiment_that_has_ended_has_no_forecast(lab):
    lab.seen()
    experiment_id = lab.submit(**SMALL)
    lab.train_all()
    assert eta(lab, experiment_id) == Forecast()


def test_a_long_queue_is_sampled_and_followed_in_few_steps(lab):
    """Configurations of every size are in the sample, whatever the order of the grid."""
    lab.seen()
    sizes = [{"name": "mnist", "train_size": size, "test_size": 500} for size in (1000, 9000)]
    experiment_id = lab.submit(dataset=sizes, seeds=[*range(500)], epochs=1)
    expected = sum(
        500 * expected_job(workload_of(run.config), SOLO).fixed
        + 500 * expected_job(workload_of(run.config), SOLO).epoch
        for run in (lab.runs(experiment_id)[0], lab.runs(experiment_id)[-1])
    )
    assert eta(lab, experiment_id).eta_seconds == pytest.approx(expected, rel=0.25)


def test_paces_are_kept_apart_by_device_and_form(lab):
    trained(lab, 2.0, 1.0, **SMALL)
    spec = ExperimentSpec.model_validate({"activation": "relu"} | SMALL)
    work = workload_of(expand(spec, Limits())[0].configuration.values)
    kinds = [JobKind(work, "batched", "cpu"), JobKind(work, "batched", "cuda")]
    with lab.sessions() as session, session.begin():
        paces = Paces.read(session, kinds)
    assert [paces.expected(kind, 1).basis for kind in kinds] == ["measured", "catalog"]
    assert paces.expected(kinds[1], 1).seconds == pytest.approx(
        suggested(1).fixed + 5 * suggested(1).epoch
    )
    assert math.isfinite(paces.expected(kinds[0], 32).seconds)
