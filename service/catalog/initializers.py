r"""Initializers: how weights (and biases) are drawn before the first step.

``n_in`` and ``n_out`` are the fans: for a convolution, channels times the receptive field.
The "normal" forms of glorot, he and lecun are truncated at two standard deviations and
rescaled to the stated variance; ``truncated_normal`` is truncated and not rescaled; plain
``normal`` is not truncated. All as in Keras.
"""

from service.catalog.entry import Entry, Parameter, Source

_KERAS = Source("Keras, Layer weight initializers", "https://keras.io/api/layers/initializers/")
_GLOROT_LINK = "https://proceedings.mlr.press/v9/glorot10a.html"
_HE = Source("He et al. 2015, eq. 10", "https://arxiv.org/abs/1502.01852")
_LECUN = Source(
    "LeCun et al. 1998, Efficient BackProp, eq. 16",
    "http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf",
)

_ZEROS = Entry(
    name="zeros",
    meaning="Every weight zero. The units of a layer are equal, and stay so unless dropout or the "
    "weights of the next layer tell them apart.",
    formula=r"w = 0",
    source=_KERAS,
)

_VALUE = Parameter("value", "number", ..., "the constant", minimum=-1e6, maximum=1e6)

_ONES = Entry(
    name="ones",
    meaning="Every weight one; the units of a layer are equal, as with zeros.",
    formula=r"w = 1",
    source=_KERAS,
)

_CONSTANT = Entry(
    name="constant",
    meaning="Every weight the same constant; the units of a layer are equal, as with zeros.",
    formula=r"w = c",
    source=_KERAS,
    parameters=(_VALUE,),
)


def _end(name: str, meaning: str) -> Parameter:
    return Parameter(name, "number", None, meaning, minimum=-1e6, maximum=1e6)


