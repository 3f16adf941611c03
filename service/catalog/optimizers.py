"""Optimizers: how a gradient becomes a step."""

from dataclasses import replace

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
_COUPLED = Parameter(
    "coupled_weight_decay",
    "number",
    0.0,
    "L2 penalty: this share of every parameter is added to its gradient, after the clipping (what "
    "torch calls weight_decay)",
    minimum=0.0,
    maximum=1e3,
    implied=True,
)
_DECOUPLED = Parameter(
    "decoupled_weight_decay",
    "number",
    0.0,
    "share of every parameter taken off before a step, times the learning rate as scheduled (what "
    "Keras calls weight_decay; Loshchilov & Hutter 2019)",
    minimum=0.0,
    maximum=1e3,
    implied=True,
)
_DECAYS = (_COUPLED, _DECOUPLED)

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
            *_DECAYS,
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
            *_DECAYS,
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
            *_DECAYS,
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
            *_DECAYS,
            _SCHEDULE,
        ),
    ),
    Entry(
        name="nadam",
        meaning="Adam that looks ahead along its momentum, as Nesterov's does; the momentum rises "
        "from half of beta_1 to beta_1.",
        formula=r"\theta \leftarrow \theta - \frac{\eta}{\sqrt{\hat{v}} + \epsilon}"
        r" \left(\frac{(1 - \mu_t) g}{1 - \prod_{i \le t} \mu_i}"
        r" + \frac{\mu_{t+1} m}{1 - \prod_{i \le t+1} \mu_i}\right),\;"
        r" \mu_t = \beta_1 \left(1 - \tfrac{1}{2} 0.96^{t \psi}\right)",
        source=Source(
            "Dozat 2016, Incorporating Nesterov momentum into Adam, algorithm 2",
            "https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ",
        ),
        parameters=(
            _learning_rate(0.002),
            _BETA_1,
            _BETA_2,
            _EPSILON,
            Parameter(
                "momentum_decay",
                "number",
                0.004,
                "how fast the momentum rises (psi, the paper's and torch's)",
                minimum=0.0,
                maximum=10.0,
            ),
            *_DECAYS,
            _SCHEDULE,
        ),
    ),
    Entry(
        name="lion",
        meaning="Every parameter moves by the learning rate, in the direction of the sign of a "
        "mixture of gradient and mean gradient.",
        formula=r"\theta \leftarrow \theta - \eta \operatorname{sign}(\beta_1 m + (1 - \beta_1) g),"
        r"\; m \leftarrow \beta_2 m + (1 - \beta_2) g",
        source=Source(
            "Chen et al. 2023, Symbolic discovery of optimization algorithms, algorithm 2",
            "https://arxiv.org/abs/2302.06675",
        ),
        parameters=(
            _learning_rate(1e-4, "step size (the paper's; Keras' is 0.001)"),
            replace(_BETA_1, meaning="share of the mean gradient in the direction of a step"),
            replace(_BETA_2, default=0.99, meaning="decay of the mean gradient"),
            *_DECAYS,
            _SCHEDULE,
        ),
    ),
)
