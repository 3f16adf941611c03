"""From a spec to its runs: the grid, what is left open, and the checks at submission."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from service.catalog.axes import AXES
from service.specs.expansion import SpecError, config_hash, expand
from service.specs.limits import Limits
from service.specs.packing import pack_key
from service.specs.resolution import auto_initializer, initializer_reason, training_samples
from service.specs.spec import ExperimentSpec, RunConfig

ACTIVATIONS = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu"]
INITIALIZERS = ["glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal"]
CLIPPINGS = [
    "none",
    {"name": "value", "threshold": 0.5},
    {"name": "value", "threshold": 1.0},
    {"name": "norm", "max_norm": 2.0},
]


def runs_of(limits=Limits(), **spec):  # noqa: B008 - frozen
    return expand(ExperimentSpec.model_validate(spec), limits)


def only_config(**spec) -> RunConfig:
    (planned,) = runs_of(**spec)
    return planned.config


def some(values):
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique_by=str)


def as_object(choice):
    return choice if isinstance(choice, dict) else {"name": choice}


@given(
    activations=some(ACTIVATIONS),
    initializers=some(INITIALIZERS),
    clippings=some(CLIPPINGS),
    batch_sizes=st.lists(st.integers(1, 4_000), min_size=1, max_size=3, unique=True),
    seeds=st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=3, unique=True),
    scalars=st.booleans(),
)
def test_the_runs_are_the_product_of_the_axes(
    activations, initializers, clippings, batch_sizes, seeds, scalars
):
    spec = {
        "activation": activations,
        "initializer": initializers,
        "clipping": clippings,
        "batch_size": batch_sizes,
    }
    if scalars:  # one value may stand without its list
        spec = {name: values[0] if len(values) == 1 else values for name, values in spec.items()}
    planned = runs_of(**spec, seeds=seeds)
    expected = [
        (activation, initializer, as_object(clipping), batch_size, seed)
        for activation, initializer, clipping, batch_size, seed in itertools.product(
            activations, initializers, clippings, batch_sizes, seeds
        )
    ]
    shown = [
        (
            run.config.activation.name,
            run.config.initializer.name,
            run.config.clipping.model_dump(),
            run.config.batch_size,
            run.seed,
        )
        for run in planned
    ]
    assert [(a, i, c, b, s) for a, i, c, b, s in shown] == expected
    assert len({(run.config_hash, run.seed) for run in planned}) == len(planned)


@given(
    spec=st.fixed_dictionaries(
        {"activation": some(ACTIVATIONS)},
        optional={
            "initializer": some([*INITIALIZERS, "auto", {"name": "normal", "stddev": 0.1}]),
            "clipping": some(CLIPPINGS),
            "optimizer": some(["sgd", "adam", {"name": "sgd", "momentum": 0.9, "nesterov": True}]),
            "dropout": some([0.3, "none", {"name": "alpha_dropout", "rate": [0.1, 0.2]}]),
            "loss": some(["categorical_crossentropy", "binary_crossentropy"]),
            "epochs": st.integers(0, 50),
            "seeds": st.integers(1, 3),
            "layer_statistics": st.sampled_from(["off", {"every": 2, "samples": 10}]),
        },
    )
)
@settings(max_examples=25, deadline=None)
def test_what_is_stored_means_the_same_when_it_is_read_again(spec):
    parsed = ExperimentSpec.model_validate(spec)
    again = ExperimentSpec.model_validate(parsed.model_dump(mode="json", exclude_none=True))
    planned, planned_again = expand(parsed, Limits()), expand(again, Limits())
    assert planned == planned_again
    for run in planned:
        stored = run.config.model_dump(mode="json")
        assert config_hash(RunConfig.model_validate(stored)) == run.config_hash


@pytest.mark.parametrize(
    ("activation", "initializer", "dropout"),
    [
        ("relu", "he_uniform", "dropout"),
        ("tanh", "glorot_uniform", "dropout"),
        ("selu", "lecun_normal", "alpha_dropout"),
        ("elu", "lecun_normal", "dropout"),
        ("maxout", "lecun_normal", "dropout"),
        ({"name": "leaky_relu", "negative_slope": 0.0}, "he_normal", "dropout"),
        ({"name": "leaky_relu", "negative_slope": 1.0}, "lecun_normal", "dropout"),
    ],
)
def test_auto_is_what_the_activation_needs(activation, initializer, dropout):
    config = only_config(activation=activation)
    assert config.initializer.name == initializer
    assert config.output_initializer.name == initializer
    assert config.dropout.model_dump() == {"name": dropout, "rate": [0.25, 0.5]}


@pytest.mark.parametrize(
    ("activation", "scale"),
    [
        ("sigmoid", 3.6**2),  # Kumar 2017
        ("hard_sigmoid", 36 / 1.25),
        ({"name": "leaky_relu", "negative_slope": 0.5}, 2 / 1.25),  # He 2015, eq. 15
        ("prelu", 2 / (1 + 0.25**2)),
        ({"name": "elu", "alpha": 2.0}, 2 / 5),
        # E max^2 of three and four normals is 1 + sqrt(3) / (2 pi) and 1 + sqrt(3) / pi.
        ({"name": "maxout", "pieces": 3}, 1 / (1 + 3**0.5 / (2 * math.pi))),
        ({"name": "maxout", "pieces": 4}, 1 / (1 + 3**0.5 / math.pi)),
    ],
)
def test_auto_computes_a_scale_from_the_activations_parameters(activation, scale):
    config = only_config(activation=activation, model={"name": "mlp", "hidden_units": [4]})
    assert config.initializer == config.output_initializer
    assert config.initializer.model_dump() == {
        "name": "variance_scaling",
        "scale": pytest.approx(scale, abs=1e-9),
        "mode": "fan_in",
        "distribution": "truncated_normal",
    }


@pytest.mark.parametrize("activation", AXES["activation"])
def test_the_reason_of_auto_is_said_where_auto_is_what_is_used(activation):
    config = only_config(activation=activation)
    assert config.initializer == auto_initializer(config.activation)
    reason = initializer_reason(config)
    assert reason.startswith(f"auto is {config.initializer} for {config.activation}. ")
    assert reason.count(".") >= 2
    assert reason.endswith(".")
    assert initializer_reason(only_config(activation=activation, initializer="lsuv")) is None


def test_a_chosen_value_wins_over_auto():
    config = only_config(
        activation="selu", initializer="he_normal", output_initializer="zeros", dropout=0.1
    )
    assert config.initializer.name == "he_normal"
    assert config.output_initializer.name == "zeros"
    assert config.dropout.model_dump() == {"name": "dropout", "rate": [0.1, 0.1]}


def test_no_dropout_is_written_in_one_way():
    hashes = {
        runs_of(activation="relu", dropout=dropout)[0].config_hash
        for dropout in (0, 0.0, "none", {"name": "dropout", "rate": [0, 0]})
    }
    assert len(hashes) == 1


def test_configurations_that_resolve_to_the_same_are_one_run():
    planned = runs_of(activation="relu", initializer=["auto", "he_uniform"], seeds=2)
    assert [run.seed for run in planned] == [0, 1]


def test_the_hash_names_the_training_and_nothing_else():
    plain = runs_of(activation="relu")[0]
    assert runs_of(activation="relu", name="x", priority=5, reuse=False)[0] == plain
    assert runs_of(activation="relu", epochs=13)[0].config_hash != plain.config_hash
    different = runs_of(activation="relu", optimizer={"name": "adam", "learning_rate": 0.01})[0]
    assert different.config_hash != plain.config_hash


def test_an_unset_parameter_is_in_no_configuration():
    (plain,) = runs_of(activation="relu")
    # As version 0.1.0 wrote it: runs that it stored have the same hash, and are reused.
    assert plain.configuration.values["dataset"] == {
        "name": "mnist",
        "train_size": 60_000,
        "test_size": 10_000,
        "validation_split": 0.0,
        "preprocessing": {"name": "scale"},
    }
    (null,) = runs_of(activation="relu", dataset={"name": "mnist", "folds": None, "fold": None})
    assert null == plain


def test_folds_and_data_seeds_are_configurations_of_their_own():
    folds = {"name": "digits", "folds": 5, "fold": [0, 1, 2, 3, 4]}
    planned = runs_of(activation="relu", model="mlp", dataset=folds)
    assert [run.configuration.values["dataset"]["fold"] for run in planned] == [0, 1, 2, 3, 4]
    assert len({run.config_hash for run in planned}) == 5
    draws = runs_of(activation="relu", model="mlp", dataset={"name": "ball", "seed": [1, 2, 3]})
    assert [run.config.dataset.seed for run in draws] == [1, 2, 3]
    # Runs that are trained together share their samples.
    keys = [pack_key(run.configuration) for run in (*planned, *draws)]
    assert len(set(keys)) == 8
    assert None not in keys


def test_variants_override_the_base_and_multiply_out():
    planned = runs_of(
        activation="relu",
        clipping="none",
        variants=[
            {"label": "plain"},
            {"label": "selu", "activation": "selu", "initializer": ["auto", "he_uniform"]},
            {"label": "clipped", "clipping": [{"name": "value"}, {"name": "norm"}]},
        ],
        seeds=2,
    )
    shown = [
        (run.label, run.config.activation.name, run.config.initializer.name,
         run.config.clipping.name)
        for run in planned[::2]
    ]  # fmt: skip
    assert shown == [
        ("plain", "relu", "he_uniform", "none"),
        ("selu", "selu", "lecun_normal", "none"),
        ("selu", "selu", "he_uniform", "none"),
        ("clipped", "relu", "he_uniform", "value"),
        ("clipped", "relu", "he_uniform", "norm"),
    ]
    assert [run.seed for run in planned] == [0, 1] * 5


def test_seeds_may_be_counted():
    assert [run.seed for run in runs_of(activation="relu", seeds=3)] == [0, 1, 2]


def test_training_samples_leave_the_validation_split_out():
    config = only_config(
        activation="relu", dataset={"name": "mnist", "train_size": 1000, "validation_split": 0.25}
    )
    assert training_samples(config.dataset) == 750


def _locations(caught) -> list[tuple[str | int, ...]]:
    return [error.location for error in caught.value.errors]


@pytest.mark.parametrize(
    ("limits", "spec", "location", "words"),
    [
        (Limits(max_runs=7), {"seeds": 8}, (), "max_runs = 7"),
        (
            Limits(max_runs=10_000),
            {"seeds": 100_000, "batch_size": list(range(1, 11))},
            (),
            "1,000,000 runs",
        ),
        (Limits(max_epochs=5), {"epochs": 6}, ("epochs",), "max_epochs = 5"),
        (
            Limits(max_parameters=1000),
            {"model": ["mnist_cnn"]},
            ("model", 0),
            "max_parameters = 1,000",
        ),
    ],
)
def test_over_a_limit_is_refused_with_its_name(limits, spec, location, words):
    with pytest.raises(SpecError, match=words) as caught:
        runs_of(limits, activation="relu", **spec)
    assert location in _locations(caught)


def test_a_product_over_the_limit_is_refused_before_it_is_made():
    # Were it made, this would take hours.
    huge = {"batch_size": list(range(1, 1000)), "seeds": 100_000}
    with pytest.raises(SpecError, match="max_runs"):
        runs_of(activation=ACTIVATIONS, clipping=CLIPPINGS, initializer=INITIALIZERS, **huge)


@pytest.mark.parametrize(
    ("samples", "size"),
    [(60_000, 128), (128, 128), (127, 31), (113, 27), (57, 13), (16, 4), (7, 1), (1, 1)],
)
def test_a_small_data_set_has_batches_of_a_quarter(samples, size):
    """The model's own batches of 128 would be refused, though nobody asked for them."""
    data = {"name": "mnist", "train_size": samples}
    (run,) = runs_of(dataset=data, activation="relu")
    assert run.config.batch_size == size
    assert size == 128 or samples % size != 1
    if samples > 1:
        stated = runs_of(dataset=data, activation="relu", batch_size=size)
        assert stated[0].config_hash == run.config_hash


