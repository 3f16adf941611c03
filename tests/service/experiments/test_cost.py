"""What runs cost on one worker: alone and in packs, with what their operations suggest."""

import pytest

from service.experiments import cost
from service.specs.choices import choice
from service.specs.durations import SOLO, expected_job, expected_seconds, workload_of
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec

MNIST = {"name": "mnist", "train_size": 1000}
MLP = choice("model", {"name": "mlp", "hidden_units": [16, 8], "head": "multiclass"})
#: A thousand samples to train on.
DIGITS = {"name": "digits", "train_size": 1000, "test_size": 200}
SMALL = {"model": MLP.model_dump(mode="json"), "dataset": DIGITS, "batch_size": 32, "epochs": 5}


def work_of(**fields):
    """The workload of a spec's first run."""
    spec = ExperimentSpec.model_validate({"activation": "relu"} | fields)
    return workload_of(expand(spec, Limits())[0].configuration.values)


def job(members, **fields):
    """What a job of small mlps is reckoned to take."""
    found = expected_job(work_of(**SMALL | fields), members)
    return found.fixed + found.epoch * work_of(**SMALL | fields).epochs


def rate(members, **fields):
    """Seconds of a thousand samples of the small mlp, in a pack."""
    work = work_of(**SMALL | fields)
    return expected_job(work, members).epoch / max(1, members) / work.samples * 1000


def estimated(lab, *, pack_size=32, **fields):
    """The cost of a spec of small mlps, or as the fields say."""
    spec = ExperimentSpec.model_validate({"activation": "relu"} | SMALL | fields)
    settings = lab.settings.model_copy(update={"pack_size": pack_size})
    with lab.sessions() as session, session.begin():
        planned = expand(spec, Limits())
        return cost.estimate(session, planned, spec, caller="test", settings=settings)


def test_the_catalogs_rate_is_near_what_was_measured():
    whole = work_of(dataset="mnist", batch_size=128)
    assert expected_seconds(whole, SOLO) == pytest.approx(1.37, abs=0.01), "seconds on one core"
    # The ten thousand images of the validation part take longer than training on one thousand.
    of = work_of(dataset=MNIST, batch_size=128)
    assert expected_seconds(of, SOLO) == pytest.approx(5.63, abs=0.01)
    of_one = work_of(dataset=MNIST, batch_size=1)
    assert expected_seconds(of_one, SOLO) > expected_seconds(of, SOLO) + 0.5, "each step costs"


def test_layer_statistics_of_every_epoch_are_reckoned(lab):
    plain = estimated(lab, layer_statistics="off").seconds
    usual, all_epochs = (
        estimated(lab, layer_statistics={"every": every}).seconds for every in ("auto", 1)
    )
    assert plain < usual < all_epochs
    assert all_epochs - plain == pytest.approx(6 * (usual - plain) / 2, rel=0.05)


def test_runs_that_are_packed_are_reckoned_with_their_share(lab):
    alone, many = estimated(lab), estimated(lab, seeds=64)
    assert alone.seconds == pytest.approx(job(1), abs=0.002)
    assert many.seconds == pytest.approx(2 * job(32), abs=0.002)
    assert many.seconds < 64 * alone.seconds / 2
    assert many.training_samples == 64 * 5 * 1000
    (found,) = many.rates
    assert (found.basis, found.runs) == ("catalog", 0)
    assert found.seconds_per_thousand_samples == pytest.approx(rate(32), abs=1e-6)


@pytest.mark.parametrize(
    ("dataset", "units", "batch_size", "gains"),
    [
        ("digits", [32, 32], 32, {1: 0.68, 8: 3.44, 32: 5.54}),
        ("digits", [64, 64, 64], 64, {1: 0.65, 8: 2.06, 32: 2.44}),
        ("mnist", [64, 64], 128, {1: 0.53, 8: 1.18, 32: 1.27}),
    ],
)
def test_packs_gain_about_what_was_measured(dataset, units, batch_size, gains):
    """Times less than plainly, by docs/performance.md."""
    of = work_of(
        model=SMALL["model"] | {"hidden_units": units}, dataset=dataset, batch_size=batch_size
    )
    for members, gain in gains.items():
        assert expected_seconds(of, SOLO) / expected_seconds(of, members) == pytest.approx(
            gain, rel=0.35
        )


def test_only_what_can_be_packed_together_shares(lab):
    mixed = estimated(lab, seeds=4, clipping=["none", "norm", "value"])
    assert mixed.seconds == pytest.approx(3 * job(4), abs=0.002)
    uneven = estimated(lab, seeds=[1], activation=["relu", "tanh", "elu", "prelu"])
    assert uneven.seconds == pytest.approx(job(3) + job(1), abs=0.002)


def test_packs_are_as_large_as_the_setting_lets_them(lab):
    each_alone = estimated(lab, seeds=12, pack_size=1)
    assert each_alone.seconds == pytest.approx(12 * job(1), abs=0.002)
    assert estimated(lab, seeds=12, pack_size=4).seconds < each_alone.seconds / 1.5


def test_what_is_never_packed_is_reckoned_alone(lab):
    large = SMALL["model"] | {"hidden_units": [900]}
    cost_of_large = estimated(lab, seeds=8, model=large)
    assert cost_of_large.seconds == pytest.approx(8 * job(SOLO, model=large), abs=0.002)


def test_runs_without_epochs_cost_what_starting_them_takes(lab):
    found = estimated(lab, epochs=0, seeds=2)
    assert (found.seconds, found.training_samples) == (
        pytest.approx(job(2, epochs=0), abs=0.001),
        0,
    )
    assert found.seconds > 0


def test_a_run_that_is_trained_already_costs_nothing(lab):
    assert estimated(lab, seeds=1).seconds > 0
    with lab.sessions() as session, session.begin():
        spec = ExperimentSpec.model_validate({"activation": "relu"} | SMALL)
        found = cost.estimate(session, [], spec, caller="test", settings=lab.settings)
    assert (found.seconds, found.training_samples, found.rates) == (0.0, 0, [])
    assert found.forecast.eta_seconds is None
