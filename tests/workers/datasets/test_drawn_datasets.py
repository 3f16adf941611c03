"""Drawn data sets: geometry and distribution, streams, prefixes, bits that stay."""

import hashlib
import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_circles, make_moons

from service.specs.choices import choice
from workers.datasets.loading import DATASETS, load

DRAWN = ["circles", "moons", "ball", "friedman"]


def drawn(name, **parameters):
    chosen = choice("dataset", {"name": name, **parameters}).parameters
    shared = {"validation_split", "folds", "fold", "preprocessing"}
    own = {name: chosen[name] for name in chosen.keys() - shared}
    return DATASETS[name](Path("nowhere"), **own)


@pytest.mark.parametrize(
    ("name", "sizes", "features"),
    [
        ("circles", (300, 100), 2),
        ("moons", (300, 100), 2),
        ("ball", (1000, 1000), 10),
        ("hypercube", (768, 256), 10),
        ("parabola", (1500, 500), 2),
    ],
)
def test_what_a_spec_of_the_name_alone_gives(name, sizes, features):
    data = load(choice("dataset", name))
    assert (len(data.train), len(data.validation)) == sizes
    assert data.input_shape == (features,)
    assert data.classes == 2
    samples = drawn(name)
    np.testing.assert_array_equal(data.train.inputs, samples.train_inputs.astype(np.float32))
    np.testing.assert_array_equal(data.validation.labels, samples.test_labels)


@pytest.mark.parametrize("name", DRAWN)
def test_fewer_points_are_the_first_of_more(name):
    most = drawn(name, train_size=2500, test_size=1700)
    for train_size, test_size in [(1, 1), (299, 101), (300, 100), (1250, 1699)]:
        few = drawn(name, train_size=train_size, test_size=test_size)
        assert len(few.train_inputs) == len(few.train_labels) == train_size
        assert len(few.test_inputs) == len(few.test_labels) == test_size
        np.testing.assert_array_equal(few.train_inputs, most.train_inputs[:train_size])
        np.testing.assert_array_equal(few.train_labels, most.train_labels[:train_size])
        np.testing.assert_array_equal(few.test_inputs, most.test_inputs[:test_size])
        np.testing.assert_array_equal(few.test_labels, most.test_labels[:test_size])


@pytest.mark.parametrize("name", DRAWN)
def test_every_part_of_every_seed_has_points_of_its_own(name):
    samples = [drawn(name, seed=seed, train_size=700, test_size=700) for seed in range(4)]
    parts = [part for sample in samples for part in (sample.train_inputs, sample.test_inputs)]
    seen = [set(map(bytes, part)) for part in parts]
    assert all(len(part) == 700 for part in seen)
    assert not any(a & b for a, b in itertools.combinations(seen, 2))
    # Two parts that shared a stream of noise would be correlated.
    coordinates = np.array([part.ravel() for part in parts])
    correlations = np.corrcoef(coordinates) - np.eye(len(parts))
    assert np.abs(correlations).max() < 5 / np.sqrt(1400)


@pytest.mark.parametrize("name", ["circles", "moons"])
def test_classes_are_balanced(name):
    samples = drawn(name, train_size=900, test_size=300)
    assert np.bincount(samples.train_labels).tolist() == [450, 450]
    assert np.bincount(samples.test_labels).tolist() == [150, 150]


def test_circles_of_seed_one_are_those_of_the_exercise():
    samples = drawn("circles")
    for found, size, state in [
        ((samples.train_inputs, samples.train_labels), 300, 1),
        ((samples.test_inputs, samples.test_labels), 100, 2),
    ]:
        inputs, labels = make_circles(n_samples=size, noise=0.05, random_state=state)
        np.testing.assert_array_equal(found[0], inputs)
        np.testing.assert_array_equal(found[1], labels)


def test_moons_of_seed_one_are_those_of_scikit_learn():
    inputs, labels = make_moons(n_samples=300, noise=0.1, random_state=1)
    samples = drawn("moons")
    np.testing.assert_array_equal(samples.train_inputs, inputs)
    np.testing.assert_array_equal(samples.train_labels, labels)


def test_circles_have_their_radii():
    exact = drawn("circles", noise=0.0, factor=0.3, train_size=500)
    radii = np.hypot(*exact.train_inputs.T)
    np.testing.assert_allclose(radii, np.where(exact.train_labels == 1, 0.3, 1.0), rtol=1e-12)
    noisy = drawn("circles", noise=0.2, factor=0.5, train_size=60_000)
    squares = (noisy.train_inputs**2).sum(axis=1)
    # E|r + e|^2 = r^2 + 2 sigma^2 in the plane.
    for label, radius in [(0, 1.0), (1, 0.5)]:
        expected = radius**2 + 2 * 0.2**2
        assert squares[noisy.train_labels == label].mean() == pytest.approx(expected, rel=0.01)


