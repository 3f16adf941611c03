"""Packing: which runs may be trained together, by which form and with how many threads."""

import pytest

from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.packing import MOST_PARAMETERS, engine_form, pack_key, pack_limit, threads_of
from service.specs.spec import ExperimentSpec
from tests.support.small_packs import MLP


def keys(**fields):
    """The pack keys of a spec's runs, in their order."""
    spec = {"model": MLP, "activation": "relu", "epochs": 2} | fields
    planned = expand(ExperimentSpec.model_validate(spec), Limits())
    return [pack_key(run.configuration) for run in planned]


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("seeds", [1, 2]),
        ("initializer", ["he_normal", "orthogonal", "zeros"]),
        ("output_initializer", ["glorot_normal", "zeros"]),
        ("bias_initializer", ["zeros", {"name": "constant", "value": 0.1}]),
        ("activation", ["relu", "tanh", "gelu", "selu", {"name": "elu", "alpha": 0.5}]),
        ("activation", [{"name": "prelu", "initial_slope": slope} for slope in (0.1, 0.3)]),
        ("clipping", [{"name": "norm", "max_norm": limit} for limit in (0.5, 5.0)]),
        ("optimizer", [{"name": "adam", "learning_rate": rate} for rate in (0.1, 0.01)]),
        ("optimizer", [{"name": "adam", "beta_1": beta} for beta in (0.8, 0.9)]),
        ("optimizer", [{"name": "sgd", "schedule": each} for each in ("constant", "cosine")]),
        ("optimizer", [{"name": "sgd", "momentum": each} for each in (0.0, 0.9)]),
        ("dropout", [0.1, {"name": "dropout", "rate": [0.2, 0.5]}]),
    ],
)
def test_what_may_differ_inside_a_pack(axis, values):
    found = keys(**{axis: values})
    assert len(found) == len(values)
    assert len(set(found)) == 1
    assert None not in found


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("dataset", [{"name": "mnist", "train_size": size} for size in (1000, 2000)]),
        ("dataset", [{"name": "mnist", "preprocessing": each} for each in ("scale", "none")]),
        ("model", [{"name": "mlp", "hidden_units": units} for units in ([16], [16, 16])]),
        (
            "activation",
            ["relu", "prelu", "glu", "geglu", *({"name": "maxout", "pieces": n} for n in (2, 3))],
        ),
        ("normalization", ["none", "batch", "layer", {"name": "batch", "momentum": 0.5}]),
        ("clipping", ["none", "norm", "value"]),
        ("optimizer", ["sgd", "adam", "adamw"]),
        ("dropout", ["none", 0.1, {"name": "alpha_dropout", "rate": 0.1}]),
        ("batch_size", [32, 64]),
        ("loss", ["categorical_crossentropy", "binary_crossentropy"]),
        ("precision", ["float32", "bfloat16"]),
    ],
)
def test_what_has_to_agree_inside_a_pack(axis, values):
    found = keys(**{axis: values})
    assert len(set(found)) == len(found) == len(values)


def test_epochs_have_to_agree_and_statistics_need_not():
    assert keys(epochs=2) != keys(epochs=3)
    assert keys(layer_statistics="off") == keys()


def test_a_large_mlp_is_not_packed_and_a_cnn_of_any_kind_is():
    # 784 inputs: a weight of each to every unit.
    small, large = MOST_PARAMETERS // 1000, MOST_PARAMETERS // 700
    models = [{"name": "mlp", "hidden_units": [units]} for units in (small, large)]
    packed, alone = keys(model=models)
    assert (packed is None, alone is None) == (False, True)
    plain, normalized = keys(model="mnist_cnn", normalization=["none", "batch"])
    assert plain != normalized
    assert None not in {plain, normalized}


def test_the_form_follows_model_key_and_device():
    assert engine_form("mlp", "key", "cpu") == engine_form("mlp", "key", "cuda") == "batched"
    assert engine_form("mlp", None, "cuda") == "solo"
    assert engine_form("mnist_cnn", "key", "cuda") == "batched"
    assert engine_form("mnist_cnn", "key", "cpu") == "solo"


@pytest.mark.parametrize(
    ("form", "device", "experiment", "training_threads", "threads"),
    [
        ("batched", "cpu", 1, 4, 1),
        ("solo", "cpu", 1, None, 8),  # twelve cores, but more than eight gain little
        ("solo", "cpu", 3, None, 4),
        ("solo", "cpu", 5, None, 2),
        ("solo", "cpu", 7, None, 1),
        ("solo", "cpu", 1000, None, 1),
        ("solo", "cpu", 1000, 3, 3),
        ("solo", "cuda", 1, None, 1),
    ],
)
def test_threads_are_shared_among_few_runs(form, device, experiment, training_threads, threads):
    found = threads_of(form, device, experiment, training_threads=training_threads, cores=12)
    assert found == threads


@pytest.mark.parametrize(
    ("waiting", "workers", "most", "limit"),
    [(64, 2, 32, 32), (64, 1, 32, 32), (10, 4, 32, 3), (1, 8, 32, 1), (0, 0, 32, 1)],
)
def test_a_pack_leaves_idle_workers_their_share(waiting, workers, most, limit):
    assert pack_limit(waiting, workers, most) == limit


def test_each_normalization_has_packs_of_its_own():
    assert len(set(keys(normalization=["none", "weight"])) - {None}) == 2
    after = {"name": "batch", "position": "after_activation"}
    assert len(set(keys(normalization=["batch", after])) - {None}) == 2
