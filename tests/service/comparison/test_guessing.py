"""What guessing gets where no run has recorded the targets: as the catalog tells."""

import math

import pytest
import torch

from service.catalog.metrics import METRICS
from service.comparison.guessing import guess
from service.comparison.known_targets import RecordedTargets
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from service.specs.uploads import UploadedFacts
from workers.datasets.loading import load
from workers.nn.losses import LOSSES

TABLE = "019ac4f2-9a1c-7b52-8d0e-4f1c2a6b7d30"
SHARES = (535 / 600, 41 / 600, 24 / 600)
COUNTED = RecordedTargets(shares={"validation": SHARES})


def configuration(dataset, **fields):
    """A configuration as JSON; of an upload of three classes where ``dataset`` is None."""
    uploads = {TABLE: UploadedFacts("ab" * 32, (4,), 3, None, 0.9, 480, 120)}
    spec = {"activation": "relu", "model": {"name": "mlp", "hidden_units": [4]}, "batch_size": 10}
    dataset = dataset or {"name": "uploaded", "id": TABLE}
    asked = ExperimentSpec.model_validate(spec | {"dataset": dataset} | fields)
    (run,) = expand(asked, Limits(), uploads)
    return run


def test_the_loss_of_unbalanced_classes_is_their_entropy():
    of_three = configuration(None).configuration.values
    entropy = -sum(share * math.log(share) for share in SHARES)
    assert guess("val_loss", of_three, COUNTED) == pytest.approx(entropy)
    assert round(entropy, 2) == 0.41
    # Of the largest class alone it is known how large it is: 0.9, and 0.05 for each other.
    known = 0.9 * math.log(0.9) + 0.1 * math.log(0.05)
    assert guess("val_loss", of_three) == pytest.approx(-known)
    assert guess("val_accuracy", of_three, COUNTED) == SHARES[0]
    ten = configuration({"name": "fashion_mnist"}).configuration.values
    assert guess("val_loss", ten) == pytest.approx(math.log(10))
    assert guess("val_binary_accuracy", ten) == pytest.approx(0.9)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("name", ["categorical_crossentropy", "binary_crossentropy"])
def test_no_constant_outputs_have_a_lower_loss(name, smoothing):
    loss = {"name": name, "label_smoothing": smoothing}
    config = configuration(None, loss=loss).configuration.values
    labels = torch.repeat_interleave(torch.arange(3), torch.tensor([535, 41, 24]))
    function = LOSSES[name](label_smoothing=smoothing).function
    logits = torch.zeros(3, dtype=torch.double, requires_grad=True)
    steps = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe")

    def cost():
        steps.zero_grad()
        mean = function(logits.expand(len(labels), 3), labels)
        mean.backward()
        return mean

    steps.step(cost)
    assert guess("val_loss", config, COUNTED) == pytest.approx(cost().item(), abs=1e-6)


def test_a_class_without_validation_samples_counts_among_the_outputs():
    config = configuration(None, loss="binary_crossentropy").configuration.values
    counted = RecordedTargets(shares={"validation": (0.75, 0.25)})
    right = (0.75 + 0.75 + 1) / 3
    assert guess("val_binary_accuracy", config, counted) == pytest.approx(right)


@pytest.mark.parametrize("noise", [{}, {"noise": 5.0}, {"noise": 2.0, "outliers": 0.1}])
@pytest.mark.parametrize("split", [0.0, 0.5])
def test_noise_and_outliers_count_in_the_errors_of_guessing(noise, split):
    sizes = {"train_size": 60_000, "test_size": 30_000, "validation_split": split}
    for name in ("mean_squared_error", "mean_absolute_error", "huber"):
        run = configuration({"name": "friedman"} | sizes | noise, loss=name)
        data = load(run.config.dataset)
        labels, scale = data.validation.labels.double(), data.targets.deviation
        found = {
            metric: guess(metric, run.configuration.values)
            for metric in ("val_rmse", "val_mae", "rmse", "val_loss")
        }
        function = LOSSES[name](**({"delta": 1.0} if name == "huber" else {})).function
        expected = {
            "val_rmse": scale * labels.square().mean().sqrt().item(),
            "val_mae": scale * labels.abs().mean().item(),
            "rmse": scale,
            "val_loss": function(torch.zeros(len(labels), 1).double(), labels).item(),
        }
        assert found == pytest.approx(expected, rel=0.06), name


def test_a_deviation_that_was_recorded_keeps_the_shape():
    run = configuration({"name": "friedman"}, loss="mean_absolute_error")
    config = run.configuration.values
    recorded = RecordedTargets(deviations={"validation": 10.0, "training": 8.0})
    flatness = guess("val_mae", config) / guess("val_rmse", config)
    assert guess("val_rmse", config, recorded) == 10.0
    assert guess("val_mae", config, recorded) == pytest.approx(10 * flatness, rel=1e-5)
    assert guess("val_loss", config, recorded) == pytest.approx(10 / 8 * flatness, rel=1e-5)
    assert guess("rmse", config, recorded) == 8.0


def test_guessing_has_every_measure_of_a_part_and_no_time():
    config = configuration({"name": "diabetes"}).configuration.values
    for name, metric in METRICS.items():
        if metric.part is None:
            assert guess(name, config) is None
        elif metric.task != "classification":
            assert guess(name, config) >= 0
    assert guess("test_rmse", config) == 80.2
    assert guess("val_r2", config) == 0