@pytest.mark.parametrize(
    ("spec", "location", "words"),
    [
        (
            {"dataset": {"name": "mnist", "train_size": 100}, "batch_size": [50, 101]},
            ("batch_size", 1),
            "A batch of 101 is larger than the 100 training samples",
        ),
        (
            {"dataset": {"name": "mnist", "train_size": 1, "validation_split": 0.5}},
            ("dataset", 0, "validation_split"),
            "leaves no sample",
        ),
        (
            {"dropout": [0.1, {"name": "dropout", "rate": [0.1, 0.2, 0.3]}]},
            ("dropout", 1, "rate"),
            "2 dropout layers",
        ),
        (
            {
                "model": {"name": "mlp", "hidden_units": [8] * 3},
                "dropout": {"rate": [0.1, 0.2], "name": "dropout"},
            },
            ("dropout", 0, "rate"),
            "mlp has 3 dropout layers here",
        ),
        ({"dataset": {"name": "mnist", "folds": 5}}, ("dataset", 0, "folds"), "needs fold"),
        ({"dataset": {"name": "mnist", "fold": [0, 1]}}, ("dataset", 0, "fold"), "needs folds"),
        (
            {"dataset": {"name": "mnist", "folds": 3, "fold": [0, 2, 3]}},
            ("dataset", 0, "fold", 2),
            "numbered 0 to 2",
        ),
        (
            {"dataset": {"name": "mnist", "folds": 3, "fold": 0, "validation_split": 0.1}},
            ("dataset", 0, "folds"),
            "validation_split must be 0",
        ),
        (
            {"dataset": {"name": "mnist", "folds": 11, "fold": 0, "train_size": 109}},
            ("dataset", 0, "folds"),
            "at least 110",
        ),
        ({"dataset": "circles"}, ("model",), "needs images"),
        (
            {"dataset": {"name": "mnist", "preprocessing": {"name": "pca", "components": 20}}},
            ("model",),
            "needs images",
        ),
        (
            {"dataset": "digits", "model": {"name": "mnist_cnn", "kernel_size": 5}},
            ("model", 0),
            "leave nothing to pool of an image of 8 x 8",
        ),
        (
            {"dataset": {"name": "churn", "preprocessing": "scale"}, "model": "mlp"},
            ("dataset", 0, "preprocessing"),
            "scale is for pixels",
        ),
        (
            {
                "dataset": {
                    "name": "digits",
                    "preprocessing": {"name": "pca", "components": 65},
                },
                "model": "mlp",
            },
            ("dataset", 0, "preprocessing", "components"),
            "65 components are more",
        ),
        (
            {
                "dataset": {
                    "name": "digits",
                    "train_size": 30,
                    "preprocessing": {"name": "pca", "components": 31},
                },
                "model": "mlp",
                "batch_size": 8,
            },
            ("dataset", 0, "preprocessing", "components"),
            "30 training samples",
        ),
        (
            {"model": {"name": "mlp", "head": "binary"}},
            ("model", 0, "head"),
            "mnist has 10",
        ),
        (
            {
                "dataset": "moons",
                "model": {"name": "mlp", "head": "binary"},
                "loss": "categorical_crossentropy",
            },
            ("loss", 0),
            "needs one per class",
        ),
        (
            {"normalization": ["none", {"name": "group", "groups": 24}]},
            ("normalization", 1, "groups"),
            "24 groups do not divide the 32 features of conv_1",
        ),
        (
            {
                "model": {"name": "mlp", "hidden_units": [16, 10]},
                "normalization": {"name": "group", "groups": 8},
            },
            ("normalization", 0, "groups"),
            "10 features of dense_2",
        ),
        (
            {"normalization": "batch", "batch_size": [2, 1]},
            ("batch_size", 1),
            "two samples in every batch",
        ),
        (
            {"normalization": "switchable", "dataset": {"name": "mnist", "train_size": 257}},
            ("dataset", 0),
            "leave one alone of the 257",
        ),
        ({"batch_size": 10_000}, ("batch_size", 0), "max_batch_values"),
        (
            {"optimizer": {"name": "sgd", "nesterov": True}},
            ("optimizer", 0, "nesterov"),
            "momentum above 0",
        ),
        (
            {"variants": [{"label": "a"}, {"label": "b", "batch_size": 60_001}]},
            ("variants", 1, "batch_size", 0),
            "larger than the 60000",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused_where_it_stands(spec, location, words):
    with pytest.raises(SpecError, match=words) as caught:
        runs_of(activation="relu", **spec)
    assert _locations(caught) == [location]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "activation"),
        ({"activation": []}, "at least 1"),
        ({"activation": "rleu"}, "did you mean 'relu'"),
        ({"activation": 5}, "Write the activation as a name"),
        ({"activation": {"name": "leaky_relu", "negative_slope": 2}}, "less than or equal to 1"),
        ({"activation": {"name": "relu", "negative_slope": 0.1}}, "not permitted"),
        ({"activation": "relu", "initializer": "constant"}, "value"),
        ({"activation": "relu", "clipping": {"name": "value", "threshold": 0}}, "greater than 0"),
        ({"activation": "relu", "clipping": {"name": "value", "threshold": -1}}, "greater than 0"),
        ({"activation": "relu", "dropout": 1.0}, "less than 1"),
        ({"activation": "relu", "optimizer": {"name": "adam", "learning_rate": -1}}, "greater"),
        (
            {"activation": "relu", "optimizer": {"name": "adam", "learning_rate": float("nan")}},
            "finite",
        ),
        ({"activation": "relu", "seeds": 0}, "At least one seed"),
        ({"activation": "relu", "seeds": []}, "at least 1"),
        ({"activation": "relu", "seeds": [1, 1]}, "once"),
        ({"activation": "relu", "seeds": [2**53]}, "less than or equal"),
        ({"activation": "relu", "seeds": True}, "list"),
        ({"activation": "relu", "epochs": -1}, "greater than or equal to 0"),
        ({"activation": "relu", "epochs": 2.5}, "integer"),
        ({"activation": "relu", "epochs": "2"}, "integer"),
        ({"activation": "relu", "batch_size": 0}, "greater than or equal to 1"),
        ({"activation": "relu", "dataset": {"name": "mnist", "train_size": 60_001}}, "60000"),
        ({"activation": "relu", "name": "a\x00b"}, "U\\+0000"),
        ({"activation": "relu", "tags": {"k": "\ud800"}}, "surrogate"),
        ({"activation": "relu", "learning_rate": 0.1}, "not permitted"),
        ({"activation": "relu", "variants": [{"label": "a"}, {"label": "a"}]}, "of its own"),
        ({"variants": [{"label": "a", "activation": "relu"}, {"label": "b"}]}, "activation"),
        ({"activation": "relu", "device": "tpu"}, "'auto'"),
    ],
)
def test_a_bad_spec_is_refused(spec, words):
    with pytest.raises(ValidationError, match=words):
        ExperimentSpec.model_validate(spec)


