"""Presets on what course notes say of initial weights: what suits which activation, and why."""

from typing import Any

from service.catalog.entry import Source
from service.presets.check import All
from service.presets.conditions import Verdicts, Within
from service.presets.measures import EpochsTo, MetricMeasure
from service.presets.orders import Ordered, lower
from service.presets.preset import Preset, PublishedClaim, variants
from service.presets.trainings import TrainingGroup, group

_NOTES = Source(
    "Course notes on weight initialization, tried on the churn table",
    "https://www.kaggle.com/datasets/shrutimechlearn/churn-modelling",
)

#: By technique: hidden layers' and output layer's initializer. Where the notes name one for one of
#: them only, the other has Keras' default, glorot_uniform.
_TECHNIQUES: dict[str, dict[str, Any]] = {
    "uniform output": {
        "initializer": "glorot_uniform",
        "output_initializer": {"name": "uniform", "limit": 0.05},
    },
    "uniform": {"initializer": "fan_in_uniform"},
    "xavier": {"initializer": "glorot_uniform"},
    "he": {"initializer": "he_uniform", "output_initializer": "glorot_uniform"},
}
_ACTIVATIONS = ("sigmoid", "relu", "leaky_relu")
_SOONER = MetricMeasure("loss", EpochsTo(0.45))


def _technique(activation: str, technique: str) -> TrainingGroup:
    return group(variant=f"{activation}, {technique}")


def _sooner(activation: str, technique: str, *than: str) -> Ordered:
    return lower(
        _SOONER, _technique(activation, technique), *(_technique(activation, name) for name in than)
    )


def _best(activation: str, technique: str) -> Ordered:
    return _sooner(activation, technique, *(name for name in _TECHNIQUES if name != technique))


CHURN_ACTIVATIONS = Preset(
    name="churn_activations",
    title="Which weights suit which activation, on the churn table",
    description="The bank's churn table with 11 features (one of the three countries is dropped), "
    "two hidden layers of 6 units, Adam at 1e-3, batches of 10, 100 epochs: sigmoid, relu and "
    "leaky_relu, each with the notes' four techniques. RandomUniform is on the output layer "
    "alone, as the notes have it, with Keras' limit of 0.05; uniform is U(-1/sqrt(fan_in), "
    "1/sqrt(fan_in)); he is he_uniform in the hidden layers with glorot_uniform at the output. "
    "The notes say which technique suits an activation and give no measure of it: here it is "
    "how soon the training loss falls to 0.45, where guessing costs 0.5.",
    source=_NOTES,
    spec={
        "dataset": {"name": "churn", "countries": 2},
        "model": {"name": "mlp", "hidden_units": [6, 6]},
        "optimizer": {"name": "adam", "learning_rate": 0.001},
        "batch_size": 10,
        "epochs": 100,
        "seeds": 10,
        "variants": variants(
            {
                f"{activation}, {technique}": {"activation": activation, **initializers}
                for activation in _ACTIVATIONS
                for technique, initializers in _TECHNIQUES.items()
            }
        ),
    },
    small={
        "dataset": {"name": "churn", "countries": 2, "train_size": 2000, "test_size": 1000},
        "epochs": 10,
        "seeds": 5,
    },
    claims=(
        PublishedClaim(
            "uniform_suits_sigmoid",
            "The uniform distribution suits sigmoid: from U(-1/sqrt(fan_in), 1/sqrt(fan_in)) it "
            "learns, and its training loss ends below 0.48, where guessing costs 0.5.",
            Within(MetricMeasure("loss"), (_technique("sigmoid", "uniform"),), high=0.48),
        ),
        PublishedClaim(
            "xavier_better_than_uniform_for_sigmoid",
            "Xavier suits sigmoid, and better than uniform: the training loss falls to 0.45 in "
            "fewer epochs.",
            _sooner("sigmoid", "xavier", "uniform"),
        ),
        PublishedClaim(
            "he_suits_relu",
            "He suits ReLU: the training loss falls to 0.45 in fewer epochs than with each of the "
            "other three.",
            _best("relu", "he"),
        ),
        PublishedClaim(
            "he_suits_leaky_relu",
            "He suits LeakyReLU: the training loss falls to 0.45 in fewer epochs than with each of "
            "the other three.",
            _best("leaky_relu", "he"),
        ),
        PublishedClaim(
            "best_for_sigmoid",
            "Of the four, Xavier is the best for sigmoid: the training loss falls to 0.45 in the "
            "fewest epochs.",
            _best("sigmoid", "xavier"),
        ),
    ),
)