def test_moons_are_two_half_circles():
    samples = drawn("moons", noise=0.0, train_size=500)
    (x, y), upper = samples.train_inputs.T, samples.train_labels == 0
    np.testing.assert_allclose(x[upper] ** 2 + y[upper] ** 2, 1.0, rtol=1e-12)
    np.testing.assert_allclose((x[~upper] - 1) ** 2 + (y[~upper] - 0.5) ** 2, 1.0, rtol=1e-12)
    assert y[upper].min() > -1e-12
    assert y[~upper].max() < 0.5 + 1e-12


def test_the_ball_is_filled_evenly_with_unit_deviation():
    inputs = drawn("ball", train_size=100_000).train_inputs
    radius = np.sqrt(12)  # R / sqrt(d + 2) = 1 is the deviation of a coordinate
    lengths = np.linalg.norm(inputs, axis=1)
    assert lengths.max() <= radius
    # The volume within r grows as r^d.
    assert stats.kstest((lengths / radius) ** 10, "uniform").pvalue > 1e-4
    np.testing.assert_allclose(inputs.std(axis=0), 1.0, atol=0.01)
    np.testing.assert_allclose(np.corrcoef(inputs.T), np.eye(10), atol=0.02)
    # A coordinate has the density (1 - t^2)^((d - 1) / 2), a beta distribution.
    for coordinate in inputs.T:
        assert stats.kstest((coordinate / radius + 1) / 2, stats.beta(5.5, 5.5).cdf).pvalue > 1e-5


def test_the_ball_is_labelled_by_the_sum():
    samples = drawn("ball", train_size=100_000)
    farther = np.abs(samples.train_inputs.sum(axis=1)) > np.sqrt(12) / 2
    np.testing.assert_array_equal(samples.train_labels, farther)
    # The sum is sqrt(10) times a coordinate along the diagonal.
    expected = 2 * stats.beta(5.5, 5.5).sf((0.5 / np.sqrt(10) + 1) / 2)
    assert samples.train_labels.mean() == pytest.approx(expected, abs=5 * 0.5 / np.sqrt(100_000))


def test_the_ball_keeps_its_points():
    """Histories are compared over years: the same seed means the same points for good."""
    samples = drawn("ball", seed=13)
    first = [0.9255591210595898, -0.04537537922358185, -1.1013105568858557]
    np.testing.assert_allclose(samples.train_inputs[0, :3], first, rtol=1e-12)
    assert (samples.train_labels.sum(), samples.test_labels.sum()) == (611, 593)


def _deepreplay(inputs, labels):
    """Its points in its order: shuffled by NumPy's own generator, seeded with 13."""
    order = np.random.RandomState(13).permutation(range(len(inputs)))
    return inputs[order], labels[order]


def test_the_hypercube_is_deepreplays():
    vertices = np.array(list(itertools.product((-1.0, 1.0), repeat=10)))
    high = np.sum(np.clip(vertices, 0, 1), axis=1) >= 5
    inputs, labels = _deepreplay(vertices, high)
    samples = drawn("hypercube", seed=13, train_size=1024, test_size=1024)
    np.testing.assert_array_equal(samples.train_inputs, inputs)
    np.testing.assert_array_equal(samples.train_labels, labels)
    np.testing.assert_array_equal(samples.test_inputs, inputs[::-1])
    np.testing.assert_array_equal(samples.test_labels, labels[::-1])
    assert samples.train_labels.sum() == 638  # 252 with five ones, and half of the others


def test_the_parabolas_are_deepreplays():
    x = np.linspace(-1, 1, 1000)
    curves = [np.vstack([x, np.square(x)]), np.vstack([x, np.square(x) - 0.5])]
    both = np.concatenate(curves, axis=1).transpose()
    inputs, labels = _deepreplay(both, np.repeat([0, 1], 1000))
    samples = drawn("parabola", seed=13, train_size=2000, test_size=1)
    np.testing.assert_array_equal(samples.train_inputs, inputs)
    np.testing.assert_array_equal(samples.train_labels, labels)


