"""Optimizers: how a gradient becomes a step."""

from service.catalog.entry import Entry, Parameter, Source


def _learning_rate(default: float) -> Parameter:
    return Parameter("learning_rate", "number", default, "step size", minimum=0.0, maximum=1e3)


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
        meaning="Stochastic gradient descent, with momentum where wanted.",
        formula=r"v \leftarrow \mu v + g,\; \theta \leftarrow \theta - \eta v",
        source=Source(
            "Sutskever et al. 2013, On the importance of initialization and momentum in deep "
            "learning",
            "https://proceedings.mlr.press/v28/sutskever13.html",
        ),
        parameters=(
            _learning_rate(0.01),
            Parameter(
                "momentum", "number", 0.0, "share of the last step kept", minimum=0.0, below=1.0
            ),
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
            Parameter(
                "beta_1", "number", 0.9, "decay of the mean gradient", minimum=0.0, below=1.0
            ),
            Parameter(
                "beta_2", "number", 0.999, "decay of the mean square", minimum=0.0, below=1.0
            ),
            Parameter(
                "epsilon",
                "number",
                1e-7,
                "added to the root (Keras' default)",
                above=0.0,
                maximum=1.0,
            ),
            _SCHEDULE,
        ),
    ),
)
