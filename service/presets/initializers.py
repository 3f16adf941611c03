"""Presets that compare initializers on small networks."""

from typing import Any

from service.catalog.entry import Source
from service.presets.check import All
from service.presets.conditions import Verdicts, Within
from service.presets.measures import EpochsTo, MetricMeasure
from service.presets.orders import higher, lower
from service.presets.preset import Preset, PublishedClaim, variants
from service.presets.trainings import group

_GODOY = Source(
    "Godoy 2018, Hyper-parameters in action! Part II: weight initializers (DeepReplay)",
    "https://github.com/dvgodoy/deepreplay",
)
_BLOCK = {"name": "mlp", "hidden_units": [100] * 5}


def _normal(stddev: float) -> dict[str, Any]:
    return {"name": "normal", "stddev": stddev}


_ROWS: dict[str, tuple[str, Any]] = {
    "sigmoid N(0.01)": ("sigmoid", _normal(0.01)),
    "sigmoid N(0.1)": ("sigmoid", _normal(0.1)),
    "sigmoid N(1)": ("sigmoid", _normal(1.0)),
    "tanh N(0.01)": ("tanh", _normal(0.01)),
    "tanh N(1)": ("tanh", _normal(1.0)),
    "tanh N(0.1)": ("tanh", _normal(0.1)),
    "tanh glorot_normal": ("tanh", "glorot_normal"),
    "tanh glorot_uniform": ("tanh", "glorot_uniform"),
    "relu glorot_normal": ("relu", "glorot_normal"),
    "relu glorot_uniform": ("relu", "glorot_uniform"),
    "relu he_normal": ("relu", "he_normal"),
    "relu he_uniform": ("relu", "he_uniform"),
}
_HEALTHY = (
    "tanh N(0.1)",
    "tanh glorot_normal",
    "tanh glorot_uniform",
    "relu he_normal",
    "relu he_uniform",
)

#: Networks on which the thresholds of the diagnosis were not set. Their hidden layers are as wide:
#: 0.1 is the right deviation for 100 inputs, and for no other number.
_OTHER_NETWORKS: dict[str, dict[str, Any]] = {
    "eight layers": {"model": {"name": "mlp", "hidden_units": [100] * 8}},
    "digits": {"dataset": {"name": "digits"}},
    "moons": {"dataset": {"name": "moons", "train_size": 1000, "test_size": 200}},
}


def _row(label: str) -> dict[str, Any]:
    activation, initializer = _ROWS[label]
    return {"activation": activation, "initializer": initializer}


def _verdicts(network: str | None = None) -> Verdicts:
    def named(label: str) -> str:
        return f"{label}, {network}" if network else label

    healthy, failing = map(named, _HEALTHY), [label for label in _ROWS if label not in _HEALTHY]
    return Verdicts(tuple(healthy), tuple(map(named, failing)))


BLOCK_INITIALIZERS = Preset(
    name="block_initializers",
    title="Twelve initializations of one block",
    description="Five hidden layers of 100 units on 1,000 points of the ball, looked at before "
    "any training: sigmoid, tanh and relu with normal weights of several sizes and with the "
    "initializers made for them. The thresholds of the diagnosis know this network; so the same "
    "twelve are looked at in eight layers, on the digits and on moons, too.",
    source=_GODOY,
    spec={
        "dataset": {"name": "ball", "train_size": 1000, "test_size": 1000},
        "model": _BLOCK,
        "optimizer": {"name": "sgd", "learning_rate": 0.01},
        "batch_size": 16,
        "epochs": 0,
        "seeds": 10,
        "layer_statistics": {"every": 1, "samples": 1000},
        "variants": variants(
            {label: _row(label) for label in _ROWS}
            | {
                f"{label}, {network}": _row(label) | change
                for network, change in _OTHER_NETWORKS.items()
                for label in _ROWS
            }
        ),
    },
    small={"seeds": 5},
    claims=(
        PublishedClaim(
            "verdict_table",
            "Only tanh with N(0.1), glorot_normal and glorot_uniform and relu with he_normal and "
            "he_uniform are healthy at initialization; the other seven are not.",
            _verdicts(),
        ),
        PublishedClaim(
            "verdict_table_of_other_networks",
            "The same five are healthy and the same seven are not in networks of eight layers, on "
            "the digits and on moons.",
            All(tuple(_verdicts(network) for network in _OTHER_NETWORKS)),
        ),
    ),
)

