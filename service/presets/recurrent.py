"""Presets about recurrent networks: clipping, initial weights of the state, normalization."""

from typing import Any

from service.catalog.entry import Source
from service.presets.check import All
from service.presets.conditions import Verdicts
from service.presets.measures import MetricMeasure
from service.presets.orders import higher, lower
from service.presets.preset import Preset, PublishedClaim, variants
from service.presets.trainings import group

_ACCURACY = MetricMeasure("val_accuracy")
_CLIPPED = {"name": "norm", "max_norm": 1.0}


def _rnn(**parameters: Any) -> dict[str, Any]:
    return {"name": "rnn", "hidden_units": [50], **parameters}


RNN_CLIPPING = Preset(
    name="rnn_clipping",
    title="Clipping, and a memory of half a sequence",
    description="The temporal order problem, batches of 20, 50 tanh units and SGD: with clipping "
    "by norm and without, each from an orthogonal matrix of the state; with clipping also from "
    "small normal weights, through which gradients vanish, and as an lstm. The paper's sequences "
    "have up to 200 letters and its rate is 0.01; the length, the rate of 0.1 and the bound of 1 "
    "are chosen here.",
    source=Source(
        "Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural networks, "
        "sections 2 and 4.1, figure 7",
        "https://arxiv.org/abs/1211.5063",
    ),
    spec={
        "dataset": {"name": "temporal_order", "length": 50, "train_size": 10_000},
        "activation": "tanh",
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "clipping": _CLIPPED,
        "batch_size": 20,
        "epochs": 20,
        "seeds": 5,
        "variants": variants(
            {
                "not clipped": {"model": _rnn(), "clipping": "none"},
                "clipped": {"model": _rnn()},
                "clipped, small weights": {
                    "model": _rnn(recurrent_initializer={"name": "normal", "stddev": 0.01})
                },
                "clipped, lstm": {"model": _rnn(cell="lstm")},
            }
        ),
    },
    small={
        "dataset": {"name": "temporal_order", "length": 30, "train_size": 2000, "test_size": 500},
        "epochs": 6,
    },
    claims=(
        PublishedClaim(
            "clipping_solves_it",
            "With clipping by norm a simple recurrent network orders the two letters more often "
            "than without.",
            higher(_ACCURACY, group(variant="clipped"), group(variant="not clipped")),
        ),
        PublishedClaim(
            "small_weights_forget",
            "From small weights of the state, whose largest singular value is below 1, gradients "
            "vanish: with the same clipping the validation accuracy is lower than from an "
            "orthogonal matrix, and no run is healthy.",
            All(
                (
                    higher(
                        _ACCURACY, group(variant="clipped"), group(variant="clipped, small weights")
                    ),
                    Verdicts((), ("clipped, small weights",)),
                )
            ),
        ),
    ),
)

_SMALL_GAUSSIAN = {"name": "normal", "stddev": 0.01}

IRNN_MNIST = Preset(
    name="irnn_mnist",
    title="Rectified recurrent networks that begin with the identity",
    description="Digits of MNIST, a row of 28 pixels at a time; a simple recurrent network of relu "
    "units with SGD and clipping by norm, whose matrix of the state begins as the identity or as "
    "normal weights of 0.01, and tanh units with the latter. The paper reads pixel by pixel, 784 "
    "steps, with batches of 16 and 100 units, and searches rate and bound; here rows are read and "
    "rate and bound are chosen.",
    source=Source(
        "Le, Jaitly & Hinton 2015, A simple way to initialize recurrent networks of rectified "
        "linear units, section 4.2 and figure 3",
        "https://arxiv.org/abs/1504.00941",
    ),
    spec={
        "dataset": "mnist",
        "initializer": {"name": "normal", "stddev": 0.001},
        "output_initializer": _SMALL_GAUSSIAN,
        "optimizer": {"name": "sgd", "learning_rate": 0.01},
        "clipping": _CLIPPED,
        "batch_size": 16,
        "epochs": 20,
        "seeds": 5,
        "variants": variants(
            {
                "relu, identity": {
                    "activation": "relu",
                    "model": _rnn(hidden_units=[100], recurrent_initializer="identity"),
                },
                "relu, normal": {
                    "activation": "relu",
                    "model": _rnn(hidden_units=[100], recurrent_initializer=_SMALL_GAUSSIAN),
                },
                "tanh, normal": {
                    "activation": "tanh",
                    "model": _rnn(hidden_units=[100], recurrent_initializer=_SMALL_GAUSSIAN),
                },
            }
        ),
    },
    small={
        "dataset": {"name": "mnist", "train_size": 2000, "test_size": 1000},
        "epochs": 4,
        "seeds": 5,
    },
    claims=(
        PublishedClaim(
            "identity_beats_normal_relu",
            "A relu network that begins with the identity reaches a higher validation accuracy "
            "than one that begins with small normal weights.",
            higher(_ACCURACY, group(variant="relu, identity"), group(variant="relu, normal")),
        ),
        PublishedClaim(
            "identity_beats_tanh",
            "A relu network that begins with the identity reaches a higher validation accuracy "
            "than a tanh network.",
            higher(_ACCURACY, group(variant="relu, identity"), group(variant="tanh, normal")),
        ),
    ),
)

RNN_LAYER_NORM = Preset(
    name="rnn_layer_norm",
    title="Layer normalization in recurrent networks, one sample at a time",
    description="The temporal order problem with a gru and an lstm, with layer normalization and "
    "without, in batches of 1 and of 20, Adam at 0.001. Batch normalization is not defined there. "
    "The paper's tasks are of text and handwriting; this one, and the networks, are chosen here.",
    source=Source(
        "Ba, Kiros & Hinton 2016, Layer normalization, sections 3.1 and 6",
        "https://arxiv.org/abs/1607.06450",
    ),
    spec={
        "dataset": {"name": "temporal_order", "length": 50, "train_size": 5000},
        "model": [_rnn(cell="gru"), _rnn(cell="lstm")],
        "activation": "tanh",
        "normalization": ["none", "layer"],
        "optimizer": {"name": "adam", "learning_rate": 0.001},
        "batch_size": [1, 20],
        "epochs": 10,
        "seeds": 5,
    },
    small={
        "dataset": {"name": "temporal_order", "length": 20, "train_size": 250, "test_size": 300},
        "model": [_rnn(cell="gru", hidden_units=[32]), _rnn(cell="lstm", hidden_units=[32])],
        "epochs": 3,
    },
    claims=(
        PublishedClaim(
            "faster_one_by_one",
            "With batches of 1 the mean training loss over the epochs is lower with layer "
            "normalization than without.",
            lower(
                MetricMeasure("loss", "mean"),
                group(normalization="layer", batch_size=1),
                group(normalization="none", batch_size=1),
            ),
        ),
        PublishedClaim(
            "faster_in_batches",
            "With batches of 20 the mean training loss over the epochs is lower with layer "
            "normalization than without.",
            lower(
                MetricMeasure("loss", "mean"),
                group(normalization="layer", batch_size=20),
                group(normalization="none", batch_size=20),
            ),
        ),
    ),
)

PRESETS = (RNN_CLIPPING, IRNN_MNIST, RNN_LAYER_NORM)
