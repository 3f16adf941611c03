"""Activations: the non-linearity after every hidden layer."""

from math import fsum
from statistics import NormalDist

from service.catalog.entry import ActivationEntry, FanInScale, Parameter, Source
from service.formulas.expression import Constants, Expression

_GLOROT_2010 = Source(
    "Glorot & Bengio 2010, Understanding the difficulty of training deep feedforward neural "
    "networks",
    "https://proceedings.mlr.press/v9/glorot10a.html",
)

_SHAZEER_2020 = Source(
    "Shazeer 2020, GLU variants improve transformer, eq. 5", "https://arxiv.org/abs/2002.05202"
)


def _slopes(slope: float) -> float:
    """Return 1 / E[f(z)^2] of slope 1 above zero and another below, z ~ N(0, 1)."""
    return 2 / (1 + slope**2)


def _largest_of(pieces: int) -> float:
    """Return 1 / E[M^2] of the largest of k standard normal z-values.

    Their density is k p(x) F(x)^(k - 1). On equidistant points the sum converges beyond float64.
    """
    step, normal = 1 / 16, NormalDist()
    points = [step * index for index in range(-160, 161)]
    return 1 / fsum(
        step * x**2 * pieces * normal.pdf(x) * normal.cdf(x) ** (pieces - 1) for x in points
    )


