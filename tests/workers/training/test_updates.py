"""Update ratios: which steps are measured, and that they are what the weights show."""

import pytest
import torch

from tests.support.packed_training import runs_of
from workers.datasets.loading import load
from workers.training.packed.training import PackedTraining
from workers.training.probing import Probing
from workers.training.results import EpochResult, Pulse
from workers.training.solo import SoloTraining
from workers.training.updates import STEPS, MeasuredSteps, unmeasured, update_ratios

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(1, [0]), (3, [0, 1, 2]), (5, [0, 1, 2, 3, 4]), (101, [0, 25, 50, 75, 100])],
)
def test_few_steps_of_an_epoch_are_measured_evenly_spaced(steps, expected):
    measured = MeasuredSteps(Probing(10, frozenset({0, 9})), steps)
    found = {step: measured.slot(1, step) for step in range(steps)}
    assert [step for step, slot in found.items() if slot is not None] == expected
    assert [found[step] for step in expected] == list(range(len(expected)))


def test_early_epochs_and_those_that_are_probed_are_measured():
    measured = MeasuredSteps(Probing(10, frozenset({0, 3, 20})), 10)
    epochs = [epoch for epoch in range(1, 21) if measured.slot(epoch, 0) is not None]
    assert epochs == [1, 2, 3, 4, 8, 16, 20]
    off = MeasuredSteps(Probing(0, frozenset()), 10)
    assert off.slot(1, 0) is None


def test_a_ratio_is_the_change_over_the_weights():
    before = [torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.zeros(2, 1)]
    after = [torch.tensor([[3.0, 4.5], [1.0, 0.0]]), torch.ones(2, 1)]
    ratios = update_ratios(before, after)
    assert ratios.shape == (2, 2)
    assert ratios[:, 0].tolist() == pytest.approx([0.1, 0.0])
    assert not ratios[:, 1].isfinite().any()
    assert unmeasured(3).shape == (STEPS, 3)


def test_a_probe_tells_the_median_of_each_layer(configure):
    config = configure(
        layer_statistics={"every": 1, "samples": 50},
        batch_size=100,
        optimizer={"name": "sgd", "learning_rate": 0.1},
    )
    training = SoloTraining(config, 3, load(config.dataset), CPU)
    weights = [layer.weighted.weight for layer in training.network.hidden_layers()]
    seen = []
    step = training.optimizer.step

    def watched():
        before = [weight.detach().clone() for weight in weights]
        step()
        after = [weight.detach() for weight in weights]
        seen.append(update_ratios([w.flatten() for w in before], [w.flatten() for w in after]))

    training.optimizer.step = watched
    (result,) = (item for item in training.run() if isinstance(item, EpochResult))
    for number, layer in enumerate(result.statistics.layers[:-1]):
        median = torch.stack([ratios[number] for ratios in seen]).median().item()
        assert layer.update_ratio == pytest.approx(median, rel=1e-5)


def test_the_largest_steps_are_known_when_a_schedule_has_ended():
    """Probed at the end only, when the rate is a millionth of what it was."""
    runs, data = runs_of(
        {
            "optimizer": {
                "name": "sgd",
                "learning_rate": [1.0, 0.1],
                "schedule": {"name": "step", "every": 1, "factor": 1e-3},
            },
            "layer_statistics": {"every": 100, "samples": 20},
            "epochs": 3,
            "seeds": [3],
        }
    )
    for number, run in enumerate(runs):
        rounds = [r for r in PackedTraining(runs, data, CPU).run() if not isinstance(r, Pulse)]
        alone = [r for r in SoloTraining(*run, data, CPU).run() if not isinstance(r, Pulse)]
        (layer, *_) = alone[-1].statistics.layers
        assert (layer.largest_update_epoch, layer.update_ratio < 1e-5) == (1, True)
        assert layer.largest_update_ratio > 1e3 * layer.update_ratio
        packed = rounds[-1][number].statistics.layers[0]
        assert packed.largest_update_epoch == 1
        assert packed.largest_update_ratio == pytest.approx(layer.largest_update_ratio, rel=1e-3)


@pytest.mark.parametrize("ends_at", [1, 2])
def test_a_resume_knows_the_largest_steps_before_it(ends_at):
    runs, data = runs_of(
        {
            "optimizer": {
                "name": "sgd",
                "learning_rate": 0.1,
                "schedule": {"name": "step", "every": 1, "factor": 0.1},
            },
            "layer_statistics": {"every": 100, "samples": 20},
            "epochs": 3,
            "seeds": [3],
        }
    )

    def largest(training):
        results = [item for item in training.run() if isinstance(item, EpochResult)]
        return [layer.largest_update_ratio for layer in results[-1].statistics.layers]

    whole = largest(SoloTraining(*runs[0], data, CPU))
    first, again = (SoloTraining(*runs[0], data, CPU) for _ in range(2))
    for item in first.run():
        if isinstance(item, EpochResult) and item.epoch == ends_at:
            break
    again.restore(first.state())
    assert largest(again) == whole
    older = {name: value for name, value in first.state().items() if name != "largest_updates"}
    again.restore(older)  # a checkpoint of a version that did not keep them


def test_members_of_a_pack_have_ratios_of_their_own():
    runs, data = runs_of(
        {
            "optimizer": [{"name": "sgd", "learning_rate": rate} for rate in (0.01, 0.02)],
            "layer_statistics": {"every": 1, "samples": 20},
            "epochs": 1,
            "seeds": [3],
        }
    )

    def first_ratios(members):
        rounds = [r for r in PackedTraining(members, data, CPU).run() if not isinstance(r, Pulse)]
        return [
            rounds[-1][number].statistics.layers[0].update_ratio for number in range(len(members))
        ]

    together = first_ratios(runs)
    assert together == [first_ratios([run])[0] for run in runs]
    # The same first steps at twice the rate are about twice as large.
    assert together[1] == pytest.approx(2 * together[0], rel=0.2)