def test_maxout_has_no_limit_for_alpha_dropout_to_set():
    with pytest.raises(SpecError, match="selu's negative limit"):
        runs_of(activation=["selu", "maxout"], dropout={"name": "alpha_dropout", "rate": 0.1})


def test_batch_statistics_pass_where_every_batch_has_two():
    assert len(runs_of(activation="relu", normalization="batch", batch_size=2)) == 1
    assert len(runs_of(activation="relu", normalization="layer", batch_size=1)) == 1


@pytest.mark.parametrize(
    ("dataset", "given", "head", "loss"),
    [
        ("moons", {}, "binary", "binary_crossentropy"),
        ("moons", {"loss": "binary_crossentropy"}, "binary", "binary_crossentropy"),
        ("moons", {"loss": "categorical_crossentropy"}, "multiclass", "categorical_crossentropy"),
        ("digits", {}, "multiclass", "categorical_crossentropy"),
        ("digits", {"loss": "binary_crossentropy"}, "multiclass", "binary_crossentropy"),
        (
            "moons",
            {"model": {"name": "mlp", "head": "multiclass"}},
            "multiclass",
            "categorical_crossentropy",
        ),
    ],
)
def test_the_head_is_decided_before_a_run_exists(dataset, given, head, loss):
    (run,) = runs_of(activation="relu", dataset=dataset, **({"model": "mlp"} | given))
    assert (run.config.model.head, run.config.loss.name) == (head, loss)


