"""Presets on deep networks: whether signals arrive, and whether such networks then learn."""

from typing import Any

from service.catalog.entry import Source
from service.presets.check import All
from service.presets.conditions import Within
from service.presets.measures import EpochsTo, LayerMeasure, MetricMeasure
from service.presets.orders import higher, lower
from service.presets.preset import Preset, PublishedClaim, variants
from service.presets.trainings import TrainingGroup, group

_SPREAD = LayerMeasure("activation", "std", "last_over_first")
#: Gradients arrive at the last layer first: above 1 they shrink on their way back.
_GRADIENT = LayerMeasure("z_gradient", "std", "last_over_first")
_ROWS: dict[str, dict[str, Any]] = {
    f"{activation} {label}": {"activation": activation, "initializer": initializer}
    for activation in ("tanh", "relu")
    for label, initializer in (
        ("N(0.01)", {"name": "normal", "stddev": 0.01}),
        ("N(1)", {"name": "normal", "stddev": 1.0}),
        ("glorot", "glorot_normal"),
        ("he", "he_normal"),
    )
}

DEPTH_STUDY = Preset(
    name="depth_study",
    title="Ten layers of 500 at initialization",
    description="Ten hidden layers of 500 units, tanh and relu, with normal weights of 0.01 and "
    "of 1, glorot and he, looked at before any training. The lecture feeds unit Gaussian noise; "
    "here it is 1,000 images of MNIST, each pixel standardized.",
    source=Source(
        "Karpathy, Johnson & Li 2016, CS231n lecture 5: training neural networks",
        "https://cs231n.github.io/neural-networks-2/",
    ),
    spec={
        "dataset": {
            "name": "mnist",
            "train_size": 1000,
            "test_size": 100,
            "preprocessing": "standardize",
        },
        "model": {"name": "mlp", "hidden_units": [500] * 10},
        "epochs": 0,
        "seeds": 10,
        "layer_statistics": {"every": 1, "samples": 1000},
        "variants": variants(_ROWS),
    },
    small={"seeds": 5},
    claims=(
        PublishedClaim(
            "small_weights_collapse",
            "With N(0.01) the activations collapse to zero: in the last hidden layer they spread "
            "less than a thousandth as far as in the first.",
            Within(
                _SPREAD, (group(variant="tanh N(0.01)"), group(variant="relu N(0.01)")), high=1e-3
            ),
        ),
        PublishedClaim(
            "large_weights_saturate_tanh",
            "With N(1) tanh saturates: in every hidden layer 80% or more of the z-values lie on "
            "its flat ends.",
            Within(
                LayerMeasure("activation", "saturated_fraction", "smallest"),
                (group(variant="tanh N(1)"),),
                0.8,
            ),
        ),
        PublishedClaim(
            "glorot_keeps_tanh",
            "With glorot tanh keeps its spread: in the last hidden layer at least a fifth of the "
            "first's.",
            Within(_SPREAD, (group(variant="tanh glorot"),), 0.2),
        ),
        PublishedClaim(
            "glorot_fades_with_relu",
            "With glorot relu's activations fade: in the last hidden layer they spread less than "
            "a tenth as far as in the first.",
            Within(_SPREAD, (group(variant="relu glorot"),), high=0.1),
        ),
        PublishedClaim(
            "he_keeps_relu",
            "With he relu keeps its spread: in the last hidden layer at least half of the "
            "first's, and no more than twice.",
            Within(_SPREAD, (group(variant="relu he"),), 0.5, 2.0),
        ),
        PublishedClaim(
            "relu_explodes",
            "ReLU does not prevent explosion (Hansen 2019): with N(1) the activations spread more "
            "than a million times as far in the last hidden layer as in the first, and gradients "
            "grow more than a million times on their way back.",
            All(
                (
                    Within(_SPREAD, (group(variant="relu N(1)"),), low=1e6),
                    Within(_GRADIENT, (group(variant="relu N(1)"),), high=1e-6),
                )
            ),
        ),
    ),
)