ENTRIES: tuple[ActivationEntry, ...] = (
    ActivationEntry(
        name="identity",
        meaning="Passes its input: with it a network of any depth is a linear one.",
        formula=r"x",
        source=Source(
            "Saxe, McClelland & Ganguli 2013, Exact solutions to the nonlinear dynamics of "
            "learning in deep linear neural networks",
            "https://arxiv.org/abs/1312.6120",
        ),
        aliases=("linear",),
        initializer="glorot_uniform",
        initializer_reason="Derived for layers that are linear, keeping signal and gradient alike "
        "(Glorot & Bengio 2010, eq. 12).",
    ),
    ActivationEntry(
        name="sigmoid",
        meaning="Squashes to (0, 1); saturates on both sides, and its derivative never passes 1/4.",
        formula=r"\sigma(x) = \frac{1}{1 + e^{-x}}",
        source=_GLOROT_2010,
        initializer=FanInScale(lambda: 3.6**2),
        initializer_reason="Standard deviation 3.6 / sqrt(fan-in) makes up for a slope of 1/4 and "
        "a mean of 1/2 at zero (Kumar 2017, arXiv 1704.08863); with glorot each layer would lose "
        "three quarters of the signal.",
    ),
    ActivationEntry(
        name="tanh",
        meaning="Squashes to (-1, 1) around zero; saturates on both sides.",
        formula=r"\tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}",
        source=_GLOROT_2010,
        initializer="glorot_uniform",
        initializer_reason="Its slope is 1 at zero, for which glorot keeps signal and gradient "
        "(Glorot & Bengio 2010, eq. 12).",
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
        initializer_reason="Variance 2 / fan-in makes up for the half of the z-values that it "
        "sets to zero (He et al. 2015, eq. 10).",
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
        initializer=FanInScale(lambda *, negative_slope: _slopes(negative_slope)),
        initializer_reason="Variance 2 / ((1 + a^2) fan-in) keeps the signal through slopes of 1 "
        "and a (He et al. 2015, eq. 15).",
    ),
    ActivationEntry(
        name="prelu",
        meaning="A leaky relu whose slope below zero is learnt, one for each unit or channel.",
        formula=r"\max(0, x) + a_i \min(0, x),\; a_i \text{ learnt}",
        source=Source(
            "He et al. 2015, Delving deep into rectifiers, eq. 1",
            "https://arxiv.org/abs/1502.01852",
        ),
        parameters=(
            Parameter(
                "initial_slope",
                "number",
                0.25,
                "every slope before the first step",
                minimum=0.0,
                maximum=1.0,
            ),
        ),
        initializer=FanInScale(lambda *, initial_slope: _slopes(initial_slope)),
        initializer_reason="Variance 2 / ((1 + a^2) fan-in) keeps the signal through slopes of 1 "
        "and a, the initial one (He et al. 2015, eq. 15).",
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
        initializer=FanInScale(lambda *, alpha: _slopes(alpha)),
        initializer_reason="Its slopes beside zero are 1 and alpha: variance 2 / ((1 + alpha^2) "
        "fan-in), 1 / fan-in for alpha = 1, is the edge at which gradients neither vanish nor "
        "explode with depth (He et al. 2015, eq. 15; Schoenholz et al. 2017); with he the length "
        "grows to 1,888.",
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
        initializer_reason="Its constants make mean 0 and variance 1 a fixed point for weights of "
        "variance 1 / fan-in (Klambauer et al. 2017).",
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
        initializer_reason="A smooth rectifier, for which variance 2 / fan-in is right up to about "
        "ten layers; no variance is at all depths, since where the signal is kept its length is "
        "unstable (He et al. 2015, eq. 10).",
    ),
    ActivationEntry(
        name="silu",
        meaning="Weighs its input by its sigmoid; smooth, with a small dip below zero.",
        formula=r"x\, \sigma(\beta x) = \frac{x}{1 + e^{-\beta x}}",
        source=Source(
            "Elfwing, Uchibe & Doya 2018, Sigmoid-weighted linear units for neural network "
            "function approximation in reinforcement learning; as swish: Ramachandran, Zoph & "
            "Le 2017, Searching for activation functions (arXiv 1710.05941)",
            "https://arxiv.org/abs/1702.03118",
        ),
        aliases=("swish",),
        parameters=(
            Parameter(
                "beta",
                "number",
                1.0,
                "steepness of the sigmoid: 0 gives x / 2, and the larger, the nearer to relu",
                minimum=0.0,
                maximum=100.0,
                implied=True,
            ),
        ),
        initializer="he_uniform",
        initializer_reason="A smooth rectifier, for which variance 2 / fan-in is right up to about "
        "ten layers; no variance is at all depths, since where the signal is kept its length is "
        "unstable (He et al. 2015, eq. 10).",
    ),
    ActivationEntry(
        name="mish",
        meaning="Weighs its input by the tanh of its softplus; smooth, with a small dip below "
        "zero.",
        formula=r"x \tanh(\ln(1 + e^{x}))",
        source=Source(
            "Misra 2019, Mish: a self regularized non-monotonic activation function",
            "https://arxiv.org/abs/1908.08681",
        ),
        initializer="he_uniform",
        initializer_reason="A smooth rectifier, for which variance 2 / fan-in is right up to about "
        "ten layers; no variance is at all depths, since where the signal is kept its length is "
        "unstable (He et al. 2015, eq. 10).",
    ),
    ActivationEntry(
        name="softplus",
        meaning="A smooth relu, positive everywhere; its derivative is the sigmoid.",
        formula=r"\ln(1 + e^{x})",
        source=Source(
            "Dugas et al. 2000, Incorporating second-order functional knowledge for better "
            "option pricing; Glorot, Bordes & Bengio 2011, Deep sparse rectifier neural networks",
            "https://proceedings.mlr.press/v15/glorot11a.html",
        ),
        initializer="he_uniform",
        initializer_reason="A smooth rectifier: large z-values pass as with relu (He et al. 2015, "
        "eq. 10); its mean is never zero, so with any variance samples become alike with depth.",
    ),
    ActivationEntry(
        name="softsign",
        meaning="Squashes to (-1, 1) as tanh does, but nears its limits far more slowly.",
        formula=r"\frac{x}{1 + |x|}",
        source=_GLOROT_2010,
        initializer="glorot_uniform",
        initializer_reason="Its slope is 1 at zero, for which glorot keeps signal and gradient "
        "(Glorot & Bengio 2010, eq. 12).",
    ),
    ActivationEntry(
        name="hard_sigmoid",
        meaning="A sigmoid of straight lines: 0 below -3, 1 above 3, where nothing is learnt.",
        formula=r"\min(\max(x + 3, 0), 6) / 6",
        source=Source(
            "Howard et al. 2019, Searching for MobileNetV3, section 5.2",
            "https://arxiv.org/abs/1905.02244",
        ),
        initializer=FanInScale(lambda: 36 / (1 + 1 / 4)),
        initializer_reason="Variance 1 / (f'(0)^2 (1 + f(0)^2) fan-in) with slope 1/6 and value "
        "1/2 at zero: the argument that gives sigmoid 3.6 (Kumar 2017, arXiv 1704.08863).",
    ),
    ActivationEntry(
        name="hard_tanh",
        meaning="A tanh of straight lines: x clamped to [-1, 1], beyond which nothing is learnt.",
        formula=r"\min(\max(x, -1), 1)",
        source=Source(
            "Collobert et al. 2011, Natural language processing (almost) from scratch, section 3.3",
            "https://arxiv.org/abs/1103.0398",
        ),
        initializer="glorot_uniform",
        initializer_reason="Its slope is 1 around zero, for which glorot keeps signal and gradient "
        "(Glorot & Bengio 2010, eq. 12).",
    ),
    ActivationEntry(
        name="relu6",
        meaning="A relu capped at 6; dead below zero and saturated above six.",
        formula=r"\min(\max(0, x), 6)",
        source=Source(
            "Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10",
            "https://www.cs.toronto.edu/~kriz/conv-cifar10-aug2010.pdf",
        ),
        initializer="he_uniform",
        initializer_reason="A relu but for z-values above 6, which variance 2 / fan-in makes rare "
        "(He et al. 2015, eq. 10).",
    ),
    ActivationEntry(
        name="maxout",
        meaning="The largest of several z-values, so that a unit learns its own convex function; "
        "its layer has that many times the weights.",
        formula=r"\max_{j = 1 \dots k} x_{j}",
        source=Source(
            "Goodfellow et al. 2013, Maxout networks",
            "https://arxiv.org/abs/1302.4389",
        ),
        parameters=(
            Parameter(
                "pieces",
                "integer",
                2,
                "z-values of a unit (k)",
                minimum=2,
                maximum=8,
            ),
        ),
        initializer=FanInScale(lambda *, pieces: _largest_of(pieces)),
        initializer_reason="Variance 1 / fan-in over the mean square of the largest of k normal "
        "z-values, 1 for two and 1.55 for four, keeps the signal (the argument of He et al. 2015, "
        "eq. 10).",
    ),
    ActivationEntry(
        name="celu",
        meaning="An elu whose slope is 1 at zero from both sides, whatever its scale.",
        formula=r"\max(0, x) + \min(0, \alpha (e^{x / \alpha} - 1))",
        source=Source(
            "Barron 2017, Continuously differentiable exponential linear units, eq. 2",
            "https://arxiv.org/abs/1704.07483",
        ),
        parameters=(
            Parameter(
                "alpha",
                "number",
                1.0,
                "the value reached towards minus infinity is -alpha",
                minimum=0.01,
                maximum=10.0,
            ),
        ),
        initializer="lecun_normal",
        initializer_reason="Its slopes beside zero are both 1: variance 1 / fan-in is the edge at "
        "which gradients neither vanish nor explode with depth, as of an elu with alpha = 1 (He et "
        "al. 2015, eq. 15; Schoenholz et al. 2017).",
    ),
    ActivationEntry(
        name="hard_swish",
        meaning="Weighs its input by hard_sigmoid: a silu of straight lines and a parabola, 0 "
        "below -3 and x above 3.",
        formula=r"x \min(\max(x + 3, 0), 6) / 6",
        source=Source(
            "Howard et al. 2019, Searching for MobileNetV3, section 5.2",
            "https://arxiv.org/abs/1905.02244",
        ),
        aliases=("hard_silu",),
        initializer="he_uniform",
        initializer_reason="A smooth rectifier, for which variance 2 / fan-in is right up to about "
        "ten layers; no variance is at all depths, since where the signal is kept its length is "
        "unstable (He et al. 2015, eq. 10).",
    ),
    ActivationEntry(
        name="squared_relu",
        meaning="The square of a relu: large z-values grow and small ones shrink, so deep networks "
        "of it need normalization.",
        formula=r"\max(0, x)^2",
        source=Source(
            "So et al. 2021, Primer: Searching for efficient transformers for language modeling, "
            "section 3.2",
            "https://arxiv.org/abs/2109.08668",
        ),
        initializer=FanInScale(lambda: 2 / 3),
        initializer_reason="Variance 1 / (E[f(z)^2] fan-in) of a standard normal z, with E = 3/2 "
        "(the argument of He et al. 2015, eq. 10); a signal that is longer or shorter does not "
        "return to that length.",
    ),
    *(
        ActivationEntry(
            name=name,
            meaning=f"A unit's first z-value times {words} of its second: a gate that is learnt. "
            "Its layer has twice the weights.",
            formula=rf"x_1\, {formula}",
            source=source,
            initializer=FanInScale(lambda gate=gate: Expression(gate).with_constants({}).scale),
            initializer_reason="Variance 1 / (E[g(z)^2] fan-in), z standard normal and g the gate: "
            "it keeps the length of the product (the argument of He et al. 2015, eq. 10). A signal "
            "that is longer or shorter does not return to that length.",
            pieces=2,
        )
        for name, words, formula, gate, source in (
            (
                "glu",
                "the sigmoid",
                r"\sigma(x_2)",
                "sigmoid(x)",
                Source(
                    "Dauphin et al. 2017, Language modeling with gated convolutional networks, "
                    "eq. 1",
                    "https://arxiv.org/abs/1612.08083",
                ),
            ),
            ("swiglu", "the silu", r"x_2\, \sigma(x_2)", "x * sigmoid(x)", _SHAZEER_2020),
            (
                "geglu",
                "the gelu",
                r"x_2 \Phi(x_2)",
                "x * (1 + erf(x / sqrt(2))) / 2",
                _SHAZEER_2020,
            ),
        )
    ),
    ActivationEntry(
        name="formula",
        meaning="A formula of your own: an expression of x and of parameters that you name.",
        formula=r"f(x), \text{ as written}",
        source=Source(
            "Its default is the sigmoid form of gelu: Hendrycks & Gimpel 2016, section 2",
            "https://arxiv.org/abs/1606.08415",
        ),
        parameters=(
            Parameter(
                "expression",
                "expression",
                "x * sigmoid(1.702 * x)",
                "an expression of x: numbers, parameters, + - * / ** and functions",
            ),
            Parameter(
                "parameters",
                "constants",
                Constants(),
                "the value of each name in the expression; each may have several",
                minimum=-1e6,
                maximum=1e6,
            ),
        ),
        initializer=FanInScale(
            lambda *, expression, parameters: expression.with_constants(parameters).scale
        ),
        initializer_reason="Variance 1 / (E[f(z)^2] fan-in) of a standard normal z, computed by "
        "quadrature, keeps the length of signals (the argument of He et al. 2015, eq. 10).",
    ),
)
