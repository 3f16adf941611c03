"""What each axis decides, in one line: the headings of the catalog's answers and pages."""

from collections.abc import Mapping

MEANINGS: Mapping[str, str] = {
    "dataset": "What a network is trained and tested on.",
    "preprocessing": "How the inputs are transformed, fitted on the training part only; a "
    "parameter of every data set.",
    "model": "The network whose choices are studied.",
    "layer": "What a network of one's own is made of; a parameter of the model `layers`.",
    "activation": "The non-linearity after every hidden layer.",
    "initializer": "How weights are drawn before the first step; `output_initializer` takes the "
    "same values for the last layer.",
    "bias_initializer": "How biases are set before the first step.",
    "normalization": "How a hidden layer's weighted sums, activations or weights are normalized.",
    "clipping": "What is done to a gradient that is too large.",
    "optimizer": "How a gradient becomes a step.",
    "schedule": "How the learning rate changes over training; a parameter of every optimizer.",
    "dropout": "Which share of the activations is dropped in training.",
    "loss": "The loss that training minimizes.",
    "precision": "The type of the numbers that layers multiply; all else is float32.",
}
