"""What training costs: planned runs, and what is left of an experiment; alone and in packs."""

import pytest

from service.experiments import cost
from service.experiments.throughput import SOLO, expected_seconds, workload
from service.specs.choices import choice
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.resolution import training_samples
from service.specs.spec import ExperimentSpec, RunConfig

MODEL = choice("model", "mnist_cnn").model_dump(mode="json")
MLP = choice("model", {"name": "mlp", "hidden_units": [16, 8], "head": "multiclass"})
#: A thousand samples to train on.
DIGITS = {"name": "digits", "train_size": 1000, "test_size": 200}
SMALL = {"model": MLP.model_dump(mode="json"), "dataset": DIGITS, "batch_size": 32, "epochs": 5}


def catalog_rate(model=MODEL, batch_size=128):
    return expected_seconds(workload(model, "mnist", batch_size), SOLO)


def in_packs(members):
    """What a thousand samples of the small mlp are reckoned to take."""
    return expected_seconds(workload(SMALL["model"], "digits", 32), members)


def estimated(lab, *, pack_size=32, device="auto", **fields):
    """The cost of a spec of small mlps, or as the fields say."""
    spec = ExperimentSpec.model_validate({"activation": "relu"} | SMALL | fields)
    with lab.sessions() as session:
        planned = expand(spec, Limits())
        return cost.estimate(session, planned, device, pack_size=pack_size)


def epoch_seconds(lab, experiment_id):
    """What an epoch of one run of an experiment is estimated to take."""
    with lab.sessions() as session:
        return cost.seconds_per_epoch(session, [experiment_id])[experiment_id]


def test_the_catalogs_rate_is_near_what_was_measured():
    assert catalog_rate() == pytest.approx(1.3, abs=0.01), "seconds on two cores"
    assert catalog_rate(batch_size=1) > catalog_rate() + 0.5, "each step has its price"


def test_the_eta_is_the_catalogs_until_something_was_measured(lab):
    experiment_id = lab.submit(
        seeds=4, epochs=10, dataset={"name": "mnist", "train_size": 6000, "validation_split": 0.5}
    )
    eta = lab.progress(experiment_id).eta_seconds
    assert eta == pytest.approx(4 * 10 * 3 * catalog_rate(), abs=0.01)
    first, second = lab.taken("one"), lab.taken("two")
    assert lab.progress(experiment_id).eta_seconds == pytest.approx(eta / 2, abs=0.01)
    lab.epoch(first, 1, epoch_seconds=2.0)
    assert lab.progress(experiment_id).eta_seconds == pytest.approx(39 * 2.0 / 2)
    lab.epoch(second, 1, epoch_seconds=4.0)
    assert lab.progress(experiment_id).eta_seconds == pytest.approx(38 * 3.0 / 2)


def test_another_experiments_measure_is_better_than_the_catalogs(lab):
    lab.submit(epochs=1, dataset={"name": "mnist", "train_size": 1000})
    lab.train_all(epoch_seconds=0.5)
    experiment_id = lab.submit(epochs=3, dataset={"name": "mnist", "train_size": 4000})
    assert lab.progress(experiment_id).eta_seconds == pytest.approx(3 * 4 * 0.5)
    small = MODEL | {"channels": [4, 8]}
    other_model = lab.submit(epochs=3, dataset={"name": "mnist", "train_size": 4000}, model=small)
    expected = 3 * 4 * catalog_rate(small)
    assert lab.progress(other_model).eta_seconds == pytest.approx(expected, abs=0.01)


def test_samples_are_counted_in_sql_as_at_the_door(lab):
    rate = catalog_rate(batch_size=1)
    splits = [0.0, 0.1, 0.29, 1 / 3, 0.57, 0.9]
    datasets = [
        {"name": "mnist", "train_size": 1000 + n, "validation_split": split}
        for n, split in enumerate(splits)
    ]
    datasets += [
        {"name": "mnist", "train_size": 1003, "folds": 4, "fold": fold} for fold in range(4)
    ]
    for dataset in datasets:
        experiment_id = lab.submit(dataset=dataset, batch_size=1, epochs=1)
        config = RunConfig.model_validate(lab.runs(experiment_id)[0].config)
        with lab.sessions() as session:
            (seconds,) = cost.seconds_per_epoch(session, [experiment_id]).values()
        expected = training_samples(config.dataset) / 1000 * rate
        assert abs(seconds - expected) < rate / 2000  # half a sample


