"""Dropouts: which share of the activations is dropped in training."""

from service.catalog.entry import Entry, Parameter, Source

_SRIVASTAVA = Source(
    "Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting",
    "https://jmlr.org/papers/v15/srivastava14a.html",
)
_RATE = Parameter(
    "rate",
    "numbers",
    None,
    "one rate for every dropout layer of the model, or one for each; by default the model's own",
    minimum=0.0,
    below=1.0,
    max_items=64,
)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="auto",
        meaning="The model's own rates, as alpha_dropout for selu and dropout for the others. "
        "Those of mnist_cnn, 0.25 and 0.5, were set for dropout: the paper of alpha_dropout uses "
        "0.05 or 0.1.",
        formula="",
        source=_SRIVASTAVA,
        symbolic=True,
    ),
    Entry(
        name="none",
        meaning="Nothing is dropped.",
        formula=r"x",
        source=_SRIVASTAVA,
    ),
    Entry(
        name="dropout",
        meaning="Zeroes a share of the activations and scales up the rest.",
        formula=r"x \cdot m / (1 - r),\; m \sim \mathrm{Bernoulli}(1 - r)",
        source=_SRIVASTAVA,
        parameters=(_RATE,),
    ),
    Entry(
        name="alpha_dropout",
        meaning="Sets a share to selu's negative limit, then restores mean and variance. The paper "
        "uses rates of 0.05 or 0.1.",
        formula=r"a (x m + \alpha' (1 - m)) + b,\; \alpha' = -\lambda\alpha",
        source=Source(
            "Klambauer et al. 2017, Self-normalizing neural networks, section 3",
            "https://arxiv.org/abs/1706.02515",
        ),
        parameters=(_RATE,),
    ),
)
