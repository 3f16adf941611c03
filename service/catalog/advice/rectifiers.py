"""Advice on activations that pass positive inputs."""

from collections.abc import Mapping

from service.catalog.advice import papers
from service.catalog.advice.advice import Advice, said, shown, uncompared

ADVICE: Mapping[str, Advice] = {
    "relu": Advice(
        solved=(
            said(
                "It does not saturate for positive inputs: along the active paths "
                "gradients flow as in a linear network.",
                papers.GLOROT_2011,
                "section 3.1",
            ),
        ),
        strengths=(
            said(
                "Its zeros are exact, so activations are sparse, and it needs no exponential.",
                papers.GLOROT_2011,
                "section 3.1",
            ),
            shown(
                "With he it learns the DeepReplay block in fewer epochs than tanh with glorot.",
                "initializer_showdown",
                "relu_beats_tanh",
            ),
        ),
        remains=(
            said(
                "A unit whose input is never positive has no gradient and may never activate.",
                papers.MAAS_2013,
                "section 2",
            ),
            said(
                "As depth grows at fixed width, the probability that the whole network "
                "is dead from the start tends to 1.",
                papers.LU_2019,
                "abstract",
            ),
            shown(
                "That it also classifies more new points than tanh was not reproduced here.",
                "initializer_showdown",
                "relu_beats_tanh_on_new_points",
                status="not_reproduced",
            ),
        ),
        use_when=(
            said(
                "As the first choice for the hidden units of a feedforward network.",
                papers.BOOK,
                "section 6.3",
            ),
        ),
    ),
    "leaky_relu": Advice(
        solved=(
            said(
                "A unit that is not active keeps a small gradient, so it can become active again.",
                papers.MAAS_2013,
                "section 2",
            ),
        ),
        strengths=(
            said(
                "With a slope of 1/5.5 it had a lower test error than relu on CIFAR-10 "
                "and CIFAR-100.",
                papers.XU_2015,
                "section 4",
            ),
        ),
        remains=(
            said(
                "With a slope of 0.01 speech recognition came out as with relu; the two "
                "papers disagree on whether the slope matters, and they differ in slope "
                "and task.",
                papers.MAAS_2013,
                "section 3",
            ),
            said(
                "On small data sets a fixed slope overfits more than one drawn at random.",
                papers.XU_2015,
                "abstract",
            ),
        ),
        use_when=(
            said(
                "Where units of a relu network die; then with a slope well above 0.01.",
                papers.XU_2015,
                "section 4",
            ),
        ),
    ),
    "prelu": Advice(
        solved=(
            said(
                "The slope below zero, which leaky_relu fixes by hand, is learnt for each channel.",
                papers.HE_2015,
                "section 2.1",
            ),
        ),
        strengths=(
            said(
                "On ImageNet it lowered the top-1 error of a fourteen-layer network by "
                "1.2 points against relu, at almost no cost.",
                papers.HE_2015,
                "section 2.1 and table 2",
            ),
        ),
        remains=(
            said(
                "On small data sets it had the lowest training error and a higher test "
                "error than a random slope: it overfits.",
                papers.XU_2015,
                "sections 4 and 5",
            ),
            said(
                "Weight decay pulls the slopes towards zero, that is, towards relu; the "
                "paper applies none to them.",
                papers.HE_2015,
                "section 2.1",
            ),
        ),
        use_when=(
            said(
                "On data sets as large as ImageNet, where a slope for each channel is "
                "not overfitted.",
                papers.HE_2015,
                "table 2",
            ),
        ),
    ),
    "elu": Advice(
        solved=(
            said(
                "Negative values bring mean activations nearer to zero, which reduces "
                "the bias shift that slows learning with relu.",
                papers.CLEVERT_2015,
                "sections 2 and 3",
            ),
        ),
        strengths=(
            shown(
                "On MNIST its training loss, averaged over the epochs, is below that of relu and "
                "leaky_relu.",
                "elu_mnist",
                "training_error_falls_fastest",
            ),
            said(
                "It saturates for very negative inputs, so that a unit that is off is "
                "not moved by noise.",
                papers.CLEVERT_2015,
                "section 3",
            ),
        ),
        remains=(
            shown(
                "Whether its mean activation stays nearer zero than that of relu and leaky_relu "
                "over 300 epochs on MNIST, five seeds do not decide.",
                "elu_mnist",
                "activations_nearest_zero",
                status="inconclusive",
            ),
            said(
                "It needs an exponential; the ImageNet networks of the paper were slower "
                "per iteration than with relu.",
                papers.CLEVERT_2015,
                "section 4.4",
            ),
            said(
                "alpha is not learnt, and for values other than 1 the slope jumps at zero.",
                papers.BARRON_2017,
                "equations 1 and 2",
            ),
        ),
        use_when=(
            said(
                "In networks of more than five layers without normalization: batch "
                "normalization did not improve it.",
                papers.CLEVERT_2015,
                "abstract",
            ),
        ),
    ),
    "selu": Advice(
        solved=(
            said(
                "It keeps activations of deep dense networks near mean 0 and variance 1 "
                "without a normalization layer.",
                papers.KLAMBAUER_2017,
                "theorem 1",
            ),
        ),
        strengths=(
            said(
                "Variance has proven upper and lower bounds, so gradients can neither "
                "vanish nor explode.",
                papers.KLAMBAUER_2017,
                "theorems 2 and 3",
            ),
            shown(
                "At initialization the last of 8, 16 and 32 hidden layers has a standard "
                "deviation near 1.",
                "selu_depth",
                "activations_keep_unit_variance",
            ),
        ),
        remains=(
            said(
                "The proof needs weights of mean 0 and variance 1 / fan-in, and dropout "
                "that keeps both moments (lecun_normal, alpha_dropout); no such "
                "guarantee is given while the weights move.",
                papers.KLAMBAUER_2017,
                "section 2",
            ),
        ),
        use_when=(
            said(
                "In dense networks of many layers on tables: over 121 tasks it was ahead "
                "of every other kind of dense network compared, those with batch, layer "
                "or weight normalization among them.",
                papers.KLAMBAUER_2017,
                "abstract",
            ),
        ),
    ),
    "celu": Advice(
        solved=(
            said(
                "elu's slope jumps at zero unless alpha is 1; its own is continuous for "
                "every alpha.",
                papers.BARRON_2017,
                "equations 1 and 2",
            ),
        ),
        strengths=(
            said(
                "Its derivative is bounded, and relu and the identity are limits of it.",
                papers.BARRON_2017,
                "equations 1 and 2",
            ),
        ),
        remains=(
            said(
                "The note that defines it has no experiment.",
                papers.BARRON_2017,
                "equations 1 and 2",
            ),
        ),
        use_when=(uncompared("No source compared it with the other activations."),),
    ),
    "maxout": Advice(
        solved=(
            said(
                "A unit learns its own convex activation and is saturated nowhere, so "
                "that dropout trains deeper networks.",
                papers.GOODFELLOW_2013,
                "sections 3 and 8",
            ),
        ),
        strengths=(
            said(
                "Two maxout units with enough pieces approximate any continuous function.",
                papers.GOODFELLOW_2013,
                "section 4",
            ),
            said(
                "With dropout rectifier units die and rarely return, while those of "
                "maxout stay active.",
                papers.GOODFELLOW_2013,
                "section 8.2",
            ),
        ),
        remains=(
            said(
                "A layer has k times the weights, and needs more regularization than rectifiers.",
                papers.BOOK,
                "section 6.3.1",
            ),
        ),
        use_when=(
            said(
                "Together with dropout, for which it was made.", papers.GOODFELLOW_2013, "section 3"
            ),
        ),
    ),
    "squared_relu": Advice(
        solved=(
            said(
                "A search over transformer programs found it: it lowers the compute that "
                "a language model needs to reach a loss.",
                papers.SO_2021,
                "section 3",
            ),
        ),
        strengths=(
            said(
                "It is one of the two modifications to which the paper ascribes most of its gain.",
                papers.SO_2021,
                "abstract",
            ),
        ),
        remains=(
            said(
                "Its slope grows with its input without bound, so signals and gradients "
                "depend on their scale more than with relu.",
                papers.SO_2021,
                "section 3",
            ),
        ),
        use_when=(
            said(
                "In the feedforward blocks of transformers, which normalize; no source "
                "compared it in other networks.",
                papers.SO_2021,
                "section 4",
            ),
        ),
    ),
}
