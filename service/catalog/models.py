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
        dropout_rates=(0.25, 0.5),
        input_rank=3,
        multiply_adds=11_990_000,
        seconds_per_thousand_samples=1.3,
    ),
)
