"""Activations: the non-linearity after every hidden layer."""

from service.catalog.entry import ActivationEntry, Parameter, Source

_GLOROT_2010 = Source(
    "Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural "
    "networks",
    "https://proceedings.mlr.press/v9/glorot10a.html",
)

ENTRIES: tuple[ActivationEntry, ...] = (
    ActivationEntry(
        name="sigmoid",
        meaning="Squashes to (0, 1); saturates on both sides, and its derivative never passes 1/4.",
        formula=r"\sigma(x) = \frac{1}{1 + e^{-x}}",
        source=_GLOROT_2010,
        initializer="glorot_uniform",
    ),
    ActivationEntry(
        name="tanh",
        meaning="Squashes to (-1, 1) around zero; saturates on both sides.",
        formula=r"\tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}",
        source=_GLOROT_2010,
        initializer="glorot_uniform",
    ),
    ActivationEntry(
        name="relu",
        meaning="Passes positive inputs, zeroes the others; a unit never positive is dead.",
        formula=r"\max(0, x)",
        source=Source(
            "Nair & Hinton 2010, Rectified linear units improve restricted Boltzmann machines",
            "https://www.cs.toronto.edu/~fritz/absps/reluICML.pdf",
        ),
        initializer="he_uniform",
    ),
    ActivationEntry(
        name="leaky_relu",
        meaning="A relu with a small slope for negative inputs, so that no unit dies.",
        formula=r"\max(0, x) + \alpha \min(0, x)",
        source=Source(
            "Maas, Hannun & Ng 2013, Rectifier nonlinearities improve neural network acoustic "
            "models",
            "https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf",
        ),
        parameters=(
            Parameter(
                "negative_slope",
                "number",
                0.01,
                "slope for negative inputs (the MNIST recipe uses 0.2)",
                minimum=0.0,
                maximum=1.0,
            ),
        ),
        initializer="he_uniform",
    ),
    ActivationEntry(
        name="elu",
        meaning="Exponential below zero, which brings the mean activation nearer to zero.",
        formula=r"x \text{ if } x > 0,\; \alpha (e^{x} - 1) \text{ otherwise}",
        source=Source(
            "Clevert, Unterthiner & Hochreiter 2015, Fast and accurate deep network learning by "
            "exponential linear units",
            "https://arxiv.org/abs/1511.07289",
        ),
        parameters=(
            Parameter(
                "alpha",
                "number",
                1.0,
                "the value reached towards minus infinity is -alpha",
                minimum=0.0,
                maximum=10.0,
            ),
        ),
        initializer="he_uniform",
    ),
    ActivationEntry(
        name="selu",
        meaning="A scaled elu whose constants make mean 0 and variance 1 a fixed point.",
        formula=r"\lambda x \text{ if } x > 0,\; \lambda \alpha (e^{x} - 1) \text{ otherwise},\;"
        r" \lambda \approx 1.0507,\; \alpha \approx 1.6733",
        source=Source(
            "Klambauer et al. 2017, Self-normalizing neural networks",
            "https://arxiv.org/abs/1706.02515",
        ),
        initializer="lecun_normal",
        dropout="alpha_dropout",
    ),
    ActivationEntry(
        name="gelu",
        meaning="Weighs its input by the normal distribution function; smooth near zero.",
        formula=r"x \Phi(x); \text{ tanh form: }"
        r" \tfrac{x}{2}(1 + \tanh(\sqrt{2/\pi}(x + 0.044715 x^3)))",
        source=Source(
            "Hendrycks & Gimpel 2016, Gaussian error linear units",
            "https://arxiv.org/abs/1606.08415",
        ),
        parameters=(
            Parameter(
                "approximate",
                "option",
                "none",
                "the exact form, or the paper's tanh approximation",
                options=("none", "tanh"),
            ),
        ),
        initializer="he_uniform",
    ),
)
