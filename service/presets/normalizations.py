"""Presets that compare normalizations and what is done to the inputs."""

from typing import Any

from service.catalog.entry import Source
from service.presets.check import All
from service.presets.measures import Drift, EpochsTo, MetricMeasure
from service.presets.orders import Ordered, higher, lower
from service.presets.preset import Preset, PublishedClaim, variants
from service.presets.trainings import TrainingGroup, group

_SIZES = (2, 4, 16, 128)
_AT_128 = 0.1


def _of(normalization: str, size: int) -> TrainingGroup:
    return group(normalization=normalization, batch_size=size)


def _better_than_batch(normalization: str, size: int) -> Ordered:
    return higher(MetricMeasure("val_accuracy"), _of(normalization, size), _of("batch", size))


def _keeps(normalization: str, size: int) -> Ordered:
    return higher(
        MetricMeasure("val_accuracy"),
        _of(normalization, size),
        _of(normalization, 128),
        margin=0.01,
    )


NORMALIZATION_STUDY = Preset(
    name="normalization_study",
    title="Normalizations at batch sizes 2, 4, 16 and 128",
    description="A convolutional and a fully connected network on MNIST with each normalization, "
    "at four batch sizes. As in the paper the learning rate is proportional to the batch size, so "
    "that an epoch moves the weights as far: 0.1 at 128, with a momentum of 0.9. The paper's "
    "networks read ImageNet. Each seed's value is the mean of its two networks.",
    source=Source(
        "Wu & He 2018, Group normalization, section 4.1 and figure 5",
        "https://arxiv.org/abs/1803.08494",
    ),
    spec={
        "dataset": "mnist",
        "model": ["mnist_cnn", {"name": "mlp", "hidden_units": [128, 128]}],
        "activation": "relu",
        "normalization": ["none", "batch", "layer", "instance", "group", "switchable"],
        "dropout": "none",
        "epochs": 5,
        "seeds": 5,
        "variants": variants(
            {
                f"batches of {size}": {
                    "batch_size": size,
                    "optimizer": {
                        "name": "sgd",
                        "learning_rate": _AT_128 * size / 128,
                        "momentum": 0.9,
                    },
                }
                for size in _SIZES
            }
        ),
    },
    small={
        "dataset": {"name": "mnist", "train_size": 768, "test_size": 1000},
        "model": [
            {"name": "mnist_cnn", "channels": [8, 16], "units": [32]},
            {"name": "mlp", "hidden_units": [64, 64]},
        ],
        "epochs": 2,
    },
    claims=(
        PublishedClaim(
            "batch_norm_degrades",
            "Batch normalization's validation accuracy is lower with batches of 2 than with "
            "batches of 16.",
            lower(MetricMeasure("val_accuracy"), _of("batch", 2), _of("batch", 16)),
        ),
        PublishedClaim(
            "group_and_layer_norm_do_not",
            "With batches of 2 and of 4, group and layer normalization stay within one percentage "
            "point of their validation accuracy with batches of 128, or above.",
            All(tuple(_keeps(name, size) for name in ("group", "layer") for size in (2, 4))),
        ),
        PublishedClaim(
            "group_and_layer_norm_win_at_2",
            "With batches of 2, group and layer normalization reach a higher validation accuracy "
            "than batch normalization.",
            All(tuple(_better_than_batch(name, 2) for name in ("group", "layer"))),
        ),
        PublishedClaim(
            "group_and_layer_norm_win_at_4",
            "With batches of 4, group and layer normalization reach a higher validation accuracy "
            "than batch normalization.",
            All(tuple(_better_than_batch(name, 4) for name in ("group", "layer"))),
        ),
    ),
)

_EPOCHS = MetricMeasure("loss", EpochsTo(0.3))
_CENTRED = ("zero_center", "standardize", "pca", "whiten")


def _mnist(preprocessing: str, **sizes: int) -> dict[str, Any]:
    return {"name": "mnist", "preprocessing": preprocessing, **sizes}