@pytest.mark.parametrize(("name", "points"), [("hypercube", 1024), ("parabola", 2000)])
def test_parts_of_a_fixed_number_of_points_are_disjoint_and_prefixes(name, points):
    samples = drawn(name, train_size=points - 300, test_size=300, seed=5)
    parts = [set(map(bytes, part)) for part in (samples.train_inputs, samples.test_inputs)]
    assert [len(part) for part in parts] == [points - 300, 300]
    assert not parts[0] & parts[1]
    few = drawn(name, train_size=70, test_size=30, seed=5)
    np.testing.assert_array_equal(few.train_inputs, samples.train_inputs[:70])
    np.testing.assert_array_equal(few.test_inputs, samples.test_inputs[:30])
    other = drawn(name, train_size=70, test_size=30, seed=6)
    assert (other.train_inputs != few.train_inputs).any()


@pytest.mark.parametrize(
    ("name", "points", "bits"),
    [("hypercube", 1024, "f3f3a8cf4b72cb16"), ("parabola", 2000, "9dd9b83a02f0f26f")],
)
def test_shuffled_points_keep_their_bits(name, points, bits):
    samples = drawn(name, seed=13, train_size=points)
    content = samples.train_inputs.tobytes() + samples.train_labels.tobytes()
    assert hashlib.sha256(content).hexdigest()[:16] == bits


def test_temporal_order_is_what_its_letters_say():
    """The classes are read off the sequences, and A and B are nowhere but in two of the tenths."""
    samples = drawn("temporal_order", length=47, train_size=3000)
    assert samples.train_inputs.shape == (3000, 47, 6)
    np.testing.assert_array_equal(samples.train_inputs.sum(2), 1)
    letters = samples.train_inputs.argmax(2)
    places = np.argwhere(letters < 2)[:, 1].reshape(3000, 2)
    assert set(places[:, 0]) == {4, 5, 6, 7}
    assert set(places[:, 1]) == {23, 24, 25, 26}
    first, second = (np.take_along_axis(letters, places[:, [at]], 1)[:, 0] for at in (0, 1))
    np.testing.assert_array_equal(samples.train_labels, first + 2 * second)
    shares = np.bincount(samples.train_labels) / 3000
    np.testing.assert_allclose(shares, 0.25, atol=0.04)
    others = np.bincount(letters.ravel(), minlength=6)[2:] / (3000 * 45)
    np.testing.assert_allclose(others, 0.25, atol=0.01)


def test_temporal_order_draws_each_part_and_seed_anew_and_fewer_are_the_first_of_more():
    few = drawn("temporal_order", train_size=30, test_size=20)
    more = drawn("temporal_order", train_size=300, test_size=200)
    np.testing.assert_array_equal(few.train_inputs, more.train_inputs[:30])
    np.testing.assert_array_equal(few.test_labels, more.test_labels[:20])
    other = drawn("temporal_order", train_size=300, test_size=200, seed=2)
    parts = [more.train_inputs, more.test_inputs, other.train_inputs, other.test_inputs]
    sequences = np.concatenate(parts).reshape(1000, -1)
    assert len(np.unique(sequences, axis=0)) == 1000


def test_temporal_order_keeps_its_bits():
    samples = drawn("temporal_order", train_size=100)
    content = samples.train_inputs.tobytes() + samples.train_labels.tobytes()
    assert hashlib.sha256(content).hexdigest()[:16] == "f85f95ed7186f79e"


def test_a_sequence_is_as_long_as_asked():
    data = load(choice("dataset", {"name": "temporal_order", "length": 12, "train_size": 40}))
    assert data.input_shape == (12, 6)


def test_friedmans_targets_are_the_function_of_his_paper():
    samples = drawn("friedman", noise=0.0, train_size=400)
    expected = [
        10 * np.sin(np.pi * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e
        for a, b, c, d, e, *_ in samples.train_inputs
    ]
    np.testing.assert_allclose(samples.train_labels, expected, rtol=1e-12)
    assert stats.kstest(samples.train_inputs.ravel(), "uniform").pvalue > 0.01


def test_outliers_are_a_share_of_the_training_targets_and_change_nothing_else():
    clean, outlying = (
        drawn("friedman", outliers=share, train_size=4000, test_size=500) for share in (0.0, 0.2)
    )
    np.testing.assert_array_equal(clean.train_inputs, outlying.train_inputs)
    np.testing.assert_array_equal(clean.test_labels, outlying.test_labels)
    noise = clean.train_labels - drawn("friedman", noise=0.0, train_size=4000).train_labels
    moved = outlying.train_labels - clean.train_labels
    np.testing.assert_allclose(moved[moved != 0], 9 * noise[moved != 0], rtol=1e-9)
    assert np.mean(moved != 0) == pytest.approx(0.2, abs=0.03)
    assert stats.kstest(noise, "norm").pvalue > 0.01
