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

_CONSTANT = Entry(
    name="constant",
    meaning="Every weight the same constant; the units of a layer are equal, as with zeros.",
    formula=r"w = c",
    source=_KERAS,
    parameters=(_VALUE,),
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
    _CONSTANT,
    Entry(
        name="normal",
        meaning="Normal around zero with the given standard deviation, whatever the fans; not "
        "truncated.",
        formula=r"w \sim \mathcal{N}(0, \sigma^2)",
        source=_KERAS,
        parameters=(
            Parameter("stddev", "number", 0.05, "standard deviation", minimum=0.0, maximum=1e6),
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
        meaning="Uniform between -limit and limit, whatever the fans.",
        formula=r"w \sim \mathcal{U}(-l, l)",
        source=_KERAS,
        parameters=(
            Parameter("limit", "number", 0.05, "half the width", minimum=0.0, maximum=1e6),
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
        formula=r"w \sim \mathcal{U}(-l, l),\; l = \sqrt{6 / (n_{in} + n_{out})}",
        source=Source("Glorot & Bengio 2010, eq. 16", _GLOROT_LINK),
        aliases=("xavier_uniform",),
    ),
    Entry(
        name="glorot_normal",
        meaning="The normal form of glorot_uniform (truncated at two standard deviations and "
        "rescaled to the stated variance).",
        formula=r"w \sim \mathcal{N}(0, 2 / (n_{in} + n_{out}))",
        source=Source("Glorot & Bengio 2010, eq. 12", _GLOROT_LINK),
        aliases=("xavier_normal",),
    ),
    Entry(
        name="he_uniform",
        meaning="Keeps the variance of signals through rectifiers.",
        formula=r"w \sim \mathcal{U}(-l, l),\; l = \sqrt{6 / n_{in}}",
        source=_HE,
        aliases=("kaiming_uniform",),
    ),
    Entry(
        name="he_normal",
        meaning="The normal form of he_uniform (truncated at two standard deviations and "
        "rescaled to the stated variance).",
        formula=r"w \sim \mathcal{N}(0, 2 / n_{in})",
        source=_HE,
        aliases=("kaiming_normal",),
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
        "is the gain. Convolution weights are seen as (out, in x height x width); this is not the "
        "delta-orthogonal form of Xiao et al. 2018.",
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
        name="lsuv",
        meaning="Orthogonal, then scaled layer by layer until the outputs of each layer's weights "
        "have unit variance over a batch of training samples.",
        formula=r"W \leftarrow W / \sqrt{\mathrm{Var}(W x)}",
        source=Source(
            "Mishkin & Matas 2015, All you need is a good init, algorithm 1",
            "https://arxiv.org/abs/1511.06422",
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
)
