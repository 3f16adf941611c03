"""Models: the networks whose choices are studied."""

from service.catalog.entry import ModelEntry, Parameter, Source
from service.catalog.layers import MOST_LAYERS

_HEAD = Parameter(
    "head",
    "option",
    "auto",
    "binary: one sigmoid unit, for two classes; multiclass: a softmax over the "
    "classes; linear: one unit without activation, for targets that are numbers; auto: linear "
    "there, and binary where there are two classes and the loss allows it",
    options=("auto", "binary", "multiclass", "linear"),
)

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
            _HEAD,
        ),
        batch_size=128,
        loss="categorical_crossentropy",
    ),
    ModelEntry(
        name="cnn",
        meaning="Blocks of convolutions that keep the size of the image, each block followed by "
        "max-pooling and dropout; then dense layers with dropout. For images of one color or "
        "three.",
        formula=r"(\text{Conv}_{c_b}^{n} \to \text{MaxPool}_2 \to \text{Dropout})_{b}"
        r" \to (\text{Dense}_{u} \to \text{Dropout})_{u} \to \text{Dense}",
        source=Source(
            "Simonyan & Zisserman 2014, Very deep convolutional networks for large-scale image "
            "recognition, section 2",
            "https://arxiv.org/abs/1409.1556",
        ),
        parameters=(
            Parameter(
                "channels",
                "integers",
                (32, 64),
                "channels of each block's convolutions, from the first block on",
                minimum=1,
                maximum=1024,
                max_items=6,
            ),
            Parameter(
                "convolutions", "integer", 2, "convolutions of a block", minimum=1, maximum=8
            ),
            Parameter(
                "kernel_size",
                "integer",
                3,
                "side of the convolutions' kernels; odd, so that they keep the size",
                minimum=1,
                maximum=7,
            ),
            Parameter(
                "units",
                "integers",
                (128,),
                "units of each dense layer before the output",
                minimum=1,
                maximum=4096,
                min_items=0,
                max_items=4,
            ),
            _HEAD,
        ),
        batch_size=128,
        loss="categorical_crossentropy",
    ),
    ModelEntry(
        name="resnet",
        meaning="A residual network for small images: a convolution, three stages of blocks of "
        "two convolutions each, and global average pooling. The second and third stage halve the "
        "image and double the channels. Its paper normalizes by batch: choose the normalization "
        "batch. Where a shape changes, the shortcut is a projection (the paper's option B).",
        formula=r"\text{Conv}_w \to (\text{Block}_w)^n \to (\text{Block}_{2w})^n"
        r" \to (\text{Block}_{4w})^n \to \text{mean} \to \text{Dense},\; n = (d - 2) / 6",
        source=Source(
            "He et al. 2016, Deep residual learning for image recognition, section 4.2",
            "https://arxiv.org/abs/1512.03385",
        ),
        parameters=(
            Parameter(
                "depth",
                "integer",
                20,
                "layers along the longest way: 6 n + 2",
                minimum=8,
                maximum=110,
            ),
            Parameter(
                "width", "integer", 16, "channels of the first stage", minimum=1, maximum=512
            ),
            _HEAD,
        ),
        batch_size=128,
        loss="categorical_crossentropy",
    ),
    ModelEntry(
        name="layers",
        meaning="A network of your own: the list of its layers, without the output layer, which "
        "follows from the data set. What a layer leaves out is the spec's (activation, "
        "initializer, normalization, dropout rate); what it states stays.",
        formula=r"f(x) = W \, (f_L \circ \dots \circ f_1)(x) + b",
        source=Source("Keras, Sequential model", "https://keras.io/guides/sequential_model/"),
        parameters=(
            Parameter(
                "layers",
                "layers",
                ...,
                "the layers in the order in which they compute",
                axis="layer",
                max_items=MOST_LAYERS,
            ),
            _HEAD,
        ),
        batch_size=128,
        loss="categorical_crossentropy",
    ),
    ModelEntry(
        name="rnn",
        meaning="Recurrent layers; the output layer reads the last step. An image is read row by "
        "row, a vector value by value. The activation is that of the state: of simple it makes the "
        "state, of gru its candidate, of lstm the candidate and what leaves the memory (Keras' "
        "activation; tanh in the papers), and the gates are sigmoids. Normalizations: layer "
        "and rms, at every step by itself, where the paper on layer normalization has them. Run "
        "one at a time, never in a pack.",
        formula=r"\text{simple: } h_t = f(W x_t + U h_{t-1} + b),\;"
        r" p = \operatorname{softmax}(V h_T + c)",
        source=Source(
            "Elman 1990, Finding structure in time (simple); Cho et al. 2014 (gru); Hochreiter & "
            "Schmidhuber 1997, Long short-term memory (lstm)",
            "https://doi.org/10.1207/s15516709cog1402_1",
        ),
        parameters=(
            Parameter(
                "cell",
                "option",
                "simple",
                "what a recurrent layer computes: simple, or with gates gru or lstm, as torch's "
                "RNN, GRU and LSTM",
                options=("simple", "gru", "lstm"),
            ),
            Parameter(
                "hidden_units",
                "integers",
                (128,),
                "units of each recurrent layer, from the first on",
                minimum=1,
                maximum=2048,
                min_items=1,
                max_items=10,
            ),
            Parameter(
                "recurrent_initializer",
                "choice",
                "orthogonal",
                "how what multiplies the state is drawn, the matrix of each gate by itself; "
                "initializer draws what multiplies the inputs",
                axis="initializer",
            ),
            Parameter(
                "forget_bias",
                "number",
                None,
                "of lstm alone: bias of the forget gate before the first step, instead of "
                "bias_initializer's; 1 where it is left out (Jozefowicz et al. 2015; Keras' "
                "unit_forget_bias)",
                minimum=-100.0,
                maximum=100.0,
            ),
            Parameter(
                "head",
                "option",
                "auto",
                "as of mlp",
                options=("auto", "binary", "multiclass", "linear"),
            ),
        ),
        batch_size=128,
        loss="categorical_crossentropy",
    ),
)
