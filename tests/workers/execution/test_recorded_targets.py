"""What guessing gets is read from what workers recorded of the very part that was measured."""

import numpy as np
import pytest
import torch

from service.comparison import scores
from service.comparison.question import Question
from service.specs.choices import choice
from tests.support.small_experiments import submit
from workers.datasets.loading import load
from workers.diagnostics.guessing import chance_loss, constant_loss
from workers.execution.runner import train_waiting_runs
from workers.nn.losses import LOSSES

SMALL = {"model": {"name": "mlp", "hidden_units": [4]}, "epochs": 1, "batch_size": 16}
NUMBERS = {
    "diabetes": {"name": "diabetes", "validation_split": 0.3},
    "folds": {"name": "diabetes", "folds": 3, "fold": 1},
    "noise": {"name": "friedman", "noise": 5.0, "train_size": 300, "test_size": 100},
    "outliers": {"name": "friedman", "outliers": 0.2, "train_size": 300, "validation_split": 0.5},
}
CLASSES = {
    "fewer": {"name": "churn", "train_size": 200, "test_size": 50},
    "split": {"name": "churn", "train_size": 200, "validation_split": 0.2},
    "folds": {"name": "temporal_order", "train_size": 60, "length": 10, "folds": 3, "fold": 2},
}


@pytest.fixture
def guesses(session, sessions, settings, look):
    """Train a configuration; return what guessing gets in the metrics, and its data."""

    def guesses(dataset, metrics, **spec):
        run_ids = submit(session, settings, **SMALL, dataset=dataset, reuse=False, **spec)
        cpu = torch.device("cpu")
        train_waiting_runs(sessions, settings, worker="one", device=cpu, stopping=lambda: False)
        found = []
        for metric in metrics:
            with sessions() as reading:
                experiment_id = look.run(run_ids[0]).experiment_id
                (score,) = scores.read(reading, experiment_id, Question(metric))
            found.append(score.configured.guess)
        return found, load(choice("dataset", dataset))

    return guesses


def test_of_numbers_it_is_the_deviation_of_the_part_that_is_measured(guesses):
    for case, dataset in NUMBERS.items():
        found, data = guesses(dataset, ["val_rmse", "rmse", "val_loss", "val_r2"])
        of_validation = data.validation.labels.double().std(correction=0).item()
        deviation = data.targets.deviation
        expected = [of_validation * deviation, deviation, of_validation**2, 0.0]
        assert found == pytest.approx(expected, rel=1e-5), case
    tested, data = guesses(NUMBERS["diabetes"], ["test_rmse"], loss="huber")
    expected = data.test.labels.double().std(correction=0).item() * data.targets.deviation
    assert tested == pytest.approx([expected], rel=1e-5)


def test_of_classes_it_is_of_the_shares_in_the_validation_part(guesses):
    for case, dataset in CLASSES.items():
        found, data = guesses(dataset, ["val_accuracy", "val_loss"])
        shares = torch.bincount(data.validation.labels).double() / len(data.validation)
        entropy = -(shares * shares.log()).sum().item()
        assert found == pytest.approx([shares.max().item(), entropy]), case
    (found,), _ = guesses(CLASSES["split"], ["val_accuracy"], layer_statistics="off")
    assert found == 0.7975  # of the whole test part, where nobody counted


@pytest.mark.parametrize("loss", ["mean_absolute_error", "huber"])
def test_a_training_loss_of_guessing_is_that_of_the_samples_that_are_probed(guesses, loss):
    samples = {"every": 1, "samples": 150}
    dataset = NUMBERS["outliers"]
    found, data = guesses(dataset, ["loss"], loss=loss, layer_statistics=samples)
    function = LOSSES[loss](**({"delta": 1.0} if loss == "huber" else {})).function
    assert found == pytest.approx([constant_loss(function, data.train.labels)], rel=1e-6)


def test_a_training_loss_of_classes_is_too(guesses):
    smoothed = {"name": "categorical_crossentropy", "label_smoothing": 0.1}
    samples = {"every": 1, "samples": 160}
    found, data = guesses(CLASSES["split"], ["loss"], loss=smoothed, layer_statistics=samples)
    function = LOSSES["categorical_crossentropy"](label_smoothing=0.1).function
    expected = chance_loss(function, data.train.labels, 2, 0.1)
    assert found == pytest.approx([expected], rel=1e-6)


def test_configurations_with_other_data_have_their_own(guesses):
    (found,), _ = guesses(CLASSES["fewer"], ["val_accuracy"])
    (other,), _ = guesses(CLASSES["fewer"] | {"test_size": 30}, ["val_accuracy"])
    labels = load(choice("dataset", CLASSES["fewer"])).validation.labels.numpy()
    largest = [np.bincount(labels[:size]).max() / size for size in (50, 30)]
    assert [found, other] == pytest.approx(largest)
    assert found != other
