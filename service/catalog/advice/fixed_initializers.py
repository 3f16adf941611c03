"""Advice on initializers that do not look at the fans, and on auto."""

from collections.abc import Mapping

from service.catalog.advice import papers
from service.catalog.advice.advice import Advice, said, shown, uncompared

ADVICE: Mapping[str, Advice] = {
    "auto": Advice(
        solved=(
            said(
                "Rules for weights were derived for linear units; each activation needs "
                "a variance of its own.",
                papers.KUMAR_2017,
                "abstract",
            ),
        ),
        strengths=(
            shown(
                "It gives tanh glorot and relu he, the two that keep the spread of ten layers.",
                "depth_study",
                "he_keeps_relu",
            ),
            said(
                "Its choices for tanh and relu are those that their papers derive.",
                papers.HE_2015,
                "section 2.2",
            ),
        ),
        remains=(
            said(
                "For gelu, silu and mish it takes the variance that was derived for relu.",
                papers.HE_2015,
                "equation 10",
            ),
        ),
        use_when=(
            said(
                "With activations that have a slope at zero and with rectifiers, for "
                "which such variances are derived.",
                papers.KUMAR_2017,
                "abstract",
            ),
        ),
    ),
    "zeros": Advice(
        solved=(
            said(
                "It is the control that shows why weights are drawn at random: equal "
                "units get equal gradients and stay equal.",
                papers.BOOK,
                "section 8.4",
            ),
        ),
        strengths=(
            said("Its weights do not depend on the seed.", papers.KERAS_INITIALIZERS, "Zeros"),
        ),
        remains=(
            shown(
                "From zeros a network of several layers learns nothing: its loss stays "
                "at that of a guess.",
                "symmetry_breaking",
                "zeros_learn_nothing",
            ),
            said(
                "Hidden units with the same inputs must begin with different weights, or "
                "a deterministic rule updates them alike for ever.",
                papers.BOOK,
                "section 8.4",
            ),
        ),
        use_when=(
            said(
                "For biases, where it is compatible with most weight initializers; never "
                "for the weights of hidden layers.",
                papers.BOOK,
                "section 8.4",
            ),
        ),
    ),
    "ones": Advice(
        solved=(
            said(
                "It shows that weights which are equal, though not zero, do not tell "
                "units apart either.",
                papers.BOOK,
                "section 8.4",
            ),
        ),
        strengths=(
            said("Its weights do not depend on the seed.", papers.KERAS_INITIALIZERS, "Ones"),
        ),
        remains=(
            said(
                "Every unit of a layer sums all its inputs: its output grows with the "
                "fan-in, and units stay equal.",
                papers.BOOK,
                "section 8.4",
            ),
        ),
        use_when=(
            said(
                "For the gain of a normalization, which then changes nothing at the "
                "start; not for weights.",
                papers.KERAS_BATCHNORM,
                "gamma_initializer",
            ),
        ),
    ),
    "constant": Advice(
        solved=(
            said(
                "It shows that a constant such as 0.1 does not break symmetry: only "
                "differences between units do.",
                papers.BOOK,
                "section 8.4",
            ),
        ),
        strengths=(
            said("Its weights do not depend on the seed.", papers.KERAS_INITIALIZERS, "Constant"),
        ),
        remains=(
            said(
                "Units of a layer get equal gradients and stay equal.", papers.BOOK, "section 8.4"
            ),
        ),
        use_when=(
            said(
                "For biases, where 0.1 in place of 0 keeps relu units active at the "
                "start; not for weights.",
                papers.BOOK,
                "section 8.4",
            ),
        ),
    ),
    "normal": Advice(
        solved=(
            said("Random weights tell the units of a layer apart.", papers.BOOK, "section 8.4"),
        ),
        strengths=(
            said(
                "The standard deviation is stated, so that its effect can be studied.",
                papers.KERAS_INITIALIZERS,
                "RandomNormal",
            ),
        ),
        remains=(
            shown(
                "It ignores the fans: with 0.01 the activations of ten layers of 500 "
                "collapse to zero.",
                "depth_study",
                "small_weights_collapse",
            ),
            shown(
                "Times 10, training begins with a huge loss and ends with fewer points "
                "classified rightly than from he.",
                "symmetry_breaking",
                "too_large_classifies_less",
            ),
            said(
                "With a fixed deviation networks of more than eight convolutional layers "
                "have difficulties converging.",
                papers.HE_2015,
                "section 2.2",
            ),
        ),
        use_when=(
            said(
                "To reproduce networks that were trained so, with 0.01 as in AlexNet; "
                "very deep ones have difficulties converging from it.",
                papers.HE_2015,
                "section 2.2",
            ),
        ),
    ),
    "truncated_normal": Advice(
        solved=(
            said(
                "No weight lies more than two standard deviations from zero.",
                papers.KERAS_INITIALIZERS,
                "TruncatedNormal",
            ),
        ),
        strengths=(
            said(
                "The standard deviation is stated, so that its effect can be studied.",
                papers.KERAS_INITIALIZERS,
                "TruncatedNormal",
            ),
        ),
        remains=(
            said("It ignores the fans, as normal does.", papers.HE_2015, "section 2.2"),
            said(
                "The weights have 0.88 of the stated deviation.",
                papers.KERAS_INITIALIZERS,
                "TruncatedNormal",
            ),
        ),
        use_when=(
            uncompared(
                "To reproduce networks that were trained so; no source compared it with normal."
            ),
        ),
    ),
    "uniform": Advice(
        solved=(
            said(
                "Random weights tell the units of a layer apart, and none is larger than "
                "the limit.",
                papers.BOOK,
                "section 8.4",
            ),
        ),
        strengths=(
            said(
                "The limit is stated, so that its effect can be studied.",
                papers.KERAS_INITIALIZERS,
                "RandomUniform",
            ),
        ),
        remains=(
            said(
                "It ignores the fans, so that deep networks lose or blow up their signals.",
                papers.GLOROT_2010,
                "section 4.2.1",
            ),
            shown(
                "In a network of two small layers on the churn table glorot and he did "
                "not learn faster than it.",
                "churn_initializers",
                "scaled_weights_learn_faster",
                status="not_reproduced",
            ),
        ),
        use_when=(
            shown(
                "In shallow networks, where the scale hardly matters, or to reproduce "
                "networks that were trained so.",
                "churn_initializers",
                "scaled_weights_learn_faster",
                status="not_reproduced",
            ),
            said(
                "To reproduce networks that were trained so.",
                papers.KERAS_INITIALIZERS,
                "RandomUniform",
            ),
        ),
    ),
}
