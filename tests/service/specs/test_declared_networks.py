"""Networks of one's own at the door: what their layers are, and what is refused, and where."""

from typing import Any

import pytest

from service.specs.architectures import architecture, plan_of
from service.specs.choices import choice
from service.specs.expansion import PlannedRun, SpecError, expand
from service.specs.labels import label_runs
from service.specs.limits import Limits
from service.specs.plans import NetworkPlan, ResidualStep, WeightedStep
from service.specs.spec import ExperimentSpec

CONVOLUTION = {"name": "convolution", "channels": 4}
DENSE = {"name": "dense", "units": 5}
COLOR = (3, 32, 32)


def plan(layers: list[Any], shape: tuple[int, ...] = COLOR, pieces: int = 1) -> NetworkPlan:
    found = plan_of(choice("model", {"name": "layers", "layers": layers}), shape, 10, pieces)
    assert found is not None
    return found


def weighted(layers: list[Any]) -> WeightedStep:
    """The first convolution or dense layer of a network on a vector or color images."""
    shape = COLOR if layers[0] == CONVOLUTION else (7,)
    return plan([*layers, "flatten"], shape).hidden[0]


def runs_of(*layers: Any, **fields: Any) -> list[PlannedRun]:
    spec = {"activation": "relu", "model": {"name": "layers", "layers": list(layers)}, **fields}
    return expand(ExperimentSpec.model_validate(spec), Limits())


def refused(*layers: Any, **fields: Any) -> tuple[tuple[str | int, ...], str]:
    with pytest.raises(SpecError) as found:
        runs_of(*layers, **fields)
    (error,) = found.value.errors
    return error.location, error.detail


def named(value: Any) -> str | None:
    return None if value is None else value.name


ACTIVATION = {"name": "activation", "activation": "tanh"}
NORMALIZATION = {"name": "normalization", "normalization": "batch"}


@pytest.mark.parametrize("layer", [CONVOLUTION, DENSE])
@pytest.mark.parametrize(
    ("after", "activation", "normalization", "normalized_after"),
    [
        ([], None, None, None),
        ([ACTIVATION], "tanh", None, None),
        (["activation"], None, None, None),
        ([NORMALIZATION, ACTIVATION], "tanh", "batch", False),
        ([ACTIVATION, NORMALIZATION], "tanh", "batch", True),
        ([NORMALIZATION], None, "batch", True),
        (["dropout", ACTIVATION], "identity", None, None),
        (["dropout", NORMALIZATION], None, "none", None),
        ([NORMALIZATION, "dropout", ACTIVATION], "identity", "batch", False),
        (["dropout", DENSE | {"units": 2}, ACTIVATION], None, None, None),
    ],
    ids=str,
)
def test_an_activation_after_a_layer_is_its_own(
    layer: dict[str, Any],
    after: list[Any],
    activation: str | None,
    normalization: str | None,
    normalized_after: bool | None,
) -> None:
    if layer == CONVOLUTION and any(other == DENSE | {"units": 2} for other in after):
        after = ["flatten", *after]
    found = weighted([layer, *after])
    assert named(found.activation) == activation
    assert named(found.normalization) == normalization
    assert found.normalized_after == normalized_after


def test_what_a_layer_states_stays_and_the_layer_after_it_is_one_of_its_own() -> None:
    found = plan([DENSE | {"activation": "elu"}, ACTIVATION], (7,))
    assert named(found.hidden[0].activation) == "elu"
    assert [step.layer for step in found.steps] == ["dense", "activation"]
    assert not found.is_chain


def test_a_block_is_activated_after_its_sum() -> None:
    block = {"name": "residual", "layers": [CONVOLUTION | {"padding": "same"}] * 2}
    found = plan([CONVOLUTION, block, "flatten"])
    assert [named(step.activation) for step in found.hidden] == [None, None, "identity"]
    (residual,) = [step for step in found.steps if isinstance(step, ResidualStep)]
    assert (residual.activation, residual.shortcut) == (None, None)
    (own,) = [
        step
        for step in plan([CONVOLUTION, block, ACTIVATION, "flatten"]).steps
        if isinstance(step, ResidualStep)
    ]
    assert named(own.activation) == "tanh"


@pytest.mark.parametrize(
    ("inner", "stride", "channels"),
    [
        ([CONVOLUTION | {"padding": "same", "stride": 2}], 2, 4),
        ([CONVOLUTION | {"padding": "same", "channels": 3}, "max_pooling"], 2, 3),
        ([CONVOLUTION | {"padding": "same"}], 1, 4),
    ],
)
def test_a_projection_makes_the_shape_of_the_block(
    inner: list[Any], stride: int, channels: int
) -> None:
    found = plan([{"name": "residual", "layers": inner}, "flatten"])
    shortcut = found.hidden[0]
    assert (shortcut.name, shortcut.stride, shortcut.units) == ("shortcut_1", stride, channels)
    assert (shortcut.kernel_size, named(shortcut.activation)) == (1, "identity")