def test_an_mlp_drops_nothing_unless_told():
    model = {"name": "mlp", "hidden_units": [8, 8, 8]}
    (run,) = runs_of(activation="selu", model=model)
    assert run.config.dropout.name == "none"
    (run,) = runs_of(activation="relu", model=model, dropout=0.5)
    assert run.config.dropout.rate == [0.5, 0.5, 0.5]


def test_an_alias_is_told_the_entrys_own_name():
    plain, alias = runs_of(activation=["silu"]), runs_of(activation=["swish"])
    assert plain[0].config_hash == alias[0].config_hash
    assert alias[0].config.activation.name == "silu"


def test_every_error_of_a_spec_is_told_at_once():
    with pytest.raises(SpecError) as caught:
        runs_of(
            activation="relu",
            dataset={"name": "mnist", "train_size": 100},
            batch_size=101,
            optimizer={"name": "sgd", "nesterov": True},
        )
    assert len(caught.value.errors) == 2


#: Hashes of the version before normalizations had a place and losses and optimizers had decay.
_OLDER = {
    "96fb374a81ed6cfc": {"normalization": "batch"},
    "9edac49e6d9423c4": {
        "activation": "tanh",
        "normalization": {"name": "group", "groups": 4},
        "optimizer": "adam",
        "loss": "categorical_crossentropy",
    },
    "697613bdb195df9e": {
        "activation": "tanh",
        "normalization": {"name": "group", "groups": 4},
        "optimizer": "adagrad",
        "loss": "binary_crossentropy",
    },
}