_RELU, _TANH = group(variant="relu"), group(variant="tanh")

INITIALIZER_SHOWDOWN = Preset(
    name="initializer_showdown",
    title="The block trained: relu with he against tanh with glorot",
    description="The block of five hidden layers of 100 units trained on 1,000 points of the "
    "ball with plain SGD at 0.05 and batches of 16: relu with he_normal and he_uniform, tanh with "
    "glorot_normal and glorot_uniform. The original trains on all its points and shows their "
    "loss; here another 1,000 points are kept to validate on.",
    source=_GODOY,
    spec={
        "dataset": {"name": "ball", "train_size": 1000, "test_size": 1000},
        "model": _BLOCK,
        "optimizer": {"name": "sgd", "learning_rate": 0.05},
        "batch_size": 16,
        "epochs": 50,
        "seeds": 10,
        "variants": variants(
            {
                "relu": {"activation": "relu", "initializer": ["he_normal", "he_uniform"]},
                "tanh": {"activation": "tanh", "initializer": ["glorot_normal", "glorot_uniform"]},
            }
        ),
    },
    small={"epochs": 20},
    claims=(
        PublishedClaim(
            "relu_beats_tanh",
            "relu with he learns faster than tanh with glorot: its training loss falls to half of "
            "what a guess costs (0.347) in fewer epochs.",
            lower(MetricMeasure("loss", EpochsTo(0.347)), _RELU, _TANH),
        ),
        PublishedClaim(
            "relu_beats_tanh_on_new_points",
            "relu with he also classifies more of the points it was not trained on.",
            higher(MetricMeasure("val_accuracy"), _RELU, _TANH),
        ),
        PublishedClaim(
            "uniform_beats_normal",
            "The uniform forms end with a lower training loss than the normal ones.",
            All(
                tuple(
                    lower(
                        MetricMeasure("loss"),
                        group(initializer=f"{name}_uniform"),
                        group(initializer=f"{name}_normal"),
                    )
                    for name in ("he", "glorot")
                )
            ),
        ),
    ),
)

_SCALED = ("glorot_normal", "glorot_uniform", "he_normal", "he_uniform")

CHURN_INITIALIZERS = Preset(
    name="churn_initializers",
    title="Initializers for the churn network",
    description="The bank's churn table with two hidden layers of 6 relu units, Adam at 1e-3, "
    "batches of 10, 100 epochs. The course that made this network known starts from uniform "
    "weights within 0.05; here also from the fan-in rule, glorot and he. The source argues "
    "for scaled weights in tanh networks of five layers; that it helps this one, of two layers of "
    "six units in which nothing can vanish, is this project's own claim, put to the test.",
    source=Source(
        "Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural "
        "networks, section 4.2.1",
        "https://proceedings.mlr.press/v9/glorot10a.html",
    ),
    spec={
        "dataset": "churn",
        "model": {"name": "mlp", "hidden_units": [6, 6]},
        "activation": "relu",
        "initializer": [{"name": "uniform", "limit": 0.05}, "fan_in_uniform", *_SCALED],
        "optimizer": {"name": "adam", "learning_rate": 0.001},
        "batch_size": 10,
        "epochs": 100,
        "seeds": 10,
    },
    small={
        "dataset": {"name": "churn", "train_size": 2000, "test_size": 1000},
        "epochs": 10,
        "seeds": 5,
    },
    claims=(
        PublishedClaim(
            "scaled_weights_learn_faster",
            "With glorot and he the training loss, averaged over the epochs, is below that with "
            "uniform weights within 0.05.",
            All(
                tuple(
                    lower(
                        MetricMeasure("loss", "mean"),
                        group(initializer=name),
                        group(initializer="uniform"),
                    )
                    for name in _SCALED
                )
            ),
        ),
        PublishedClaim(
            "scaled_weights_lower_test_loss_sooner",
            "With glorot and he the loss on the test part, averaged over the epochs, is below that "
            "with uniform weights within 0.05.",
            All(
                tuple(
                    lower(
                        MetricMeasure("val_loss", "mean"),
                        group(initializer=name),
                        group(initializer="uniform"),
                    )
                    for name in _SCALED
                )
            ),
        ),
    ),
)