def test_the_resnet_has_its_papers_size() -> None:
    """He et al. 2016, table 6: 0.27 M and 1.7 M parameters; projections add their own."""
    for depth, millions in ((20, 0.27), (110, 1.7)):
        counted = architecture(choice("model", {"name": "resnet", "depth": depth}), COLOR, 10, 1)
        longest = [layer for layer in counted.layers if not layer.name.startswith("shortcut")]
        assert len(longest) == depth
        assert counted.parameters == pytest.approx(millions * 1e6, rel=0.02)
    shapes = [step.outputs for step in plan_of(choice("model", "resnet"), COLOR, 10, 1).steps]
    assert shapes[0] == (16, 32, 32)
    assert shapes[-2:] == [(64, 8, 8), (64,)]


def test_the_cnn_halves_the_image_with_each_block() -> None:
    model = choice("model", {"name": "cnn", "channels": [8, 16, 32], "units": [20]})
    counted = architecture(model, COLOR, 10, 1)
    assert [layer.name for layer in counted.layers] == [
        *(f"conv_{number}" for number in range(1, 7)),
        "dense_1",
        "output",
    ]
    assert counted.hidden[-1].inputs == 32 * 4 * 4
    assert counted.dropout_rates == (0.25, 0.25, 0.25, 0.5)


IMAGE = {"dataset": "mnist"}
DIGITS = {"dataset": {"name": "digits"}}


@pytest.mark.parametrize(
    ("layers", "place", "said"),
    [
        (
            ["flatten", CONVOLUTION],
            (1,),
            "convolution needs images, and layer 0 (flatten) made a vector of 784.",
        ),
        ([DENSE], (0,), "dense needs a vector, and its input is images of 1 x 28 x 28."),
        ([CONVOLUTION], (), "The output layer needs a vector, and layer 0 (convolution) made"),
        (["flatten", "max_pooling"], (1,), "max_pooling needs images, and layer 0 (flatten)"),
        ([CONVOLUTION | {"kernel_size": 29}], (0,), "Choose a smaller kernel_size"),
        (
            [{"name": "max_pooling", "size": 20}, "max_pooling", "flatten"],
            (1,),
            "max_pooling does not fit: layer 0 (max_pooling) made images of 1 x 1 x 1.",
        ),
        ([CONVOLUTION | {"kernel_size": 4, "padding": "same"}], (0,), "is for odd kernels"),
        ([CONVOLUTION | {"groups": 3}], (0, "groups"), "3 groups do not divide both"),
        (
            [
                CONVOLUTION,
                {"name": "residual", "layers": [CONVOLUTION], "shortcut": "identity"},
            ],
            (1,),
            "make images of 4 x 24 x 24 of images of 4 x 26 x 26, and only equal shapes",
        ),
        (
            [CONVOLUTION, {"name": "residual", "layers": [CONVOLUTION, "flatten"]}],
            (1,),
            "no projection does",
        ),
        (
            [CONVOLUTION, {"name": "residual", "layers": ["flatten", CONVOLUTION]}],
            (1, "layers", 1),
            "convolution needs images, and layer 0 (flatten) made a vector of 2,704.",
        ),
        (
            [CONVOLUTION, "flatten", DENSE, "dropout", {"name": "activation", "activation": "glu"}],
            (4,),
            "reads 2 z-values",
        ),
    ],
)
def test_shapes_that_do_not_meet_are_refused_at_their_layer(
    layers: list[Any], place: tuple[str | int, ...], said: str
) -> None:
    location, detail = refused(*layers, **IMAGE)
    assert location == ("model", 0, "layers", *place)
    assert said in detail


@pytest.mark.parametrize(
    ("layer", "place", "said"),
    [
        (
            {"activation": {"name": "formula", "expression": "b * x"}},
            ("activation", "expression"),
            "'b' is not a known name",
        ),
        (
            {"initializer": {"name": "uniform", "low": 2, "high": 1}},
            ("initializer", "low"),
            "above",
        ),
        ({"normalization": {"name": "group", "groups": 3}}, (), "3 groups do not divide the 5"),
        ({"normalization": "weight", "initializer": "zeros"}, (), "weights of zero have none"),
    ],
)
def test_what_a_layer_states_is_checked_as_the_specs(
    layer: dict[str, Any], place: tuple[str, ...], said: str
) -> None:
    location, detail = refused("flatten", DENSE | layer, **DIGITS)
    assert location == ("model", 0, "layers", 1, *place)
    assert said in detail