def test_a_precision_is_hashed_where_it_is_not_float32():
    plain, explicit, narrow = (
        runs_of(activation="relu", **precision)[0]
        for precision in ({}, {"precision": "float32"}, {"precision": "bfloat16"})
    )
    assert plain.config_hash == explicit.config_hash != narrow.config_hash
    assert "precision" not in plain.configuration.values
    assert narrow.configuration.values["precision"] == {"name": "bfloat16"}
    assert [run.config.precision.name for run in (plain, narrow)] == ["float32", "bfloat16"]


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_what_only_gpus_multiply_is_refused_elsewhere(device):
    precisions = ["bfloat16", "tf32", "float16"]
    with pytest.raises(SpecError) as refused:
        runs_of(activation="relu", precision=precisions, device=device)
    assert [error.location for error in refused.value.errors] == [
        ("precision", 1),
        ("precision", 2),
    ]
    assert "Set device to cuda" in str(refused.value)
    planned = runs_of(activation="relu", precision=precisions, device="cuda")
    assert [run.config.precision.name for run in planned] == precisions


@pytest.mark.parametrize("older", _OLDER)
def test_a_parameter_that_came_later_leaves_the_hashes_as_they_were(older):
    (planned,) = runs_of(**{"activation": "relu"} | _OLDER[older])
    assert planned.config_hash.startswith(older)