_NORMALIZATIONS = ("none", "batch", "layer")


def _normalized(row: str, *normalizations: str) -> tuple[TrainingGroup, ...]:
    return tuple(group(variant=f"{row}, {name}") for name in normalizations)


NORMALIZATION_DEPTH = Preset(
    name="normalization_depth",
    title="Normalization against vanishing and exploding gradients",
    description="Ten hidden layers of 100 units, tanh and relu, with normal weights of 0.01, from "
    "which gradients vanish, and relu with normal weights of 1, from which they explode: without "
    "normalization, with batch and with layer normalization, looked at before any training on "
    "1,000 images of MNIST. The papers say that the scale of the weights no longer matters and "
    "give no figure of the gradients by layer; the network and the bounds are chosen here.",
    source=Source(
        "Ioffe & Szegedy 2015, Batch normalization, section 3.3, and Ba, Kiros & Hinton 2016, "
        "Layer normalization, section 5.1",
        "https://arxiv.org/abs/1502.03167",
    ),
    spec={
        "dataset": {
            "name": "mnist",
            "train_size": 1000,
            "test_size": 100,
            "preprocessing": "standardize",
        },
        "model": {"name": "mlp", "hidden_units": [100] * 10},
        "epochs": 0,
        "seeds": 10,
        "layer_statistics": {"every": 1, "samples": 1000},
        "variants": variants(
            {
                f"{row}, {normalization}": {**_ROWS[row], "normalization": normalization}
                for row in ("tanh N(0.01)", "relu N(0.01)", "relu N(1)")
                for normalization in _NORMALIZATIONS
            }
        ),
    },
    small={"seeds": 5},
    claims=(
        PublishedClaim(
            "normalization_prevents_vanishing",
            "Batch and layer normalization hold back vanishing gradients: from N(0.01) gradients "
            "shrink more than a thousandfold from the last hidden layer to the first without them, "
            "and change less than a hundredfold with either.",
            All(
                (
                    Within(
                        _GRADIENT,
                        (
                            *_normalized("tanh N(0.01)", "none"),
                            *_normalized("relu N(0.01)", "none"),
                        ),
                        low=1e3,
                    ),
                    Within(
                        _GRADIENT,
                        (
                            *_normalized("tanh N(0.01)", "batch", "layer"),
                            *_normalized("relu N(0.01)", "batch", "layer"),
                        ),
                        0.01,
                        100.0,
                    ),
                )
            ),
        ),
        PublishedClaim(
            "normalization_prevents_exploding",
            "Batch and layer normalization hold back exploding gradients: from N(1) gradients of "
            "relu grow more than a thousandfold from the last hidden layer to the first without "
            "them, and change less than a hundredfold with either.",
            All(
                (
                    Within(_GRADIENT, _normalized("relu N(1)", "none"), high=1e-3),
                    Within(_GRADIENT, _normalized("relu N(1)", "batch", "layer"), 0.01, 100.0),
                )
            ),
        ),
    ),
)

HE_DEPTH = Preset(
    name="he_depth",
    title="Thirty layers: he trains, glorot stalls",
    description="Figure 3: a network of 30 layers with relu converges from he_normal and stalls "
    "from glorot. The paper's is convolutional on ImageNet; here 30 fully connected hidden layers "
    "of 128 units read MNIST, trained with its learning rate of 0.01 and its momentum of 0.9.",
    source=Source(
        "He et al. 2015, Delving deep into rectifiers, section 2.2 and figure 3",
        "https://arxiv.org/abs/1502.01852",
    ),
    spec={
        "dataset": {"name": "mnist", "preprocessing": "standardize"},
        "model": {"name": "mlp", "hidden_units": [128] * 30},
        "activation": "relu",
        "initializer": ["he_normal", "glorot_normal"],
        "optimizer": {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9},
        "batch_size": 128,
        "epochs": 9,
        "seeds": 5,
    },
    small={
        "dataset": {
            "name": "mnist",
            "train_size": 3840,
            "test_size": 500,
            "preprocessing": "standardize",
        },
        "epochs": 6,
    },
    claims=(
        PublishedClaim(
            "he_learns_more",
            "From he_normal the training loss ends below that from glorot_normal.",
            lower(
                MetricMeasure("loss"),
                group(initializer="he_normal"),
                group(initializer="glorot_normal"),
            ),
        ),
        PublishedClaim(
            "glorot_stalls",
            "From glorot_normal the network stalls: its training loss ends where a guess among "
            "ten classes is, within 1% of ln 10 = 2.303.",
            Within(MetricMeasure("loss"), (group(initializer="glorot_normal"),), 2.28, 2.326),
        ),
    ),
)

