"""Layers: what a network of one's own is declared of, in the order in which it computes."""

from service.catalog.entry import Entry, Parameter, Source

#: Most layers of a network, and of the inside of a residual block.
MOST_LAYERS = 200
MOST_INNER_LAYERS = 20

_OPEN = "left out: the spec's"

_ACTIVATION = Parameter(
    "activation", "choice", None, f"after its weighted sums; {_OPEN}", axis="activation"
)
_NORMALIZATION = Parameter(
    "normalization", "choice", None, f"of its weighted sums; {_OPEN}", axis="normalization"
)
_OWN: tuple[Parameter, ...] = (
    Parameter("bias", "boolean", True, "whether its units have biases"),
    _ACTIVATION,
    _NORMALIZATION,
    Parameter("initializer", "choice", None, f"draws its weights; {_OPEN}", axis="initializer"),
    Parameter(
        "bias_initializer", "choice", None, f"sets its biases; {_OPEN}", axis="bias_initializer"
    ),
)
_SIZE = Parameter("size", "integer", 2, "side of the square that is pooled", minimum=1, maximum=64)
_STRIDE = Parameter(
    "stride", "integer", None, "pixels between two squares; left out: size", minimum=1, maximum=64
)
_LECUN = Source(
    "LeCun et al. 1998, Gradient-based learning applied to document recognition, section 2",
    "https://doi.org/10.1109/5.726791",
)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="convolution",
        meaning="Filters that move over an image, then normalization and activation. Needs images.",
        formula=r"z_{c,i,j} = b_c + \sum_{d,k,l} W_{c,d,k,l}\, x_{d,\, s i + k - p,\, s j + l - p}",
        source=_LECUN,
        parameters=(
            Parameter("channels", "integer", ..., "number of filters", minimum=1, maximum=4096),
            Parameter("kernel_size", "integer", 3, "side of a filter", minimum=1, maximum=63),
            Parameter("stride", "integer", 1, "pixels between two places", minimum=1, maximum=64),
            Parameter(
                "padding",
                "option",
                "valid",
                "valid: none; same: (kernel_size - 1) / 2 zeros on each side, so that stride 1 "
                "keeps the size (for odd kernels)",
                options=("valid", "same"),
            ),
            Parameter(
                "groups",
                "integer",
                1,
                "groups of channels that are convolved apart; divides both numbers of channels",
                minimum=1,
                maximum=4096,
            ),
            *_OWN,
        ),
    ),
    Entry(
        name="dense",
        meaning="Units that read every input, then normalization and activation. Needs vectors.",
        formula=r"z = W x + b",
        source=Source(
            "Rumelhart, Hinton & Williams 1986, Learning representations by back-propagating "
            "errors",
            "https://doi.org/10.1038/323533a0",
        ),
        parameters=(
            Parameter("units", "integer", ..., "number of units", minimum=1, maximum=16_384),
            *_OWN,
        ),
    ),
    Entry(
        name="max_pooling",
        meaning="The largest value of each square of pixels; what is left at the border is "
        "dropped. Needs images.",
        formula=r"y_{c,i,j} = \max_{k,l < n} x_{c,\, s i + k,\, s j + l}",
        source=Source(
            "Scherer, Müller & Behnke 2010, Evaluation of pooling operations in convolutional "
            "architectures for object recognition",
            "https://doi.org/10.1007/978-3-642-15825-4_10",
        ),
        parameters=(_SIZE, _STRIDE),
    ),
    Entry(
        name="average_pooling",
        meaning="The mean of each square of pixels; what is left at the border is dropped. Needs "
        "images.",
        formula=r"y_{c,i,j} = n^{-2} \sum_{k,l < n} x_{c,\, s i + k,\, s j + l}",
        source=_LECUN,
        parameters=(_SIZE, _STRIDE),
    ),
    Entry(
        name="global_pooling",
        meaning="One value for each channel, over the whole image: a vector. Needs images.",
        formula=r"y_c = \frac{1}{HW} \sum_{i,j} x_{c,i,j} \text{ or } \max_{i,j} x_{c,i,j}",
        source=Source(
            "Lin, Chen & Yan 2013, Network in network, section 3.2",
            "https://arxiv.org/abs/1312.4400",
        ),
        parameters=(
            Parameter(
                "kind",
                "option",
                "average",
                "average: the mean over the image; max: its largest value",
                options=("average", "max"),
            ),
        ),
    ),
    Entry(
        name="flatten",
        meaning="An image as a vector: row by row, the channels of a pixel together. A vector "
        "stays what it is.",
        formula=r"y_{(iW + j)C + c} = x_{c,i,j}",
        source=Source(
            "Keras, Flatten layer", "https://keras.io/api/layers/reshaping_layers/flatten/"
        ),
    ),
    Entry(
        name="dropout",
        meaning="Drops values at random in training, of the kind that the spec's dropout names.",
        formula=r"y = x\, m / (1 - r),\; m \sim \text{Bernoulli}(1 - r)",
        source=Source(
            "Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from "
            "overfitting",
            "https://jmlr.org/papers/v15/srivastava14a.html",
        ),
        parameters=(
            Parameter(
                "rate",
                "number",
                None,
                "share of the values that is dropped; left out: the spec's, by default 0",
                minimum=0.0,
                below=1.0,
            ),
        ),
    ),
    Entry(
        name="normalization",
        meaning="A normalization at this place. After a convolution or dense layer that layer "
        "has none itself.",
        formula=r"y = \gamma \frac{x - \mu}{\sigma} + \beta",
        source=Source(
            "Ioffe & Szegedy 2015, Batch normalization: accelerating deep network training by "
            "reducing internal covariate shift",
            "https://arxiv.org/abs/1502.03167",
        ),
        parameters=(
            Parameter(
                "normalization",
                "choice",
                None,
                f"which one; its place in the list is its position; {_OPEN}",
                axis="normalization",
            ),
        ),
    ),
    Entry(
        name="activation",
        meaning="An activation at this place. After a convolution, a dense layer or a residual "
        "block, that layer has none itself.",
        formula=r"y = f(x)",
        source=Source(
            "Keras, Activation layer",
            "https://keras.io/api/layers/core_layers/activation/",
        ),
        parameters=(
            Parameter("activation", "choice", None, f"which one; {_OPEN}", axis="activation"),
        ),
    ),
    Entry(
        name="residual",
        meaning="Layers whose result is added to their input, then an activation. The last "
        "convolution or dense layer of them has no activation unless it states one.",
        formula=r"y = f(F(x) + x) \text{ or } f(F(x) + W_s x)",
        source=Source(
            "He et al. 2016, Deep residual learning for image recognition, equations 1 and 2",
            "https://arxiv.org/abs/1512.03385",
        ),
        parameters=(
            Parameter(
                "layers",
                "layers",
                ...,
                "the layers of F; any but another residual block",
                axis="layer",
                max_items=MOST_INNER_LAYERS,
            ),
            Parameter(
                "shortcut",
                "option",
                "auto",
                "identity: the input itself; projection: a convolution of kernel size 1 (or a "
                "dense layer) without activation; auto: identity where the shapes agree, else "
                "projection",
                options=("auto", "identity", "projection"),
            ),
            Parameter("activation", "choice", None, f"after the sum; {_OPEN}", axis="activation"),
        ),
    ),
)