def test_the_place_of_a_normalization_is_hashed_where_it_is_not_the_usual_one():
    hashes = [
        runs_of(activation="relu", normalization={"name": "batch"} | place)[0].config_hash
        for place in ({}, {"position": "before_activation"}, {"position": "after_activation"})
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def errors_of(**spec):
    with pytest.raises(SpecError) as caught:
        runs_of(**spec)
    return caught.value.errors


def test_normalized_weights_cannot_be_zero():
    (error,) = errors_of(activation="relu", normalization="weight", initializer="zeros")
    assert error.location == ("normalization", 0)
    assert "have none" in error.detail
    runs_of(activation="relu", normalization="weight", initializer="he_normal")
    for initializer in (
        {"name": "normal", "stddev": 0.0},
        {"name": "truncated_normal", "stddev": 0.0},
        {"name": "constant", "value": 0.0},
        {"name": "uniform", "limit": 0.0},
    ):
        assert errors_of(activation="relu", normalization="weight", initializer=initializer)
    shifted = {"name": "normal", "stddev": 0.0, "mean": 0.1}
    runs_of(activation="relu", normalization="weight", initializer=shifted)
    between = {"name": "uniform", "low": 0.0, "high": 0.1}
    runs_of(activation="relu", normalization="weight", initializer=between)


def test_groups_divide_what_is_normalized():
    """maxout reads two z-values per unit: eight before the activation, four after it."""
    network = {"activation": "maxout", "model": {"name": "mlp", "hidden_units": [4]}}
    group = {"name": "group", "groups": 8}
    runs_of(**network, dropout="none", normalization=group)
    after = group | {"position": "after_activation"}
    (error,) = errors_of(**network, dropout="none", normalization=after)
    assert "8 groups do not divide the 4 features" in error.detail


def test_a_weight_decay_is_coupled_or_decoupled():
    both = {"name": "sgd", "coupled_weight_decay": 0.1, "decoupled_weight_decay": [0.0, 0.1]}
    (error,) = errors_of(activation="relu", optimizer=both)
    assert error.location == ("optimizer", 0, "decoupled_weight_decay", 1)
    assert "either coupled or decoupled" in error.detail


@pytest.mark.parametrize(
    "several", [[0.0, -0.0], [-0.0, 0.0], {"low": -0.0, "high": 1.0, "count": 2}]
)
def test_a_zero_has_no_sign(several):
    activation = {"name": "leaky_relu", "negative_slope": several}
    (zero, *_) = runs_of(activation={"name": "leaky_relu", "negative_slope": 0.0})
    found = runs_of(activation=activation)
    assert found[0].config_hash == zero.config_hash
    assert "-0.0" not in "".join(run.config.model_dump_json() for run in found)
    (dropped,) = runs_of(activation="relu", dropout=-0.0)
    assert dropped.config_hash == runs_of(activation="relu", dropout=0.0)[0].config_hash
