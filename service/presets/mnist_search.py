"""Presets on the search that trains Keras' MNIST network with six activations."""

from typing import Any

from service.catalog.entry import Source
from service.presets.check import All
from service.presets.conditions import Within
from service.presets.measures import MetricMeasure
from service.presets.orders import higher, lower
from service.presets.preset import Preset, PublishedClaim
from service.presets.trainings import TrainingGroup, group

_LEARNERS = ("relu", "elu", "leaky_relu", "gelu", "selu")

#: Activations with Keras' default initializer, and selu with its own in the hidden layers.
_OF_KERAS: dict[str, Any] = {
    "activation": [
        "sigmoid",
        "relu",
        "elu",
        {"name": "leaky_relu", "negative_slope": 0.2},
        {"name": "gelu", "approximate": "tanh"},
    ],
    "initializer": "glorot_uniform",
}
_OF_SELU: dict[str, Any] = {
    "activation": "selu",
    "initializer": "lecun_normal",
    "output_initializer": "glorot_uniform",
}

SHOWDOWN = Preset(
    name="activation_showdown",
    title="Six activations on MNIST",
    description="Keras' convolutional network on MNIST with six activations: glorot_uniform, "
    "Keras' default, for all but selu, which brings lecun_normal in the hidden layers and alpha "
    "dropout at 0.05 and 0.10, as its paper has them; Adam at 1e-3, gradients clipped by value at "
    "0.5, batches of 128; trained on the 60,000 images and validated on the 10,000, as the source "
    "does. The source trains relu alone: network and recipe are from there, the claims are this "
    "project's own. They are about one learning rate: with each activation at its own best rate "
    "sigmoid is not as far behind.",
    source=Source("Keras, Simple MNIST convnet", "https://keras.io/examples/vision/mnist_convnet/"),
    spec={
        "dataset": "mnist",
        "model": "mnist_cnn",
        "optimizer": {"name": "adam", "learning_rate": 0.001},
        "clipping": {"name": "value", "threshold": 0.5},
        "batch_size": 128,
        "epochs": 12,
        "seeds": 5,
        "variants": [
            {
                "label": "as Keras has it",
                **_OF_KERAS,
            },
            {
                "label": "selu as its paper has it",
                **_OF_SELU,
                "dropout": {"name": "alpha_dropout", "rate": [0.05, 0.1]},
            },
        ],
    },
    small={
        "dataset": {"name": "mnist", "train_size": 1000, "test_size": 500},
        "epochs": 3,
    },
    claims=(
        PublishedClaim(
            "sigmoid_is_slowest",
            "At Adam's default rate sigmoid is the slowest to learn: its validation accuracy, "
            "averaged over the epochs, is below that of each of the others.",
            lower(
                MetricMeasure("val_accuracy", "mean"),
                group(activation="sigmoid"),
                *(group(activation=name) for name in _LEARNERS),
            ),
        ),
        PublishedClaim(
            "the_others_reach_98_5_percent",
            "relu, elu, leaky_relu, gelu and selu reach a validation accuracy of 98.5% or more "
            "after 12 epochs on the 60,000 images.",
            Within(
                MetricMeasure("val_accuracy"),
                tuple(group(activation=name) for name in _LEARNERS),
                0.985,
            ),
            epochs=12,
            train_size=60_000,
        ),
    ),
)

_HANSEN = Source(
    "Hansen 2019, Activation functions explained: GELU, SELU, ELU, ReLU and more",
    "https://mlfromscratch.com/activation-functions-explained/",
)
_RECIPE: dict[str, Any] = {
    "dataset": "mnist",
    "model": "mnist_cnn",
    "loss": "binary_crossentropy",
    "optimizer": {"name": "adam", "learning_rate": 0.001},
    "clipping": {"name": "value", "threshold": 0.5},
    "epochs": 100,
    "seeds": 5,
}

HANSEN_2019 = Preset(
    name="hansen_2019",
    title="The MNIST search as it was published",
    description="Keras' convolutional network with six activations, Adam with gradients clipped by "
    "value at 0.5, batches of 128, 100 epochs. The loss is binary_crossentropy behind a softmax, "
    "so Keras reports the element-wise accuracy; both accuracies are recorded here. selu has "
    "lecun_normal in its hidden layers and alpha dropout. The source asks for a validation split "
    "of 0.2 and gives the test images to validate on; Keras ignores the first where both are "
    "given, and trains on all 60,000. The source's dropout_rate of 0.2 is never used: its network "
    "has 0.25 and 0.5. It trains each once; here five seeds say how sure its picture is.",
    source=_HANSEN,
    spec={
        **_RECIPE,
        "batch_size": 128,
        "variants": [
            {
                "label": "Keras' initializer",
                **_OF_KERAS,
            },
            {
                "label": "selu with its own",
                **_OF_SELU,
                "dropout": "alpha_dropout",
            },
        ],
    },
    small={"dataset": {"name": "mnist", "train_size": 1000, "test_size": 500}, "epochs": 3},
    claims=(
        PublishedClaim(
            "sigmoid_is_behind_the_others",
            "sigmoid is so far behind that the source draws the others without it: its validation "
            "accuracy, averaged over the epochs, is below that of each of them.",
            lower(
                MetricMeasure("val_accuracy", "mean"),
                group(activation="sigmoid"),
                *(group(activation=name) for name in _LEARNERS),
            ),
        ),
        PublishedClaim(
            "leaky_relu_is_faster_than_elu",
            "Leaky ReLU is faster to compute than ELU: an epoch takes less time.",
            lower(
                MetricMeasure("epoch_seconds", "mean"),
                group(activation="leaky_relu"),
                group(activation="elu"),
            ),
        ),
    ),
)


def _batches_of(size: int) -> TrainingGroup:
    return group(batch_size=size)


BATCH_SIZE_MNIST = Preset(
    name="batch_size_mnist",
    title="Batches of 16, 32 and 128 on MNIST",
    description="The network and the recipe of the MNIST search with relu. The source trains with "
    "batches of 128, to be faster, and recommends 16 or 32 for a higher accuracy. The learning "
    "rate stays, as there: smaller batches then take more steps of the same size.",
    source=_HANSEN,
    spec={
        **_RECIPE,
        "activation": "relu",
        "initializer": "glorot_uniform",
        "batch_size": [16, 32, 128],
        "epochs": 20,
    },
    small={"dataset": {"name": "mnist", "train_size": 2000, "test_size": 1000}, "epochs": 4},
    claims=(
        PublishedClaim(
            "small_batches_are_more_accurate",
            "With batches of 16 and of 32 the validation accuracy ends above that with 128.",
            All(
                tuple(
                    higher(MetricMeasure("val_accuracy"), _batches_of(size), _batches_of(128))
                    for size in (16, 32)
                )
            ),
        ),
        PublishedClaim(
            "large_batches_are_faster",
            "With batches of 16 and of 32 an epoch takes longer than with 128.",
            All(
                tuple(
                    higher(
                        MetricMeasure("epoch_seconds", "mean"), _batches_of(size), _batches_of(128)
                    )
                    for size in (16, 32)
                )
            ),
        ),
    ),
)

PRESETS = (SHOWDOWN, HANSEN_2019, BATCH_SIZE_MNIST)