_ZEROS, _LARGE, _HE = (group(variant=label) for label in ("zeros", "normal x 10", "he_normal"))

SYMMETRY_BREAKING = Preset(
    name="symmetry_breaking",
    title="Zeros, too large, and he",
    description="The exercise on initialization of the Deep Learning Specialization: two circles "
    "(300 points to train, 100 to test, noise 0.05), hidden layers of 10 and 5 relu units, "
    "full-batch gradient descent at 0.01 for 15,000 steps, from zeros, from normal weights times "
    "10 and from he_normal.",
    source=Source(
        "Ng, Katanforoosh & Bensouda Mourri 2017, Improving deep neural networks, week 1: "
        "initialization",
        "https://www.coursera.org/learn/deep-neural-network",
    ),
    spec={
        "dataset": {"name": "circles", "train_size": 300, "test_size": 100, "noise": 0.05},
        "model": {"name": "mlp", "hidden_units": [10, 5]},
        "activation": "relu",
        "optimizer": {"name": "sgd", "learning_rate": 0.01},
        "batch_size": 300,
        "epochs": 15_000,
        "seeds": 10,
        "variants": variants(
            {
                "zeros": {"initializer": "zeros"},
                "normal x 10": {"initializer": _normal(10.0)},
                "he_normal": {"initializer": "he_normal"},
            }
        ),
    },
    small={"seeds": 5},
    claims=(
        PublishedClaim(
            "zeros_learn_nothing",
            "From zeros the loss stays at ln 2 = 0.693 and half of the points are classified "
            "rightly.",
            All(
                (
                    Within(MetricMeasure("loss"), (_ZEROS,), 0.692, 0.6935),
                    Within(MetricMeasure("accuracy"), (_ZEROS,), 0.49, 0.51),
                )
            ),
        ),
        PublishedClaim(
            "too_large_starts_badly",
            "From normal weights times 10 the first loss is huge, above 5 where a guess costs "
            "0.693.",
            Within(MetricMeasure("loss", 1), (_LARGE,), 5.0),
        ),
        PublishedClaim(
            "too_large_classifies_less",
            "From normal weights times 10 fewer training points are classified rightly in the end "
            "than from he_normal.",
            lower(MetricMeasure("accuracy"), _LARGE, _HE),
        ),
        PublishedClaim(
            "too_large_ends_with_a_higher_loss",
            "From normal weights times 10 training ends with a higher loss than from he_normal.",
            higher(MetricMeasure("loss"), _LARGE, _HE),
        ),
        PublishedClaim(
            "he_needs_the_fewest_epochs",
            "A well chosen initialization speeds up convergence: from he_normal the training loss "
            "falls to 0.2 in fewer epochs than from zeros and from normal weights times 10.",
            lower(MetricMeasure("loss", EpochsTo(0.2)), _HE, _ZEROS, _LARGE),
        ),
        PublishedClaim(
            "he_solves_it",
            "From he_normal 97% or more of the training points and 92% or more of the test points "
            "are classified rightly.",
            All(
                (
                    Within(MetricMeasure("accuracy"), (_HE,), 0.97),
                    Within(MetricMeasure("val_accuracy"), (_HE,), 0.92),
                )
            ),
            epochs=15_000,
        ),
    ),
)

PRESETS = (BLOCK_INITIALIZERS, INITIALIZER_SHOWDOWN, CHURN_INITIALIZERS, SYMMETRY_BREAKING)
