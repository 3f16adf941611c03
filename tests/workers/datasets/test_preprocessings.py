"""Preprocessings: exact moments, independent references, nothing learnt from held-out data."""

import numpy as np
import pytest
import scipy.linalg
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from service.specs.choices import choice
from workers.datasets.dataset import DatasetError
from workers.datasets.loading import DATASETS, load
from workers.datasets.preprocessings import PREPROCESSINGS
from workers.datasets.samples import Samples

FITTED = [
    "zero_center",
    "standardize",
    {"name": "pca", "components": 4},
    {"name": "whiten", "epsilon": 1e-3},
]


@pytest.fixture(scope="module")
def points():
    """More correlated points than one block of the computation holds."""
    numbers = np.random.default_rng(1)
    mixing = numbers.normal(size=(6, 6))
    return numbers.normal(size=(9000, 6)) @ mixing + numbers.normal(size=6) * 5


def fitted(name, inputs, largest=None, **parameters):
    return PREPROCESSINGS[name](**parameters)(inputs, largest)


def images(count):
    return load_digits().images[:count, np.newaxis].astype(np.uint8)


def test_zero_center_subtracts_the_mean_of_scaled_pixels():
    train, other = images(1000)[:900], images(1000)[900:]
    apply = fitted("zero_center", train, 16.0)
    assert apply(train).shape == train.shape
    assert apply(train).dtype == np.float32
    np.testing.assert_allclose(apply(train).mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(apply(other), other / 16 - train.mean(axis=0) / 16, atol=1e-6)


def test_zero_center_leaves_points_on_their_scale(points):
    centred = fitted("zero_center", points)(points)
    np.testing.assert_allclose(centred, points - points.mean(axis=0), rtol=1e-5, atol=1e-5)


def test_standardize_gives_exact_moments(points):
    apply = fitted("standardize", points[:5000])
    train = apply(points[:5000]).astype(np.float64)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-7)
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-7)
    reference = StandardScaler().fit(points[:5000])
    np.testing.assert_allclose(
        apply(points[5000:]), reference.transform(points[5000:]), rtol=1e-5, atol=1e-6
    )


def test_standardize_only_centres_what_never_varies():
    train = np.full((50, 2), 0.1)
    train[:, 1] = np.arange(50)
    apply = fitted("standardize", train)
    np.testing.assert_allclose(apply(train)[:, 0], 0, atol=1e-12)
    np.testing.assert_allclose(apply(np.array([[3.1, 0.0]]))[:, 0], 3.0, rtol=1e-6)
    pixels = fitted("standardize", images(300), 16.0)(images(300))
    assert np.isfinite(pixels).all()
    np.testing.assert_array_equal(pixels[:, 0, 0, 0], 0)  # a corner without ink


@pytest.mark.parametrize("components", [1, 10, 40, 64])
def test_pca_is_scikit_learns(components):
    inputs = images(1200)
    train, other = inputs[:1000], inputs[1000:]
    apply = fitted("pca", train, 16.0, components=components)
    reference = PCA(svd_solver="full").fit(train.reshape(1000, -1) / 16)
    for part in (train, other):
        given = apply(part)
        assert given.shape == (len(part), components)
        assert given.dtype == np.float32
        # Beyond the ink's dimensions every axis is as good as any other.
        kept = min(components, 60)
        expected = reference.transform(part.reshape(len(part), -1) / 16)[:, :kept]
        np.testing.assert_allclose(given[:, :kept], expected, atol=1e-5)
    assert load_pca("digits", components=components).input_shape == (components,)


def load_pca(name, components):
    preprocessing = {"name": "pca", "components": components}
    return load(choice("dataset", {"name": name, "preprocessing": preprocessing}))


def test_all_components_keep_every_distance(points):
    rotated = fitted("pca", points, components=6)(points).astype(np.float64)
    np.testing.assert_allclose(
        np.linalg.norm(rotated[:100] - rotated[100:200], axis=1),
        np.linalg.norm(points[:100] - points[100:200], axis=1),
        rtol=1e-5,
    )
    spread = rotated.var(axis=0)
    assert (np.diff(spread) < 0).all()
    np.testing.assert_allclose(np.cov(rotated.T, ddof=0), np.diag(spread), atol=1e-4)


def test_whitened_points_have_the_identity_as_covariance(points):
    apply = fitted("whiten", points, epsilon=1e-8)
    white = apply(points).astype(np.float64)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.cov(white.T, ddof=0), np.eye(6), atol=1e-5)


@pytest.mark.parametrize("epsilon", [1e-4, 0.01, 1.0])
def test_whitening_is_the_symmetric_root(epsilon):
    train, other = images(1200)[:1000], images(1200)[1000:]
    flat = train.reshape(1000, -1) / 16
    covariance = np.cov(flat.T, ddof=0)
    matrix = np.linalg.inv(scipy.linalg.sqrtm(covariance + epsilon * np.eye(64)).real)
    expected = (other.reshape(200, -1) / 16 - flat.mean(axis=0)) @ matrix.T
    given = fitted("whiten", train, 16.0, epsilon=epsilon)(other)
    assert given.shape == other.shape
    np.testing.assert_allclose(given.reshape(200, -1), expected, atol=1e-4)


def test_scale_is_for_pixels(points):
    np.testing.assert_array_equal(
        fitted("scale", images(20), 16.0)(images(20)), images(20) / np.float32(16)
    )
    with pytest.raises(DatasetError, match="scale divides pixels"):
        fitted("scale", points)


@pytest.mark.parametrize("preprocessing", FITTED, ids=str)
@pytest.mark.parametrize("split", [0.0, 0.25])
def test_held_out_values_change_nothing(preprocessing, split, monkeypatch, tmp_path, points):
    """Move everything that is not trained on, far away: the training part stays as it is."""
    trained = int(400 * (1 - split))

    def given(moved, name):
        def source(_folder, *, train_size, test_size, **_):
            train, test = points[:train_size].copy(), points[-test_size:] + moved
            train[trained:] += moved
            return Samples(2, train, np.zeros(train_size), test, np.zeros(test_size))

        monkeypatch.setitem(DATASETS, "moons", source)
        sizes = {"train_size": 400, "test_size": 90, "validation_split": split}
        chosen = {"name": "moons", "preprocessing": preprocessing, **sizes}
        return load(choice("dataset", chosen), tmp_path / name)

    here, there = given(0.0, "here"), given(1000.0, "there")
    np.testing.assert_array_equal(here.train.inputs, there.train.inputs)
    assert len(here.train) == trained
    assert (here.test is None) == (split == 0)
    for part, other in [(here.validation, there.validation), (here.test, there.test)]:
        assert part is None or (part.inputs - other.inputs).abs().max() > 10


@pytest.mark.parametrize("preprocessing", FITTED, ids=str)
def test_a_split_is_preprocessed_as_its_training_part_alone(preprocessing):
    def given(**parameters):
        chosen = {"name": "churn", "test_size": 100, "preprocessing": preprocessing, **parameters}
        return load(choice("dataset", chosen))

    split = given(train_size=1000, validation_split=0.25)
    alone = given(train_size=750)
    np.testing.assert_array_equal(split.train.inputs, alone.train.inputs)
    np.testing.assert_array_equal(split.test.inputs, alone.validation.inputs)
    assert len(split.validation) == 250


def test_the_number_of_threads_changes_no_bit():
    # Eigenvalues this close together turn the last bits of a sum into visible ones.
    inputs = np.random.default_rng(2).normal(size=(6000, 150))
    given = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            given.append(fitted("pca", inputs, components=150)(inputs))
    np.testing.assert_array_equal(*given)