def test_runs_that_are_packed_are_reckoned_with_their_share(lab):
    alone, many = estimated(lab), estimated(lab, seeds=64)
    assert alone.seconds == pytest.approx(5 * in_packs(1), abs=0.002)
    assert many.seconds == pytest.approx(64 * 5 * in_packs(32), abs=0.002)
    assert many.seconds < 64 * alone.seconds / 5
    assert many.training_samples == 64 * 5 * 1000
    (rate,) = many.rates
    assert (rate.basis, rate.runs) == ("catalog", 0)
    assert rate.seconds_per_thousand_samples == pytest.approx(in_packs(32), abs=1e-6)


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
    key = workload(SMALL["model"] | {"hidden_units": units}, dataset, batch_size)
    for members, gain in gains.items():
        assert expected_seconds(key, SOLO) / expected_seconds(key, members) == pytest.approx(
            gain, rel=0.35
        )


def test_only_what_can_be_packed_together_shares(lab):
    mixed = estimated(lab, seeds=4, clipping=["none", "norm", "value"])
    assert mixed.seconds == pytest.approx(12 * 5 * in_packs(4), abs=0.002)
    sizes = [DIGITS | {"train_size": 500}, DIGITS]
    (rate,) = estimated(lab, seeds=[1], dataset=sizes).rates
    assert rate.seconds_per_thousand_samples == pytest.approx(in_packs(1), abs=1e-6)
    uneven = estimated(lab, seeds=[1], activation=["relu", "tanh", "elu", "prelu"])
    assert uneven.seconds == pytest.approx(5 * (3 * in_packs(3) + in_packs(1)), abs=0.002)


def test_packs_are_as_large_as_the_setting_lets_them(lab):
    each_alone = estimated(lab, seeds=12, pack_size=1)
    assert each_alone.seconds == pytest.approx(12 * 5 * in_packs(1), abs=0.002)
    assert estimated(lab, seeds=12, pack_size=4).seconds < each_alone.seconds / 2


def test_what_is_never_packed_is_reckoned_plainly(lab):
    large = SMALL["model"] | {"hidden_units": [900]}
    cost_of_large = estimated(lab, seeds=8, model=large)
    expected = expected_seconds(workload(large, "digits", 32), SOLO)
    assert cost_of_large.seconds == pytest.approx(8 * 5 * expected, abs=0.002)
    cnns = estimated(lab, seeds=8, model="mnist_cnn", dataset="mnist", batch_size=128)
    assert cnns.rates[0].seconds_per_thousand_samples == pytest.approx(catalog_rate(), abs=1e-6)


def test_no_epochs_cost_nothing(lab):
    found = estimated(lab, epochs=0, seeds=2)
    assert (found.seconds, found.training_samples) == (0, 0)
    assert found.rates[0].seconds_per_thousand_samples == pytest.approx(in_packs(2), abs=1e-6)


@pytest.mark.parametrize(("trained", "planned"), [(16, 1), (1, 16), (16, 16)])
def test_what_a_pack_took_is_reckoned_over_to_another(lab, trained, planned):
    """A run alone takes several times what one of a pack does."""
    lab.submit(**SMALL, seeds=trained)
    for claim in lab.pack():
        lab.train(claim, epoch_seconds=2 * in_packs(trained))
    found = estimated(lab, seeds=planned)
    assert found.seconds == pytest.approx(2 * planned * 5 * in_packs(planned), abs=0.002)
    assert (found.rates[0].basis, found.rates[0].runs) == ("measured", trained)
    assert estimated(lab, batch_size=64).rates[0].basis == "catalog"
    waiting = lab.submit(**SMALL, seeds=[*range(100, 100 + planned)])
    assert epoch_seconds(lab, waiting) == pytest.approx(2 * in_packs(planned))


def test_runs_of_a_pack_are_told_from_those_taken_one_by_one(lab):
    lab.submit(**SMALL, seeds=4)
    while claim := lab.claim():
        lab.train(claim, epoch_seconds=in_packs(1))
    assert estimated(lab).seconds == pytest.approx(5 * in_packs(1), abs=0.002)
    # Histories that an experiment takes over were not trained as one pack.
    lab.submit(**SMALL, seeds=4)
    found = estimated(lab)
    assert found.seconds == pytest.approx(5 * in_packs(1), abs=0.002)
    assert found.rates[0].runs == 4


def test_the_eta_counts_what_waits_to_be_packed(lab):
    one = lab.submit(**SMALL, seeds=3)
    assert epoch_seconds(lab, one) == pytest.approx(in_packs(3))
    assert lab.progress(one).eta_seconds == pytest.approx(15 * in_packs(3), abs=0.001)
    others = lab.submit(**SMALL | {"clipping": "norm"}, seeds=40)
    assert epoch_seconds(lab, others) == pytest.approx(in_packs(32))
    assert epoch_seconds(lab, one) == pytest.approx(in_packs(3))
    more = lab.submit(**SMALL, seeds=[7, 8], priority=1)
    for each in (one, more):
        assert epoch_seconds(lab, each) == pytest.approx(in_packs(5))
    assert len(lab.pack()) == 5
    assert epoch_seconds(lab, one) == pytest.approx(in_packs(3)), "in training"
