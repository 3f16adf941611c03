"""Optimizers: how a gradient becomes a step."""

from service.catalog.entry import Entry, Parameter, Source


def _learning_rate(default: float, meaning: str = "step size") -> Parameter:
    return Parameter("learning_rate", "number", default, meaning, minimum=0.0, maximum=1e3)


_BETA_1 = Parameter("beta_1", "number", 0.9, "decay of the mean gradient", minimum=0.0, below=1.0)
_BETA_2 = Parameter("beta_2", "number", 0.999, "decay of the mean square", minimum=0.0, below=1.0)
_EPSILON = Parameter(
    "epsilon", "number", 1e-7, "added to the root (Keras' default)", above=0.0, maximum=1.0
)
_MOMENTUM = Parameter(
    "momentum", "number", 0.0, "share of the last step kept", minimum=0.0, below=1.0
)
_SCHEDULE = Parameter(
    "schedule",
    "choice",
    "constant",
    "how the learning rate changes over training",
    axis="schedule",
)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="sgd",
        meaning="Stochastic gradient descent, with optional momentum.",
        formula=r"v \leftarrow \mu v + g,\; \theta \leftarrow \theta - \eta v",
        source=Source(
            "Sutskever et al. 2013, On the importance of initialization and momentum in deep "
            "learning",
            "https://proceedings.mlr.press/v28/sutskever13.html",
        ),
        parameters=(
            _learning_rate(0.01),
            _MOMENTUM,
            Parameter(
                "nesterov", "boolean", False, "look ahead along the momentum before the step"
            ),
            _SCHEDULE,
        ),
    ),
    Entry(
        name="adam",
        meaning="Steps scaled by running means of the gradient and its square.",
        formula=r"\theta \leftarrow \theta - \eta \hat{m} / (\sqrt{\hat{v}} + \epsilon)",
        source=Source(
            "Kingma & Ba 2015, Adam: a method for stochastic optimization, algorithm 1",
            "https://arxiv.org/abs/1412.6980",
        ),
        parameters=(
            _learning_rate(0.001),
            _BETA_1,
            _BETA_2,
            _EPSILON,
            _SCHEDULE,
        ),
    ),
    Entry(
        name="adamw",
        meaning="Adam with weight decay decoupled from the gradient: each step also shrinks every "
        "parameter by the learning rate (as scheduled) times weight_decay.",
        formula=r"\theta \leftarrow \theta - \eta \left(\hat{m} / (\sqrt{\hat{v}} + \epsilon)"
        r" + \lambda \theta\right)",
        source=Source(
            "Loshchilov & Hutter 2019, Decoupled weight decay regularization, algorithm 2",
            "https://arxiv.org/abs/1711.05101",
        ),
        parameters=(
            _learning_rate(0.001),
            _BETA_1,
            _BETA_2,
            _EPSILON,
            Parameter(
                "weight_decay",
                "number",
                0.01,
                "share of every parameter taken off at a step, times the learning rate (the "
                "paper's lambda is their product; the default is torch's, Keras' is 0.004)",
                minimum=0.0,
                maximum=1e3,
            ),
            _SCHEDULE,
        ),
    ),
    Entry(
        name="rmsprop",
        meaning="Steps scaled by a running root mean square of the gradient.",
        formula=r"s \leftarrow \rho s + (1 - \rho) g^2,\;"
        r" v \leftarrow \mu v + g / (\sqrt{s} + \epsilon),\; \theta \leftarrow \theta - \eta v",
        source=Source(
            "Tieleman & Hinton 2012, Neural networks for machine learning, lecture 6.5",
            "https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf",
        ),
        parameters=(
            _learning_rate(0.001),
            Parameter("rho", "number", 0.9, "decay of the mean square", minimum=0.0, below=1.0),
            _MOMENTUM,
            _EPSILON,
            _SCHEDULE,
        ),
    ),
    Entry(
        name="adagrad",
        meaning="Steps scaled by the root of the sum of all squared gradients so far.",
        formula=r"s \leftarrow s + g^2,\;"
        r" \theta \leftarrow \theta - \eta g / (\sqrt{s} + \epsilon)",
        source=Source(
            "Duchi, Hazan & Singer 2011, Adaptive subgradient methods for online learning and "
            "stochastic optimization, figure 1",
            "https://jmlr.org/papers/v12/duchi11a.html",
        ),
        parameters=(
            _learning_rate(0.01, "step size (the default of torch; Keras' is 0.001)"),
            Parameter(
                "initial_accumulator",
                "number",
                0.1,
                "initial value of the sum of squares (Keras' default)",
                minimum=0.0,
                maximum=1e6,
            ),
            _EPSILON,
            _SCHEDULE,
        ),
    ),
)
