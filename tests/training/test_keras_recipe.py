"""The recipe on 48,000 + 12,000 real images against histories of Keras on TensorFlow.

The bound is a seed's spread: over seeds, one epoch's validation accuracy moves by about half a
percent.
"""

import pytest

from workers.datasets import load

SPREAD = 0.006

#: Validation accuracy after epochs 1 and 2: Keras, Adam 1e-3, clip value 0.5, batch 128.
KERAS = {
    "relu": ("relu", 0.9823, 0.9864),
    "tanh": ("tanh", 0.9740, 0.9793),
    "elu": ("elu", 0.9751, 0.9791),
    "selu": ("selu", 0.9766, 0.9802),
    "leaky_relu": ({"name": "leaky_relu", "negative_slope": 0.2}, 0.9802, 0.9835),
    "gelu": ({"name": "gelu", "approximate": "tanh"}, 0.9813, 0.9847),
}


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", KERAS)
def test_two_epochs_reach_what_keras_reaches(configure, history, name):
    activation, first, second = KERAS[name]
    config = configure(
        train_size=60_000,
        test_size=1_000,
        validation_split=0.2,
        model="mnist_cnn",
        activation=activation,
        initializer="lecun_normal" if name == "selu" else "glorot_uniform",
        clipping={"name": "value", "threshold": 0.5},
        epochs=2,
    )
    reached = [each.metrics["val_accuracy"] for each in history(config, load(config.dataset))]
    assert reached == pytest.approx([first, second], abs=SPREAD)