_SCALED = {"name": "orthogonal", "gain": 1.414}
_LSUV, _GLOROT, _HE = (group(initializer=name) for name in ("lsuv", "glorot_normal", "he_normal"))
_ORTHOGONAL = group(initializer={"name": "orthogonal", "gain": 1.0})
_SCALED_ORTHOGONAL = group(initializer=_SCALED)

LSUV_DEPTH = Preset(
    name="lsuv_depth",
    title="Layer-sequential unit variance in a thin, deep network",
    description="Section 4: very deep thin networks trained from lsuv against orthogonal, glorot "
    "and he weights; orthogonal weights as they are and, as the paper scales them for relu, times "
    "the square root of 2. The paper's networks are convolutional; here 20 fully connected hidden "
    "layers of 100 relu units read MNIST, trained with SGD at 0.01 and a momentum of 0.9 as there.",
    source=Source(
        "Mishkin & Matas 2015, All you need is a good init, sections 2 and 4",
        "https://arxiv.org/abs/1511.06422",
    ),
    spec={
        "dataset": {"name": "mnist", "preprocessing": "standardize"},
        "model": {"name": "mlp", "hidden_units": [100] * 20},
        "activation": "relu",
        "initializer": ["lsuv", "orthogonal", _SCALED, "glorot_normal", "he_normal"],
        "optimizer": {"name": "sgd", "learning_rate": 0.01, "momentum": 0.9},
        "batch_size": 128,
        "epochs": 20,
        "seeds": 5,
    },
    small={
        "dataset": {
            "name": "mnist",
            "train_size": 2560,
            "test_size": 500,
            "preprocessing": "standardize",
        },
        "epochs": 10,
        "seeds": 10,
    },
    claims=(
        PublishedClaim(
            "every_layer_has_unit_variance",
            "From lsuv the z-values of every hidden layer have a standard deviation within 10% of "
            "1 at initialization.",
            All(
                (
                    Within(LayerMeasure("z", "std", "smallest"), (_LSUV,), 0.9, 1.1),
                    Within(LayerMeasure("z", "std", "largest"), (_LSUV,), 0.9, 1.1),
                )
            ),
        ),
        PublishedClaim(
            "learns_faster_than_orthogonal_and_glorot",
            "From lsuv the training loss falls to half of what a guess costs (1.15) in fewer "
            "epochs than from orthogonal and from glorot weights.",
            lower(MetricMeasure("loss", EpochsTo(1.15)), _LSUV, _ORTHOGONAL, _GLOROT),
        ),
        PublishedClaim(
            "as_good_as_scaled_orthogonal",
            "From lsuv the validation accuracy ends no more than one percentage point below that "
            "from orthogonal weights times the square root of 2.",
            higher(MetricMeasure("val_accuracy"), _LSUV, _SCALED_ORTHOGONAL, margin=0.01),
        ),
        PublishedClaim(
            "as_good_as_he",
            "From lsuv the validation accuracy ends no more than one percentage point below that "
            "from he weights, which were made for relu.",
            higher(MetricMeasure("val_accuracy"), _LSUV, _HE, margin=0.01),
        ),
    ),
)

PRESETS = (DEPTH_STUDY, NORMALIZATION_DEPTH, HE_DEPTH, LSUV_DEPTH)
