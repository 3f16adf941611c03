"""Losses and accuracies against formulas in float64."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp

from workers.nn.losses import LOSSES, accuracy, binary_accuracy


def cases():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 10, 64)
    return [
        (spread * generator.standard_normal((64, 10)), labels) for spread in (0.1, 1, 3, 10, 100)
    ]


def reference(logits, labels):
    """Mean over outputs of -(t log p + (1-t) log(1-p)), p the sigmoid of each logit."""
    t = np.eye(10)[labels]
    return (t * np.logaddexp(0, -logits) + (1 - t) * np.logaddexp(0, logits)).mean()


def tensors(logits, labels, dtype=torch.float32):
    return torch.tensor(logits, dtype=dtype), torch.tensor(labels)


@pytest.mark.parametrize(("logits", "labels"), cases())
def test_categorical_crossentropy(logits, labels):
    expected = (logsumexp(logits, axis=1) - logits[np.arange(64), labels]).mean()
    loss = LOSSES["categorical_crossentropy"](label_smoothing=0.0).function(
        *tensors(logits, labels)
    )
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("logits", "labels"), cases())
def test_binary_crossentropy(logits, labels):
    loss = LOSSES["binary_crossentropy"](label_smoothing=0.0).function(*tensors(logits, labels))
    assert loss.item() == pytest.approx(reference(logits, labels), rel=1e-5)


@pytest.mark.parametrize("margin", [4, 8, 12, 16])
def test_binary_crossentropy_keeps_its_digits_when_confidently_wrong(margin):
    logits = np.zeros((1, 10))
    logits[0, 3] = margin
    labels = np.array([5])
    loss = LOSSES["binary_crossentropy"](label_smoothing=0.0).function(*tensors(logits, labels))
    assert loss.item() == pytest.approx(reference(logits, labels), rel=2e-6)


def test_binary_crossentropy_has_the_right_gradient():
    loss = LOSSES["binary_crossentropy"](label_smoothing=0.0).function
    for logits, labels in cases()[:3]:
        x, y = tensors(logits, labels, torch.float64)
        x.requires_grad_()
        (slope,) = torch.autograd.grad(loss(x, y), x)
        for row, column in [(0, 0), (5, labels[5]), (9, 4), (63, 9)]:
            step = np.zeros_like(logits)
            step[row, column] = 1e-5
            difference = reference(logits + step, labels) - reference(logits - step, labels)
            assert slope[row, column].item() == pytest.approx(difference / 2e-5, rel=1e-4, abs=1e-9)


def test_surely_wrong_outputs_keep_a_finite_loss_and_their_gradient():
    x, y = tensors(np.array([[1e4] + [-1e4] * 9]), np.array([1]))
    x.requires_grad_()
    loss = LOSSES["binary_crossentropy"](label_smoothing=0.0).function(x, y)
    (slope,) = torch.autograd.grad(loss, x)
    assert loss.item() == pytest.approx(2e4 / 10)
    assert slope[0, :3].tolist() == pytest.approx([0.1, -0.1, 0])


def test_accuracies():
    for logits, labels in cases():
        p = np.exp(logits - logsumexp(logits, axis=1, keepdims=True))
        x, y = tensors(logits, labels)
        assert accuracy(x, y).mean().item() == pytest.approx((p.argmax(1) == labels).mean())
        element_wise = ((logits > 0) == np.eye(10, dtype=bool)[labels]).mean()
        assert binary_accuracy(x, y).mean().item() == pytest.approx(element_wise)


def test_a_single_sigmoid_unit_tells_two_classes_apart():
    generator = np.random.default_rng(1)
    logits, labels = 5 * generator.standard_normal((64, 1)), generator.integers(0, 2, 64)
    p = 1 / (1 + np.exp(-logits[:, 0]))
    expected = -np.where(labels == 1, np.log(p), np.log1p(-p)).mean()
    loss = LOSSES["binary_crossentropy"](label_smoothing=0.0)
    x, y = tensors(logits, labels)
    assert loss.function(x, y).item() == pytest.approx(expected, rel=1e-5)
    for metric in loss.metrics.values():
        assert metric(x, y).mean().item() == pytest.approx(((p > 0.5) == labels).mean())


def test_metrics_of_each_loss():
    assert list(LOSSES["categorical_crossentropy"](label_smoothing=0.0).metrics) == ["accuracy"]
    assert list(LOSSES["binary_crossentropy"](label_smoothing=0.0).metrics) == [
        "accuracy",
        "binary_accuracy",
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_output_that_is_not_finite_is_wrong(value):
    # Of NaN and infinity argmax and ">" would choose a class, often the true one.
    for column in (0, 1):
        logits = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
        logits[0, column] = value
        for label in (0, 1):
            labels = torch.full((2,), label)
            assert accuracy(logits, labels).tolist() == [0.0, 1.0 - label]
            assert binary_accuracy(logits, labels)[0] == 0
    one = torch.tensor([[value], [1.0]])
    for label in (0, 1):
        labels = torch.full((2,), label)
        assert accuracy(one, labels).tolist() == [0.0, float(label)]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
@pytest.mark.parametrize(("logits", "labels"), cases())
def test_smoothed_labels_are_torchs(logits, labels, smoothing):
    loss = LOSSES["categorical_crossentropy"](label_smoothing=smoothing)
    x, y = tensors(logits, labels, torch.float64)
    expected = torch.nn.functional.cross_entropy(x, y, label_smoothing=smoothing)
    assert loss.function(x, y).item() == pytest.approx(expected.item(), rel=1e-12)
    logs = logits - logsumexp(logits, axis=1, keepdims=True)
    targets = np.eye(10)[labels] * (1 - smoothing) + smoothing / 10
    per_sample = -(targets * logs).sum(1)
    np.testing.assert_allclose(loss.per_sample(x, y).numpy(), per_sample, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("outputs", [1, 10])
def test_smoothed_targets_of_sigmoids_are_keras(outputs):
    """y (1 - s) + s / 2, as keras.losses.BinaryCrossentropy documents it."""
    generator = np.random.default_rng(2)
    logits = 3 * generator.standard_normal((64, outputs))
    labels = generator.integers(0, max(outputs, 2), 64)
    truth = np.eye(10)[labels] if outputs > 1 else labels[:, None]
    t = truth * 0.8 + 0.1
    expected = (t * np.logaddexp(0, -logits) + (1 - t) * np.logaddexp(0, logits)).mean(1)
    loss = LOSSES["binary_crossentropy"](label_smoothing=0.2)
    x, y = tensors(logits, labels, torch.float64)
    np.testing.assert_allclose(loss.per_sample(x, y).numpy(), expected, rtol=1e-10)
    assert loss.function(x, y).item() == pytest.approx(expected.mean(), rel=1e-10)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("classes", [1, 2, 3, 10])
def test_a_sample_with_one_odd_output_is_wrong_by_every_metric(classes, value):
    for name in ("categorical_crossentropy", "binary_crossentropy"):
        for metric in LOSSES[name](label_smoothing=0.0).metrics.values():
            for column in range(classes):
                labels = torch.arange(max(classes, 2))
                logits = 9.0 * torch.eye(max(classes, 2), classes) - 1
                if classes == 1:
                    logits = torch.tensor([[-1.0], [1.0]])
                assert metric(logits, labels).tolist() == [1.0] * len(labels), name
                logits[:, column] = value
                assert metric(logits, labels).tolist() == [0.0] * len(labels), name


def huber(errors, delta):
    size = np.abs(errors)
    return np.where(size <= delta, errors**2 / 2, delta * (size - delta / 2))


@pytest.mark.parametrize(
    ("name", "parameters", "formula"),
    [
        ("mean_squared_error", {}, np.square),
        ("mean_absolute_error", {}, np.abs),
        ("huber", {"delta": 0.5}, lambda errors: huber(errors, 0.5)),
        ("huber", {"delta": 2.0}, lambda errors: huber(errors, 2.0)),
    ],
)
def test_losses_of_numbers(name, parameters, formula):
    generator = np.random.default_rng(3)
    outputs, targets = 3 * generator.standard_normal((64, 1)), generator.standard_normal(64)
    errors = outputs[:, 0] - targets
    loss = LOSSES[name](**parameters)
    x, y = tensors(outputs, targets, torch.float64)
    np.testing.assert_allclose(loss.per_sample(x, y).numpy(), formula(errors), rtol=1e-12)
    assert loss.function(x, y).item() == pytest.approx(formula(errors).mean(), rel=1e-12)
    measured = {name: measure(x, y).numpy() for name, measure in loss.metrics.items()}
    np.testing.assert_allclose(measured["absolute_error"], np.abs(errors), rtol=1e-12)
    np.testing.assert_allclose(measured["squared_error"], errors**2, rtol=1e-12)