_CONSTANT, _RANDOM = group(variant="constant 0.1"), group(variant="he_normal")

CONSTANT_WEIGHTS = Preset(
    name="constant_weights",
    title="Weights that are all 0.1",
    description="Two circles (300 points to train, 100 to test), hidden layers of 10 and 5 relu "
    "units, full-batch gradient descent at 0.1: from weights that are all 0.1, and from random "
    "ones. The notes say that numbers other than zero, as 0.1, break the symmetry of the units. "
    "They do only if they differ: units of equal weights get equal gradients, whatever the number. "
    "The claims here are this correction; the network is that of symmetry_breaking.",
    source=_NOTES,
    spec={
        "dataset": {"name": "circles", "train_size": 300, "test_size": 100, "noise": 0.05},
        "model": {"name": "mlp", "hidden_units": [10, 5]},
        "activation": "relu",
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "batch_size": 300,
        "epochs": 5000,
        "seeds": 10,
        "variants": variants(
            {
                "constant 0.1": {"initializer": {"name": "constant", "value": 0.1}},
                "he_normal": {"initializer": "he_normal"},
            }
        ),
    },
    small={"epochs": 2000, "seeds": 5},
    claims=(
        PublishedClaim(
            "constant_keeps_the_symmetry",
            "From weights that are all 0.1 the network is symmetric, which no training mends: with "
            "no seed is it healthy, and it ends at chance, with a training loss above 0.67 where "
            "guessing costs 0.693.",
            All(
                (
                    Verdicts(healthy=(), failing=("constant 0.1",)),
                    Within(MetricMeasure("loss"), (_CONSTANT,), low=0.67),
                )
            ),
        ),
        PublishedClaim(
            "random_weights_break_it",
            "From random weights fewer epochs pass until 90% of the training points are "
            "classified rightly.",
            lower(MetricMeasure("accuracy", EpochsTo(0.9)), _RANDOM, _CONSTANT),
        ),
    ),
)

_DEVIATIONS = (0.1, 1.0, 3.0)
_SMALL, *_LARGER = (group(variant=f"N({deviation:g})") for deviation in _DEVIATIONS)

WEIGHT_SCALE = Preset(
    name="weight_scale",
    title="Small initial weights overfit less",
    description="One hidden layer of 100 relu units on 100 points of noisy moons, SGD at 0.1 with "
    "a momentum of 0.9, full batches, 1,000 epochs: from normal weights with a standard deviation "
    "of 0.1, 1 and 3. The source gives the reason and no experiment: the setting is chosen here, "
    "so small and so noisy that a network can learn its points by heart.",
    source=Source(
        "Goodfellow, Bengio & Courville 2016, Deep Learning, section 8.4: some regularization "
        "concerns encourage making the initial weights smaller",
        "https://www.deeplearningbook.org/contents/optimization.html",
    ),
    spec={
        "dataset": {"name": "moons", "train_size": 100, "test_size": 1000, "noise": 0.3},
        "model": {"name": "mlp", "hidden_units": [100]},
        "activation": "relu",
        "optimizer": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9},
        "batch_size": 100,
        "epochs": 1000,
        "seeds": 10,
        "variants": variants(
            {
                f"N({deviation:g})": {"initializer": {"name": "normal", "stddev": deviation}}
                for deviation in _DEVIATIONS
            }
        ),
    },
    small={"seeds": 5},
    claims=(
        PublishedClaim(
            "smaller_gap",
            "Small weights overfit less: from N(0.1) the validation loss ends less far above the "
            "training loss than from N(1) and from N(3).",
            lower(MetricMeasure("val_loss", "gap"), _SMALL, *_LARGER),
        ),
        PublishedClaim(
            "lower_validation_loss",
            "From N(0.1) the validation loss ends lower than from N(1) and from N(3).",
            lower(MetricMeasure("val_loss"), _SMALL, *_LARGER),
        ),
    ),
)

PRESETS = (CHURN_ACTIVATIONS, CONSTANT_WEIGHTS, WEIGHT_SCALE)
