"""Presets that compare activations."""

from typing import Any

from service.catalog.entry import Source
from service.presets.conditions import Within
from service.presets.measures import LayerMeasure, MetricMeasure
from service.presets.orders import higher, lower
from service.presets.preset import Preset, PublishedClaim, variants
from service.presets.trainings import TrainingGroup, group

GELU_MNIST = Preset(
    name="gelu_mnist",
    title="gelu against elu and relu on MNIST",
    description="Section 3.1: eight hidden layers of 128, Adam at 1e-3, batches of 128, 50 epochs, "
    "without dropout and at a rate of 0.5; 5,000 of the training images are held out for "
    "validation, as there. The paper chooses among 1e-3, 1e-4 and 1e-5 by validation and says that "
    "gelu tends to have the lowest median training loss over its curves; here the rate is 1e-3, at "
    "which all three reach their lowest, and a curve counts by its mean over the epochs, which no "
    "single epoch decides. The paper's weights have rows of unit norm; lecun_normal, whose rows "
    "have it on average, stands in.",
    source=Source(
        "Hendrycks & Gimpel 2016, Gaussian error linear units, section 3.1",
        "https://arxiv.org/abs/1606.08415",
    ),
    spec={
        "dataset": {"name": "mnist", "validation_split": 1 / 12},
        "model": {"name": "mlp", "hidden_units": [128] * 8},
        "activation": [{"name": "gelu", "approximate": "none"}, "elu", "relu"],
        "initializer": "lecun_normal",
        "optimizer": {"name": "adam", "learning_rate": 0.001},
        "dropout": ["none", 0.5],
        "batch_size": 128,
        "epochs": 50,
        "seeds": 5,
    },
    small={
        "dataset": {"name": "mnist", "train_size": 2400, "validation_split": 1 / 12},
        "epochs": 20,
    },
    claims=tuple(
        PublishedClaim(
            f"gelu_has_the_lowest_loss_{words.replace(' ', '_')}",
            f"Of gelu, elu and relu, gelu has the lowest training loss, averaged over the epochs, "
            f"{words}.",
            lower(
                MetricMeasure("loss", "mean"),
                group(activation="gelu", dropout=dropout),
                group(activation="elu", dropout=dropout),
                group(activation="relu", dropout=dropout),
            ),
        )
        for dropout, words in (("none", "without dropout"), ("dropout", "with dropout"))
    ),
)

_DEPTHS = (8, 16, 32)
_SELU = {
    f"{name}, {depth} layers": {
        "model": {"name": "mlp", "hidden_units": [128] * depth},
        **axes,
    }
    for depth in _DEPTHS
    for name, axes in (
        ("selu", {"activation": "selu", "initializer": "lecun_normal", "normalization": "none"}),
        (
            "relu with batch norm",
            {"activation": "relu", "initializer": "he_normal", "normalization": "batch"},
        ),
    )
}


def _selu_and_batch_norm(depth: int) -> tuple[TrainingGroup, TrainingGroup]:
    return (
        group(variant=f"selu, {depth} layers"),
        group(variant=f"relu with batch norm, {depth} layers"),
    )


SELU_DEPTH = Preset(
    name="selu_depth",
    title="Self-normalizing networks of 8, 16 and 32 layers",
    description="Figure 1: fully connected networks of 8, 16 and 32 layers on MNIST, selu with "
    "lecun_normal against relu with he_normal and batch normalization, plain SGD. The figure "
    "shows the training error over update steps at a learning rate of 1e-5, where batch "
    "normalization has a high variance due to perturbations; here an epoch is a point of the "
    "curve, and a rise of the training loss the perturbation. The paper leaves width and batch "
    "size of the figure open: 128 units and batches of 128 stand here.",
    source=Source(
        "Klambauer et al. 2017, Self-normalizing neural networks, figure 1",
        "https://arxiv.org/abs/1706.02515",
    ),
    spec={
        "dataset": {"name": "mnist", "preprocessing": "standardize"},
        "optimizer": {"name": "sgd", "learning_rate": 1e-5},
        "batch_size": 128,
        "epochs": 20,
        "seeds": 5,
        "variants": variants(_SELU),
    },
    small={
        "dataset": {
            "name": "mnist",
            "train_size": 1920,
            "test_size": 500,
            "preprocessing": "standardize",
        },
        "epochs": 8,
    },
    claims=(
        PublishedClaim(
            "activations_keep_unit_variance",
            "With selu the activations of the last hidden layer still have a standard deviation "
            "near 1 (0.7 to 1.3) at initialization, with 8, 16 and 32 layers.",
            Within(
                LayerMeasure("activation", "std", "last"),
                tuple(group(variant=f"selu, {depth} layers") for depth in _DEPTHS),
                0.7,
                1.3,
            ),
        ),
        PublishedClaim(
            "gradients_neither_vanish_nor_explode",
            "SELU's gradients can neither vanish nor explode (Hansen 2019, after theorems 2 and 3 "
            "of the paper): at initialization they change less than tenfold from the last hidden "
            "layer to the first, with 8, 16 and 32 layers.",
            Within(
                LayerMeasure("z_gradient", "std", "last_over_first"),
                tuple(group(variant=f"selu, {depth} layers") for depth in _DEPTHS),
                0.1,
                10.0,
            ),
        ),
        *(
            PublishedClaim(
                f"lower_variance_than_batch_norm_{depth}_layers",
                f"With {depth} layers the training loss rises after fewer epochs with selu than "
                "with batch normalization.",
                lower(MetricMeasure("loss", "rises"), *_selu_and_batch_norm(depth)),
            )
            for depth in _DEPTHS
        ),
        *(
            PublishedClaim(
                f"learns_faster_than_batch_norm_{depth}_layers",
                f"With {depth} layers selu's training loss, averaged over the epochs, is below "
                "that of relu with batch normalization.",
                lower(MetricMeasure("loss", "mean"), *_selu_and_batch_norm(depth)),
            )
            for depth in _DEPTHS
        ),
    ),
)

