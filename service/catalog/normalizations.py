"""Normalizations: how a hidden layer's weighted sums, activations or weights are normalized."""

from dataclasses import replace

from service.catalog.entry import Entry, Parameter, Source

_EPSILON = Parameter(
    "epsilon",
    "number",
    1e-5,
    "added to the variance, under the root (torch's default; Keras' is 1e-3)",
    above=0.0,
    maximum=1.0,
)
_EPSILON_RMS = replace(_EPSILON, meaning="added to the mean square, under the root")
_MOMENTUM = Parameter(
    "momentum",
    "number",
    0.9,
    "share of the running statistics kept at each step (torch's default, where momentum is one "
    "minus this; Keras' is 0.99)",
    minimum=0.0,
    below=1.0,
)
_POSITION = Parameter(
    "position",
    "option",
    "before_activation",
    "what is normalized: the weighted sums, as in the papers (before_activation), or the "
    "activations on their way to the next layer (after_activation)",
    options=("before_activation", "after_activation"),
    implied=True,
)

_OF_VALUES: tuple[Entry, ...] = (
    Entry(
        name="batch",
        meaning="Every unit or channel has mean 0 and variance 1 over the batch (and all "
        "positions), then a learned scale and shift; evaluation uses running averages of mean and "
        "unbiased variance. Every batch needs 2 samples or more, the last one of an epoch too.",
        formula=r"\gamma_c \frac{z - \mu_c}{\sqrt{\sigma_c^2 + \epsilon}} + \beta_c",
        source=Source(
            "Ioffe & Szegedy 2015, Batch normalization: accelerating deep network training by "
            "reducing internal covariate shift, algorithms 1 and 2",
            "https://arxiv.org/abs/1502.03167",
        ),
        parameters=(_MOMENTUM, _EPSILON),
    ),
    Entry(
        name="layer",
        meaning="Every sample has mean 0 and variance 1 over the layer: a dense layer's units, an "
        "image's channels, height and width together; then a learned scale and shift for every "
        "unit or channel. The same as group with one group.",
        formula=r"\gamma_c \frac{z - \mu_n}{\sqrt{\sigma_n^2 + \epsilon}} + \beta_c",
        source=Source(
            "Ba, Kiros & Hinton 2016, Layer normalization, equation 3",
            "https://arxiv.org/abs/1607.06450",
        ),
        parameters=(_EPSILON,),
    ),
    Entry(
        name="instance",
        meaning="Every channel of every sample has mean 0 and variance 1 over its positions, then "
        "a learned scale and shift. A dense layer has no positions: its units are the sample's "
        "one map, so there it equals layer.",
        formula=r"\gamma_c \frac{z - \mu_{nc}}{\sqrt{\sigma_{nc}^2 + \epsilon}} + \beta_c",
        source=Source(
            "Ulyanov, Vedaldi & Lempitsky 2016, Instance normalization: the missing ingredient "
            "for fast stylization, section 2",
            "https://arxiv.org/abs/1607.08022",
        ),
        parameters=(_EPSILON,),
    ),
    Entry(
        name="group",
        meaning="Every sample has mean 0 and variance 1 over each group of neighbouring units or "
        "channels (and their positions), then a learned scale and shift for every unit or "
        "channel. The groups must divide the features of every hidden layer; a unit of a dense "
        "layer that is alone in its group becomes 0.",
        formula=r"\gamma_c \frac{z - \mu_{ng}}{\sqrt{\sigma_{ng}^2 + \epsilon}} + \beta_c",
        source=Source(
            "Wu & He 2018, Group normalization, equation 7",
            "https://arxiv.org/abs/1803.08494",
        ),
        parameters=(
            Parameter(
                "groups",
                "integer",
                8,
                "number of groups (the paper's is 32)",
                minimum=1,
                maximum=512,
            ),
            _EPSILON,
        ),
    ),
    Entry(
        name="switchable",
        meaning="Means and variances are mixtures of those of instance, layer and batch (of layer "
        "and batch on a dense layer), with learned softmax weights, one set for means and one "
        "for variances; then a learned scale and shift. Evaluation uses running averages of the "
        "batch's. Every batch needs 2 samples or more, the last one of an epoch too.",
        formula=r"\gamma_c \frac{z - \sum_k w_k \mu_k}{\sqrt{\sum_k w'_k \sigma_k^2 + \epsilon}}"
        r" + \beta_c,\; w = \operatorname{softmax}(\lambda),\;"
        r" w' = \operatorname{softmax}(\lambda')",
        source=Source(
            "Luo et al. 2018, Differentiable learning-to-normalize via switchable normalization, "
            "equations 3 to 5",
            "https://arxiv.org/abs/1806.10779",
        ),
        parameters=(_MOMENTUM, _EPSILON),
    ),
    Entry(
        name="rms",
        meaning="Every sample has mean square 1 over the layer, as with layer, but its mean is not "
        "subtracted and there is no shift; then a learned scale for every unit or channel.",
        formula=r"\gamma_c \frac{z}{\sqrt{\frac{1}{n} \sum_i z_i^2 + \epsilon}}",
        source=Source(
            "Zhang & Sennrich 2019, Root mean square layer normalization, equation 4",
            "https://arxiv.org/abs/1910.07467",
        ),
        parameters=(_EPSILON_RMS,),
    ),
)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="none",
        meaning="The z-values reach the activation unchanged.",
        formula=r"z",
        source=Source("Glorot & Bengio 2010", "https://proceedings.mlr.press/v9/glorot10a.html"),
    ),
    *(replace(entry, parameters=(*entry.parameters, _POSITION)) for entry in _OF_VALUES),
    Entry(
        name="weight",
        meaning="The weights into every unit or channel of the hidden layers are a direction times "
        "a length, both learned: w = g v / |v|. They start as the initializer draws them (v = w, "
        "g = |w|); no value of a sample is normalized.",
        formula=r"w = g \frac{v}{\lVert v \rVert_2}",
        source=Source(
            "Salimans & Kingma 2016, Weight normalization: a simple reparameterization to "
            "accelerate training of deep neural networks, equation 2",
            "https://arxiv.org/abs/1602.07868",
        ),
    ),
)