_GAIN = Parameter(
    "gain",
    "number",
    1.0,
    "factor of the standard deviation, for units of another slope",
    above=0.0,
    maximum=1e6,
    implied=True,
)
_SLOPE = Parameter(
    "negative_slope",
    "number",
    0.0,
    "slope of the rectifier below zero (He et al. 2015, eq. 15): 0 of a relu",
    minimum=0.0,
    maximum=1.0,
    implied=True,
)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="auto",
        meaning="The initializer that keeps signals through the activation, computed from its "
        "parameters; `GET /v1/catalog/activation/{name}` says which, and why.",
        formula="",
        source=_KERAS,
        symbolic=True,
    ),
    _ZEROS,
    _ONES,
    _CONSTANT,
    Entry(
        name="normal",
        meaning="Normal with the given mean and standard deviation, whatever the fans; not "
        "truncated.",
        formula=r"w \sim \mathcal{N}(\mu, \sigma^2)",
        source=_KERAS,
        parameters=(
            Parameter("stddev", "number", 0.05, "standard deviation", minimum=0.0, maximum=1e6),
            Parameter("mean", "number", 0.0, "mean", minimum=-1e6, maximum=1e6, implied=True),
        ),
    ),
    Entry(
        name="truncated_normal",
        meaning="Normal around zero, truncated at two standard deviations and not rescaled: the "
        "weights have 0.88 of the given standard deviation.",
        formula=r"w \sim \mathcal{N}(0, \sigma^2),\; |w| \le 2 \sigma;\;"
        r" \mathrm{std}(w) \approx 0.8796\, \sigma",
        source=_KERAS,
        parameters=(
            Parameter(
                "stddev",
                "number",
                0.05,
                "standard deviation of the normal before it is truncated",
                minimum=0.0,
                maximum=1e6,
            ),
        ),
    ),
    Entry(
        name="uniform",
        meaning="Uniform between -limit and limit, or between low and high, whatever the fans.",
        formula=r"w \sim \mathcal{U}(-l, l) \text{ or } \mathcal{U}(\mathrm{low}, \mathrm{high})",
        source=_KERAS,
        parameters=(
            Parameter(
                "limit",
                "number",
                0.05,
                "half the width around zero; an end that is given takes its place",
                minimum=0.0,
                maximum=1e6,
            ),
            _end("low", "the lower end; -limit if left out"),
            _end("high", "the upper end; limit if left out"),
        ),
    ),
    Entry(
        name="fan_in_uniform",
        meaning="Uniform within one over the root of the fan-in, a sixth of he_uniform's variance; "
        "the default of PyTorch's dense and convolution layers.",
        formula=r"w \sim \mathcal{U}(-l, l),\; l = 1 / \sqrt{n_{in}}",
        source=Source(
            "PyTorch, torch.nn.Linear", "https://pytorch.org/docs/stable/generated/torch.nn.Linear"
        ),
    ),
    Entry(
        name="glorot_uniform",
        meaning="Keeps the variance of signals and gradients for units that are linear near zero.",
        formula=r"w \sim \mathcal{U}(-l, l),\; l = g \sqrt{6 / (n_{in} + n_{out})}",
        source=Source("Glorot & Bengio 2010, eq. 16", _GLOROT_LINK),
        aliases=("xavier_uniform",),
        parameters=(_GAIN,),
    ),
    Entry(
        name="glorot_normal",
        meaning="The normal form of glorot_uniform (truncated at two standard deviations and "
        "rescaled to the stated variance).",
        formula=r"w \sim \mathcal{N}(0, 2 g^2 / (n_{in} + n_{out}))",
        source=Source("Glorot & Bengio 2010, eq. 12", _GLOROT_LINK),
        aliases=("xavier_normal",),
        parameters=(_GAIN,),
    ),
    Entry(
        name="he_uniform",
        meaning="Keeps the variance of signals through rectifiers.",
        formula=r"w \sim \mathcal{U}(-l, l),\; l = \sqrt{6 / ((1 + a^2) n_{in})}",
        source=_HE,
        aliases=("kaiming_uniform",),
        parameters=(_SLOPE,),
    ),
    Entry(
        name="he_normal",
        meaning="The normal form of he_uniform (truncated at two standard deviations and "
        "rescaled to the stated variance).",
        formula=r"w \sim \mathcal{N}(0, 2 / ((1 + a^2) n_{in}))",
        source=_HE,
        aliases=("kaiming_normal",),
        parameters=(_SLOPE,),
    ),
    Entry(
        name="lecun_normal",
        meaning="Variance one over the fan-in; what selu's fixed point needs (truncated at two "
        "standard deviations and rescaled to the stated variance).",
        formula=r"w \sim \mathcal{N}(0, 1 / n_{in})",
        source=_LECUN,
    ),
    Entry(
        name="lecun_uniform",
        meaning="The uniform form of lecun_normal.",
        formula=r"w \sim \mathcal{U}(-l, l),\; l = \sqrt{3 / n_{in}}",
        source=_LECUN,
    ),
    Entry(
        name="variance_scaling",
        meaning="Mean zero and a stated variance, scale over a fan: glorot, he and lecun are "
        "special cases. The truncated form is rescaled to the stated variance.",
        formula=r"\mathrm{Var}(w) = s / n,\; n \in \{n_{in},\; n_{out},\; (n_{in} + n_{out}) / 2\}",
        source=_KERAS,
        parameters=(
            Parameter("scale", "number", 1.0, "numerator of the variance", above=0.0, maximum=1e6),
            Parameter(
                "mode",
                "option",
                "fan_in",
                "denominator of the variance",
                options=("fan_in", "fan_out", "fan_avg"),
            ),
            Parameter(
                "distribution",
                "option",
                "truncated_normal",
                "what is drawn from",
                options=("truncated_normal", "untruncated_normal", "uniform"),
            ),
        ),
    ),
    Entry(
        name="orthogonal",
        meaning="A random orthogonal matrix times a gain: keeps lengths, and every singular value "
        "is the gain. Convolution weights are seen as (out, in x height x width).",
        formula=r"W W^\top = g^2 I \text{ (or } W^\top W \text{ with more outputs than inputs)}",
        source=Source(
            "Saxe, McClelland & Ganguli 2013, Exact solutions to the nonlinear dynamics of "
            "learning in deep linear neural networks",
            "https://arxiv.org/abs/1312.6120",
        ),
        parameters=(
            Parameter("gain", "number", 1.0, "every singular value", above=0.0, maximum=1e6),
        ),
    ),
    Entry(
        name="identity",
        meaning="A gain on the diagonal, zeros elsewhere: unit i begins by passing on input i, and "
        "units without an input of their number get zeros. Kernels have it at their centre. Meant "
        "for the recurrent_initializer of rnn, where the state then stays as it is.",
        formula=r"W = g I",
        source=Source(
            "Le, Jaitly & Hinton 2015, A simple way to initialize recurrent networks of rectified "
            "linear units, section 3",
            "https://arxiv.org/abs/1504.00941",
        ),
        parameters=(Parameter("gain", "number", 1.0, "the diagonal", above=0.0, maximum=1e6),),
    ),
    Entry(
        name="delta_orthogonal",
        meaning="Kernels that are zero but for their centre, where they hold a random orthogonal "
        "matrix times a gain: a convolution keeps the length of every pixel's values. Dense layers "
        "are orthogonal.",
        formula=r"W_{\cdot \cdot i j} = g Q \text{ at the centre, } 0 \text{ elsewhere},\;"
        r" Q^\top Q = I",
        source=Source(
            "Xiao et al. 2018, Dynamical isometry and a mean field theory of CNNs, algorithm 1",
            "https://arxiv.org/abs/1806.05393",
        ),
        parameters=(
            Parameter("gain", "number", 1.0, "every singular value", above=0.0, maximum=1e6),
        ),
    ),
    Entry(
        name="random_walk",
        meaning="Normal weights with the gain at which the logarithm of a gradient's length, which "
        "walks at random from layer to layer, drifts neither up nor down. In narrow layers it is "
        "above the gain of he and lecun, which keep the mean of the length, not of its logarithm.",
        formula=r"w \sim \mathcal{N}(0, g^2 / n_{in}),\; g = e^{1 / (2 n_{in})}"
        r" \text{ or } \sqrt{2}\, e^{1.2 / (\max(n_{in}, 6) - 2.4)}",
        source=Source(
            "Sussillo & Abbott 2014, Random walk initialization for training very deep feedforward "
            "networks, section 3",
            "https://arxiv.org/abs/1412.6558",
        ),
        parameters=(
            Parameter(
                "nonlinearity",
                "option",
                "relu",
                "the units that the gain is computed for",
                options=("relu", "linear"),
            ),
        ),
    ),
    Entry(
        name="fixup",
        meaning="For residual networks without normalization: he_normal, with the branch of each "
        "residual block scaled down by the number of blocks, and the last layer of each branch and "
        "the output layer at zero, so that a step changes the network by as much at any depth. "
        "Rules 1 and 2 of the paper; of rule 3 the scalar multiplier of each branch is not here, "
        "and its scalar biases are the biases of the layers, one per unit. A shortcut's projection "
        "is in no branch, and a layer that states an initializer keeps it.",
        formula=r"W = L^{-1 / (2 m - 2)}\, W_{he} \text{ in a branch of } m \text{ layers, one of }"
        r" L;\; W = 0 \text{ in its last layer and in the output}",
        source=Source(
            "Zhang, Dauphin & Ma 2019, Fixup initialization: residual learning without "
            "normalization, section 3",
            "https://arxiv.org/abs/1901.09321",
        ),
        parameters=(_SLOPE,),
    ),
    Entry(
        name="lsuv",
        meaning="Orthogonal, then scaled layer by layer until the outputs of each layer's weights "
        "have unit variance over a batch of training samples.",
        formula=r"W \leftarrow W / \sqrt{\mathrm{Var}(W x)}",
        source=Source(
            "Mishkin & Matas 2015, All you need is a good init, algorithm 1",
            "https://arxiv.org/abs/1511.06422",
        ),
    ),
    Entry(
        name="data_dependent",
        meaning="Normal weights, then each unit's weights are scaled and its bias is set, layer by "
        "layer, so that its z-values have unit variance over a batch of training samples, and a "
        "mean that is the initial bias. The within-layer part of the paper.",
        formula=r"W_k \leftarrow W_k / \sigma_k,\; b_k \leftarrow \beta - \mu_k / \sigma_k",
        source=Source(
            "Krähenbühl et al. 2015, Data-dependent initializations of convolutional neural "
            "networks, algorithm 1",
            "https://arxiv.org/abs/1511.06856",
        ),
    ),
)

BIAS_ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="zeros",
        meaning="Every bias zero. The weights tell the units of a layer apart, so biases need not.",
        formula=r"b = 0",
        source=_KERAS,
    ),
    Entry(
        name="constant",
        meaning="Every bias the same constant.",
        formula=r"b = c",
        source=_KERAS,
        parameters=(_VALUE,),
    ),
    Entry(
        name="ones",
        meaning="Every bias one.",
        formula=r"b = 1",
        source=_KERAS,
    ),
)
