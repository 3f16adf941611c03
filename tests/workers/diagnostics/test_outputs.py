"""Outputs by class, against numpy's histograms."""

import json
import math

import numpy as np
import pytest
import torch

from workers.diagnostics.outputs import LOSS_BINS, MOST_CLASSES, PROBABILITY_BINS, OutputGathering
from workers.nn.losses import binary_crossentropy, categorical_crossentropy

LOGITS = torch.randn(500, 3, generator=torch.Generator().manual_seed(1)) * 4
LABELS = torch.arange(500) % 3


def gathered(logits, labels, *, classes=3, loss=categorical_crossentropy, chunks=1):
    gathering = OutputGathering(loss(label_smoothing=0.0).per_sample, classes)
    for part in zip(logits.chunk(chunks), labels.chunk(chunks), strict=True):
        gathering.add(*part)
    return gathering.outputs()


def test_several_logits_are_a_softmax():
    found = gathered(LOGITS, LABELS)
    logits = LOGITS.double().numpy()
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert found.samples == 500
    assert [of_class.label for of_class in found.classes] == [0, 1, 2]
    for of_class in found.classes:
        rows = LABELS.numpy() == of_class.label
        true = shares[rows, of_class.label]
        assert of_class.count == rows.sum()
        assert of_class.right == (shares[rows].argmax(1) == of_class.label).sum()
        expected = np.histogram(true, found.probability_edges)[0]
        np.testing.assert_array_equal(of_class.probabilities, expected)
        expected = np.histogram(np.clip(-np.log(true), 1e-7, 99.99), found.loss_edges)[0]
        np.testing.assert_array_equal(of_class.losses, expected)


def test_the_confusion_counts_predictions_by_true_class():
    found = gathered(LOGITS, LABELS, chunks=3)
    predicted = LOGITS.numpy().argmax(1)
    expected = [
        [int(((LABELS.numpy() == true) & (predicted == guess)).sum()) for guess in range(3)]
        for true in range(3)
    ]
    assert found.confusion == expected
    assert [of_class.right for of_class in found.classes] == [expected[at][at] for at in range(3)]


def test_one_logit_is_that_of_class_one():
    logits = torch.tensor([[3.0], [-1.0], [2.0], [-4.0]])
    labels = torch.tensor([1, 1, 0, 0])
    found = gathered(logits, labels, classes=2, loss=binary_crossentropy)
    zero, one = found.classes
    assert (zero.right, one.right) == (1, 1)
    assert found.confusion == [[1, 1], [1, 1]]
    sigmoid = 1 / (1 + np.exp(-logits.numpy()[:, 0]))
    for of_class, true in ((one, sigmoid[:2]), (zero, 1 - sigmoid[2:])):
        assert sum(of_class.probabilities) == sum(of_class.losses) == of_class.count == 2
        expected = np.histogram(true, found.probability_edges)[0]
        assert of_class.probabilities == expected.tolist()
        assert of_class.losses == np.histogram(-np.log(true), found.loss_edges)[0].tolist()


def test_chunks_make_no_difference():
    assert gathered(LOGITS, LABELS, chunks=7) == gathered(LOGITS, LABELS)


def test_the_ends_of_the_bins_take_what_is_beyond():
    logits = torch.tensor([[200.0, 0.0], [-200.0, 0.0], [math.nan, 0.0], [math.inf, 0.0]])
    found = gathered(logits, torch.zeros(4, dtype=torch.int64), classes=2)
    assert found.confusion == [[1, 1], [0, 0]]
    (only,) = found.classes
    assert (only.count, only.non_finite, only.right) == (4, 2, 1)
    assert (only.probabilities[0], only.probabilities[-1]) == (1, 1)
    assert (only.losses[0], only.losses[-1]) == (1, 1)
    assert len(only.probabilities) == PROBABILITY_BINS
    assert len(only.losses) == LOSS_BINS


def test_of_many_classes_the_first_are_kept():
    labels = torch.arange(300)
    found = gathered(torch.zeros(300, 300), labels, classes=300)
    assert found.samples == 300
    assert [of_class.label for of_class in found.classes] == list(range(MOST_CLASSES))
    assert found.confusion is None
    labels = torch.arange(MOST_CLASSES)
    kept = gathered(torch.eye(MOST_CLASSES), labels, classes=MOST_CLASSES).confusion
    assert kept == torch.eye(MOST_CLASSES, dtype=torch.int64).tolist()


def test_it_is_plain_data_and_small():
    stored = json.dumps(gathered(LOGITS, LABELS).as_dict())
    assert len(stored) < 5_000
    assert json.loads(stored)["loss_edges"][:9:8] == pytest.approx([1e-7, 1e-6])