PREPROCESSING_STUDY = Preset(
    name="preprocessing_study",
    title="Centred inputs learn faster",
    description="Two hidden layers of 128 tanh units on MNIST, plain SGD, with the pixels as "
    "stored, scaled, centred, standardized, projected on 50 principal axes and whitened. The paper "
    "argues by the condition number, which sets the largest rate that is stable: so each is "
    "compared at its own best of five learning rates, chosen on the other seeds. The network is "
    "chosen here.",
    source=Source(
        "LeCun et al. 1998, Efficient BackProp, section 4.3",
        "http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf",
    ),
    spec={
        "model": {"name": "mlp", "hidden_units": [128, 128]},
        "activation": "tanh",
        "initializer": "glorot_uniform",
        "optimizer": {"name": "sgd", "learning_rate": [0.01, 0.03, 0.1, 0.3, 1.0]},
        "batch_size": 128,
        "epochs": 20,
        "seeds": 5,
        "variants": variants(
            {name: {"dataset": _mnist(name)} for name in ("none", "scale", *_CENTRED)}
        ),
    },
    small={
        "epochs": 10,
        "variants": variants(
            {
                name: {"dataset": _mnist(name, train_size=4096, test_size=1000)}
                for name in ("none", "scale", *_CENTRED)
            }
        ),
    },
    claims=(
        PublishedClaim(
            "centring_learns_faster",
            "With the mean taken off, the training loss falls to 0.3 in fewer epochs than with "
            "pixels scaled to between 0 and 1, each at its best learning rate.",
            lower(_EPOCHS, group(variant="zero_center"), group(variant="scale"), tuned=True),
        ),
        PublishedClaim(
            "standardizing_learns_faster",
            "With standardized inputs the training loss falls to 0.3 in fewer epochs than with "
            "pixels scaled to between 0 and 1, each at its best learning rate.",
            lower(_EPOCHS, group(variant="standardize"), group(variant="scale"), tuned=True),
        ),
        PublishedClaim(
            "decorrelating_learns_faster",
            "With whitened inputs, which have no correlation left, the training loss falls to 0.3 "
            "in fewer epochs than with pixels scaled to between 0 and 1, each at its best learning "
            "rate.",
            lower(_EPOCHS, group(variant="whiten"), group(variant="scale"), tuned=True),
        ),
    ),
)

_WITH, _WITHOUT = group(normalization="batch"), group(normalization="none")

BATCHNORM_MNIST = Preset(
    name="batchnorm_mnist",
    title="Batch normalization on MNIST",
    description="Section 4.1: three hidden layers of 100 sigmoid units, small Gaussian weights, "
    "batches of 60 for 50,000 steps, with and without batch normalization. The paper leaves the "
    "weights' deviation and the learning rate open: 0.1 and SGD at 0.1 stand here. It shows the "
    "15th, 50th and 85th percentiles of one unit's input; here they are the 5th, 50th and 95th of "
    "all units of the last hidden layer.",
    source=Source(
        "Ioffe & Szegedy 2015, Batch normalization, section 4.1 and figure 1",
        "https://arxiv.org/abs/1502.03167",
    ),
    spec={
        "dataset": "mnist",
        "model": {"name": "mlp", "hidden_units": [100] * 3},
        "activation": "sigmoid",
        "initializer": {"name": "normal", "stddev": 0.1},
        "normalization": ["none", "batch"],
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "batch_size": 60,
        "epochs": 50,
        "seeds": 5,
        "layer_statistics": {"every": 1, "samples": 1000},
    },
    small={
        "dataset": {"name": "mnist", "train_size": 6000, "test_size": 1000},
        "epochs": 12,
    },
    claims=(
        PublishedClaim(
            "higher_test_accuracy",
            "With batch normalization the test accuracy ends higher, and reaches 0.9 in fewer "
            "epochs.",
            All(
                (
                    higher(MetricMeasure("val_accuracy"), _WITH, _WITHOUT),
                    lower(MetricMeasure("val_accuracy", EpochsTo(0.9)), _WITH, _WITHOUT),
                )
            ),
        ),
        PublishedClaim(
            "converges_sooner",
            "With batch normalization training converges sooner: the training loss falls to half "
            "of what a guess costs (1.15) in fewer epochs.",
            lower(MetricMeasure("loss", EpochsTo(1.15)), _WITH, _WITHOUT),
        ),
        PublishedClaim(
            "stable_inputs",
            "With batch normalization the distribution of the last hidden layer's inputs wanders "
            "less from epoch to epoch.",
            lower(Drift(), _WITH, _WITHOUT),
        ),
    ),
)

PRESETS = (NORMALIZATION_STUDY, PREPROCESSING_STUDY, BATCHNORM_MNIST)