def test_a_lone_sample_is_refused_if_any_layer_normalizes_by_batch() -> None:
    location, detail = refused(
        "flatten", DENSE | {"normalization": "batch"}, DENSE, batch_size=1, **DIGITS
    )
    assert location == ("batch_size", 0)
    assert "batch normalization needs two samples" in detail
    assert runs_of(
        "flatten", DENSE | {"normalization": "none"}, normalization="batch", batch_size=1, **DIGITS
    )


def test_what_a_layer_leaves_open_is_the_specs_and_what_it_states_stays() -> None:
    """My network, these activations; and tanh in the last block, whatever they are."""
    relu, gelu = runs_of(
        "flatten", DENSE, DENSE | {"activation": "tanh"}, activation=["relu", "gelu"]
    )
    for run in (relu, gelu):
        _, usual, stated = run.config.model.parameters["layers"]
        assert (usual.activation, usual.initializer) == (None, None)
        assert (named(stated.activation), named(stated.initializer)) == ("tanh", "glorot_uniform")
    assert [named(run.config.activation) for run in (relu, gelu)] == ["relu", "gelu"]


def test_auto_is_the_initializer_of_a_layers_own_activation() -> None:
    def initializers(*layers: Any, **fields: Any) -> list[str | None]:
        (run,) = runs_of("flatten", *layers, **DIGITS, **fields)
        layers = run.config.model.parameters["layers"]
        return [named(layer.parameters["initializer"]) for layer in layers if layer.name == "dense"]

    assert initializers(DENSE | {"activation": "tanh"}) == ["glorot_uniform"]
    assert initializers(DENSE, ACTIVATION) == ["glorot_uniform"]
    assert initializers(DENSE | {"activation": "relu"}) == [None]
    assert initializers(DENSE | {"initializer": "auto"}) == ["he_uniform"]
    assert initializers(DENSE | {"activation": "tanh"}, initializer="orthogonal") == [None]
    (block,) = runs_of(
        "flatten", {"name": "residual", "layers": [DENSE | {"activation": "tanh"}]}, **DIGITS
    )
    (inner,) = block.config.model.parameters["layers"][1].parameters["layers"]
    assert named(inner.initializer) == "glorot_uniform"


@pytest.mark.parametrize(
    ("dropout", "expected"),
    [
        ("auto", [0.25, 0.0, 0.0]),
        (0.5, [0.25, 0.5, 0.5]),
        ({"name": "dropout", "rate": [0.1, 0.2]}, [0.25, 0.1, 0.2]),
        ("none", [0.25, 0.0, 0.0]),
    ],
)
def test_a_stated_rate_stays_and_the_others_are_the_specs(
    dropout: Any, expected: list[float]
) -> None:
    layers = ["flatten", {"name": "dropout", "rate": 0.25}, DENSE, "dropout", DENSE, "dropout"]
    (run,) = runs_of(*layers, dropout=dropout, **DIGITS)
    assert run.config.dropout.parameters["rate"] == expected


def test_more_rates_than_open_dropout_layers_are_refused() -> None:
    layers = ["flatten", {"name": "dropout", "rate": 0.25}, DENSE, "dropout"]
    location, detail = refused(*layers, dropout={"name": "dropout", "rate": [0.1, 0.2]}, **DIGITS)
    assert location == ("dropout", 0, "rate")
    assert "1 dropout layers here beside those that state their rate" in detail


def test_parameters_of_layers_multiply_out_and_errors_find_their_value() -> None:
    widths = runs_of("flatten", {"name": "dense", "units": [4, 8]}, DENSE, **DIGITS)
    assert [run.config.model.parameters["layers"][1].units for run in widths] == [4, 8]
    own = runs_of("flatten", DENSE | {"activation": ["relu", "tanh"]}, **DIGITS)
    assert [named(run.config.model.parameters["layers"][1].activation) for run in own] == [
        "relu",
        "tanh",
    ]
    several = {"name": "layers", "layers": [["flatten"], ["flatten", DENSE]]}
    assert len(runs_of(model=several)) == 2
    location, _ = refused({"name": "convolution", "channels": 4, "kernel_size": [3, 29]}, "flatten")
    assert location == ("model", 0, "layers", 0)


def test_networks_are_told_apart_by_their_labels() -> None:
    model = {"name": "layers", "layers": [["flatten"], ["flatten", DENSE | {"units": [4, 8]}]]}
    labels = label_runs(runs_of(model=model, **DIGITS)).values()
    assert len({found.by_axis["model"] for found in labels}) == 3
    assert "flatten, dense(units=4)" in str([*labels][1].by_axis["model"])


def test_a_network_that_is_too_large_is_refused() -> None:
    location, detail = refused("flatten", *[{"name": "dense", "units": 16_384}] * 2)
    assert location == ("model", 0)
    assert "over the limit max_parameters" in detail
