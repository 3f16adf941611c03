"""Advice on initializers whose variance follows from the fans."""

from collections.abc import Mapping

from service.catalog.advice import papers
from service.catalog.advice.advice import Advice, said, shown

ADVICE: Mapping[str, Advice] = {
    "fan_in_uniform": Advice(
        solved=(
            said(
                "Weights that shrink with the fan-in keep sums of many inputs from "
                "saturating units.",
                papers.GLOROT_2010,
                "equation 1",
            ),
        ),
        strengths=(
            said(
                "It is what PyTorch's layers do unless told otherwise, so that networks "
                "trained there can be reproduced.",
                papers.PYTORCH_LINEAR,
                "Variables",
            ),
        ),
        remains=(
            said(
                "The variance is a third of what keeps a signal: each layer shrinks it, "
                "and gradients shrink on their way back.",
                papers.GLOROT_2010,
                "equation 15",
            ),
        ),
        use_when=(
            said(
                "In shallow networks and to reproduce PyTorch; glorot was derived to "
                "take its place.",
                papers.GLOROT_2010,
                "section 4.2.1",
            ),
        ),
    ),
    "glorot_uniform": Advice(
        solved=(
            said(
                "Signals and gradients keep their variance from layer to layer, as well "
                "as one number can do both.",
                papers.GLOROT_2010,
                "equations 10 to 12",
            ),
        ),
        strengths=(
            said(
                "With tanh and softsign it lowered the test error of deep networks.",
                papers.GLOROT_2010,
                "table 1",
            ),
            shown("tanh keeps its spread through ten layers.", "depth_study", "glorot_keeps_tanh"),
        ),
        remains=(
            shown(
                "It assumes units that are linear near zero: with relu the activations "
                "fade layer by layer.",
                "depth_study",
                "glorot_fades_with_relu",
            ),
            said(
                "Its derivation assumes that activations are linear, which does not hold "
                "for relu and prelu.",
                papers.HE_2015,
                "section 2.2",
            ),
        ),
        use_when=(
            said(
                "With tanh, softsign and other units of slope 1 at zero; with relu choose he.",
                papers.HE_2015,
                "section 2.2",
            ),
        ),
    ),
    "glorot_normal": Advice(
        solved=(
            said(
                "Signals and gradients keep their variance from layer to layer, as well "
                "as one number can do both.",
                papers.GLOROT_2010,
                "equations 10 to 12",
            ),
        ),
        strengths=(
            shown("tanh keeps its spread through ten layers.", "depth_study", "glorot_keeps_tanh"),
            said(
                "It has the variance of the uniform form, which lowered the test error "
                "of deep tanh and softsign networks.",
                papers.GLOROT_2010,
                "table 1",
            ),
        ),
        remains=(
            shown(
                "It assumes units that are linear near zero: with relu the activations "
                "fade layer by layer.",
                "depth_study",
                "glorot_fades_with_relu",
            ),
            shown(
                "He et al. saw thirty relu layers stall from it; at full size that was "
                "not reproduced here.",
                "he_depth",
                "glorot_stalls",
                status="not_reproduced",
            ),
            said(
                "Its derivation assumes that activations are linear, which does not hold "
                "for relu and prelu.",
                papers.HE_2015,
                "section 2.2",
            ),
        ),
        use_when=(
            shown(
                "As glorot_uniform; between the two forms this service's runs decide nothing.",
                "initializer_showdown",
                "uniform_beats_normal",
                status="inconclusive",
            ),
            said(
                "With tanh, softsign and other units of slope 1 at zero; with relu choose he.",
                papers.HE_2015,
                "section 2.2",
            ),
        ),
    ),
    "he_uniform": Advice(
        solved=(
            said(
                "It doubles the variance that glorot's argument gives, for the half of "
                "the z-values that relu zeroes.",
                papers.HE_2015,
                "equation 10",
            ),
        ),
        strengths=(
            shown("relu keeps its spread through ten layers.", "depth_study", "he_keeps_relu"),
            shown(
                "A network with two hidden layers that learns nothing from zeros and "
                "little from large weights learns two circles from it.",
                "symmetry_breaking",
                "he_solves_it",
            ),
            said(
                "It has the variance of the normal form, from which thirty layers train "
                "in the paper.",
                papers.HE_2015,
                "figure 3",
            ),
        ),
        remains=(
            said(
                "Only the mean length is kept: in narrow layers single networks are far from it.",
                papers.HANIN_2018,
                "abstract",
            ),
        ),
        use_when=(
            said(
                "With relu and its kin; negative_slope for those that leak.",
                papers.HE_2015,
                "equation 15",
            ),
        ),
    ),
    "he_normal": Advice(
        solved=(
            said(
                "It doubles the variance that glorot's argument gives, for the half of "
                "the z-values that relu zeroes.",
                papers.HE_2015,
                "equation 10",
            ),
        ),
        strengths=(
            said(
                "In the paper thirty layers train from it and stall from glorot.",
                papers.HE_2015,
                "figure 3",
            ),
            shown("relu keeps its spread through ten layers.", "depth_study", "he_keeps_relu"),
        ),
        remains=(
            shown(
                "At this service's full size thirty layers do not stall from glorot: the "
                "two sources disagree.",
                "he_depth",
                "glorot_stalls",
                status="not_reproduced",
            ),
            said(
                "The paper saw no gain in accuracy from its deeper networks.",
                papers.HE_2015,
                "section 2.2",
            ),
        ),
        use_when=(
            said(
                "With relu and its kin; negative_slope for those that leak.",
                papers.HE_2015,
                "equation 15",
            ),
        ),
    ),
    "lecun_normal": Advice(
        solved=(
            said(
                "Sums of standardized inputs have standard deviation 1, which keeps "
                "sigmoids off their flat ends, where gradients are small.",
                papers.LECUN_1998,
                "section 4.6",
            ),
        ),
        strengths=(
            said("It is what selu's fixed point needs.", papers.KLAMBAUER_2017, "section 2"),
            shown(
                "With it the last of 8, 16 and 32 hidden layers of selu has a standard "
                "deviation near 1.",
                "selu_depth",
                "activations_keep_unit_variance",
            ),
        ),
        remains=(
            said(
                "It looks at the way forward alone, and with relu each layer halves the "
                "mean square.",
                papers.HE_2015,
                "section 2.2",
            ),
        ),
        use_when=(
            said(
                "With selu, and with units of slope 1 at zero where the inputs are standardized.",
                papers.LECUN_1998,
                "section 4.6",
            ),
        ),
    ),
    "lecun_uniform": Advice(
        solved=(
            said(
                "Sums of standardized inputs have standard deviation 1, which keeps "
                "sigmoids off their flat ends, where gradients are small.",
                papers.LECUN_1998,
                "section 4.6",
            ),
        ),
        strengths=(
            said(
                "No weight is larger than sqrt(3 / fan-in).",
                papers.KERAS_INITIALIZERS,
                "LecunUniform",
            ),
        ),
        remains=(
            said(
                "It looks at the way forward alone, and with relu each layer halves the "
                "mean square.",
                papers.HE_2015,
                "section 2.2",
            ),
        ),
        use_when=(
            said(
                "With units of slope 1 at zero where the inputs are standardized; no "
                "source compared the forms.",
                papers.LECUN_1998,
                "section 4.6",
            ),
        ),
    ),
    "variance_scaling": Advice(
        solved=(
            said(
                "glorot, he and lecun are one rule with three settings, and variants of "
                "it need no name of their own.",
                papers.KERAS_INITIALIZERS,
                "VarianceScaling",
            ),
        ),
        strengths=(
            said(
                "fan_in keeps signals on their way forward, fan_out gradients on their "
                "way back; for relu either is enough.",
                papers.HE_2015,
                "section 2.2",
            ),
        ),
        remains=(
            said(
                "The scale that suits an activation has to be known; the default is lecun's.",
                papers.KERAS_INITIALIZERS,
                "VarianceScaling",
            ),
        ),
        use_when=(
            said(
                "For a scale, a fan or a distribution that no named initializer has.",
                papers.KERAS_INITIALIZERS,
                "VarianceScaling",
            ),
        ),
    ),
}
