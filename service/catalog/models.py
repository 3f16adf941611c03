"""Models: the networks whose choices are studied."""

from service.catalog.entry import ModelEntry, Parameter, Source

ENTRIES: tuple[ModelEntry, ...] = (
    ModelEntry(
        name="mnist_cnn",
        meaning="Two convolutions, max-pooling and two dense layers, with dropout after the "
        "pooling and before the output.",
        formula=r"\text{Conv}_{32} \to \text{Conv}_{64} \to \text{MaxPool}_2 \to \text{Dropout}"
        r" \to \text{Dense}_{128} \to \text{Dropout} \to \text{Dense}_{10}",
        source=Source(
            "Keras, Simple MNIST convnet", "https://keras.io/examples/vision/mnist_convnet/"
        ),
        parameters=(
            Parameter(
                "channels",
                "integers",
                (32, 64),
                "channels of the two convolutions",
                minimum=1,
                maximum=512,
                min_items=2,
                max_items=2,
            ),
            Parameter(
                "kernel_size",
                "integer",
                3,
                "side of the convolutions' kernels",
                minimum=1,
                maximum=7,
            ),
            Parameter(
                "units",
                "integers",
                (128,),
                "units of the hidden dense layer",
                minimum=1,
                maximum=4096,
                min_items=1,
                max_items=1,
            ),
        ),
        batch_size=128,
        loss="categorical_crossentropy",
    ),
    ModelEntry(
        name="mlp",
        meaning="Dense hidden layers, each followed by normalization, activation and dropout; "
        "inputs of any shape are flattened.",
        formula=r"h_l = f(\text{norm}(W_l h_{l-1} + b_l)),\; p = \sigma(W h_L + b)"
        r" \text{ or } \text{softmax}(W h_L + b)",
        source=Source(
            "Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating "
            "errors",
            "https://doi.org/10.1038/323533a0",
        ),
        parameters=(
            Parameter(
                "hidden_units",
                "integers",
                (128,),
                "units of each hidden layer, from the first on",
                minimum=1,
                maximum=4096,
                min_items=1,
                max_items=100,
            ),
            Parameter(
                "head",
                "option",
                "auto",
                "binary: one sigmoid unit, for two classes; multiclass: a softmax over the "
                "classes; auto: binary where there are two classes and the loss allows it",
                options=("auto", "binary", "multiclass"),
            ),
        ),
        batch_size=128,
        loss="categorical_crossentropy",
    ),
)