_SCNN = {"activation": "selu", "initializer": "lecun_normal"}
_CNN = {"activation": "relu", "initializer": "he_normal", "dropout": 0.1}
_NARROW = {"name": "mnist_cnn", "channels": [8, 16], "units": [32]}
_SELU_CNN: dict[str, dict[str, Any]] = {
    "selu": {**_SCNN, "model": _NARROW, "dropout": {"name": "alpha_dropout", "rate": 0.1}},
    "relu, equal": {**_CNN, "model": _NARROW},
    "relu, four times": {
        **_CNN,
        "model": {"name": "mnist_cnn", "channels": [16, 32], "units": [64]},
    },
}

SELU_CNN = Preset(
    name="selu_cnn",
    title="Self-normalizing convolutional networks of few parameters",
    description="The abstract's two claims. The paper's networks classify texts, of which there "
    "are none here: so two convolutions and a dense layer read MNIST, selu with lecun_normal and "
    "alpha dropout against relu with he_normal and dropout, at a rate of 0.1, with Adam and "
    "batches of 32. Both have 75,338 weights and biases, and a larger relu network has 300,426. "
    "What holds for texts need not hold for images.",
    source=Source(
        "Madasu & Rao 2019, Effectiveness of self normalizing neural networks for text "
        "classification, abstract",
        "https://arxiv.org/abs/1905.01338",
    ),
    spec={
        "dataset": {"name": "mnist", "preprocessing": "standardize", "validation_split": 1 / 12},
        "optimizer": "adam",
        "batch_size": 32,
        "epochs": 20,
        "seeds": 5,
        "layer_statistics": "off",
        "variants": variants(_SELU_CNN),
    },
    small={
        "dataset": {
            "name": "mnist",
            "train_size": 1920,
            "test_size": 500,
            "preprocessing": "standardize",
            "validation_split": 0.25,
        },
        "epochs": 6,
    },
    claims=(
        PublishedClaim(
            "better_with_equal_parameters",
            "A self-normalizing convolutional network outperforms the standard one of equally many "
            "parameters: its validation accuracy ends higher.",
            higher(
                MetricMeasure("val_accuracy"),
                group(variant="selu"),
                group(variant="relu, equal"),
            ),
        ),
        PublishedClaim(
            "comparable_with_a_quarter_of_the_parameters",
            "With a quarter of the parameters it is comparable to the standard network: its "
            "validation accuracy ends no more than one percentage point below.",
            higher(
                MetricMeasure("val_accuracy"),
                group(variant="selu"),
                group(variant="relu, four times"),
                margin=0.01,
            ),
        ),
    ),
)

ELU_MNIST = Preset(
    name="elu_mnist",
    title="elu keeps activations near zero",
    description="Section 4.1: eight hidden layers of 128 units on MNIST, he_normal, plain SGD at "
    "0.01 with batches of 64 for 300 epochs; elu against relu and "
    "leaky_relu(negative_slope=0.1). The paper shows the median over units of a unit's mean "
    "activation; here it is the median over layers of a layer's mean activation.",
    source=Source(
        "Clevert, Unterthiner & Hochreiter 2015, Fast and accurate deep network learning by "
        "exponential linear units, section 4.1",
        "https://arxiv.org/abs/1511.07289",
    ),
    spec={
        "dataset": "mnist",
        "model": {"name": "mlp", "hidden_units": [128] * 8},
        "activation": ["elu", "relu", {"name": "leaky_relu", "negative_slope": 0.1}],
        "initializer": "he_normal",
        "optimizer": {"name": "sgd", "learning_rate": 0.01},
        "batch_size": 64,
        "epochs": 300,
        "seeds": 5,
        "layer_statistics": {"every": 10, "samples": 1000},
    },
    small={
        "dataset": {"name": "mnist", "train_size": 4096, "test_size": 500},
        "epochs": 16,
        "layer_statistics": {"every": 4, "samples": 500},
    },
    claims=(
        PublishedClaim(
            "activations_nearest_zero",
            "While it learns, elu's mean activation is nearer zero than that of relu and of "
            "leaky_relu.",
            lower(
                LayerMeasure("activation", "mean", "median_size", every=True),
                group(activation="elu"),
                group(activation="relu"),
                group(activation="leaky_relu"),
            ),
        ),
        PublishedClaim(
            "training_error_falls_fastest",
            "elu's training loss falls fastest: averaged over the epochs it is below that of relu "
            "and of leaky_relu.",
            lower(
                MetricMeasure("loss", "mean"),
                group(activation="elu"),
                group(activation="relu"),
                group(activation="leaky_relu"),
            ),
        ),
    ),
)

PRESETS = (GELU_MNIST, SELU_DEPTH, SELU_CNN, ELU_MNIST)
