"""Advice on smooth activations, gated units and formulas."""

from collections.abc import Mapping

from service.catalog.advice import papers
from service.catalog.advice.advice import Advice, said, shown

ADVICE: Mapping[str, Advice] = {
    "gelu": Advice(
        solved=(
            said(
                "It weighs an input by its value instead of gating it by its sign, as relu does.",
                papers.HENDRYCKS_2016,
                "section 2",
            ),
        ),
        strengths=(
            shown(
                "With dropout its training loss on MNIST is the lowest of gelu, elu and relu.",
                "gelu_mnist",
                "gelu_has_the_lowest_loss_with_dropout",
            ),
            shown(
                "Without dropout its training loss is the lowest of them too, by little.",
                "gelu_mnist",
                "gelu_has_the_lowest_loss_without_dropout",
            ),
            said(
                "It matched or exceeded relu and elu on vision, language and speech "
                "tasks of the paper.",
                papers.HENDRYCKS_2016,
                "section 3",
            ),
        ),
        remains=(
            said(
                "It needs an error function or a tanh for every unit.",
                papers.HENDRYCKS_2016,
                "section 2",
            ),
        ),
        use_when=(
            said(
                "With an optimizer with momentum, as the paper advises.",
                papers.HENDRYCKS_2016,
                "section 4",
            ),
        ),
    ),
    "silu": Advice(
        solved=(
            said(
                "A search over formulas for something better than relu in deep networks "
                "found it best, as swish.",
                papers.RAMACHANDRAN_2017,
                "section 3",
            ),
        ),
        strengths=(
            said(
                "In place of relu it raised the top-1 accuracy on ImageNet by 0.9 points "
                "for Mobile NASNet-A and 0.6 for Inception-ResNet-v2.",
                papers.RAMACHANDRAN_2017,
                "abstract",
            ),
        ),
        remains=(
            said("Its sigmoid is costly on mobile devices.", papers.HOWARD_2019, "section 5.2"),
        ),
        use_when=(
            said(
                "In place of relu in deep models, on which the paper found that it tends "
                "to be better.",
                papers.RAMACHANDRAN_2017,
                "abstract",
            ),
        ),
    ),
    "mish": Advice(
        solved=(
            said(
                "It keeps the dip of silu below zero and the smoothness, with a first "
                "derivative that the paper takes for a regularizer.",
                papers.MISRA_2019,
                "section 2",
            ),
        ),
        strengths=(
            said(
                "On ImageNet ResNet-50 gained about one point of top-1 accuracy against "
                "relu, YOLOv4's backbone 2.1 points of average precision against "
                "leaky_relu.",
                papers.MISRA_2019,
                "abstract",
            ),
        ),
        remains=(
            said(
                "It needs an exponential, a logarithm and a tanh for every unit.",
                papers.MISRA_2019,
                "section 2",
            ),
            said(
                "That its derivative regularizes is an intuition of the paper, not shown "
                "there by proof.",
                papers.MISRA_2019,
                "abstract",
            ),
        ),
        use_when=(
            said(
                "In convolutional networks for images, the setting in which it was compared.",
                papers.MISRA_2019,
                "section 4",
            ),
        ),
    ),
    "softplus": Advice(
        solved=(
            said(
                "It smooths relu's corner, so that the gradient is nowhere exactly zero.",
                papers.GLOROT_2011,
                "section 3.1",
            ),
        ),
        strengths=(
            said(
                "It is smooth and convex, and positive, which a variance or a rate must be.",
                papers.BOOK,
                "section 3.10",
            ),
        ),
        remains=(
            said(
                "One might expect it to train better than relu, having a derivative "
                "everywhere; in experiments it does not.",
                papers.BOOK,
                "section 6.3.3",
            ),
            said(
                "Its outputs are never zero or negative: at z = 0 the mean is 0.69, not 0.",
                papers.GLOROT_2011,
                "section 3.1",
            ),
        ),
        use_when=(
            said(
                "Where the output must be positive; as a hidden unit its use is "
                "generally discouraged.",
                papers.BOOK,
                "section 6.3.3",
            ),
        ),
    ),
    "hard_swish": Advice(
        solved=(
            said(
                "It replaces the sigmoid of silu, which is costly on mobile devices, by "
                "straight lines.",
                papers.HOWARD_2019,
                "section 5.2",
            ),
        ),
        strengths=(
            said(
                "The paper saw no difference in accuracy to silu, and lower latency.",
                papers.HOWARD_2019,
                "section 5.2",
            ),
        ),
        remains=(
            said(
                "Most of its benefit was in the deeper layers; the paper uses relu in "
                "the first half of the network.",
                papers.HOWARD_2019,
                "section 5.2",
            ),
        ),
        use_when=(
            said(
                "In place of silu on devices on which a sigmoid is slow.",
                papers.HOWARD_2019,
                "section 5.2",
            ),
        ),
    ),
    "glu": Advice(
        solved=(
            said(
                "Its linear factor leaves gradients a path that no saturated gate "
                "shrinks, unlike the tanh of gated units before it.",
                papers.DAUPHIN_2017,
                "section 3",
            ),
        ),
        strengths=(
            said(
                "In convolutional language models it converged faster and to a lower "
                "perplexity than gated tanh, relu and tanh units.",
                papers.DAUPHIN_2017,
                "section 5.2",
            ),
        ),
        remains=(
            said(
                "A layer has twice the weights; compare at equal numbers of weights.",
                papers.SHAZEER_2020,
                "section 2",
            ),
        ),
        use_when=(
            said(
                "In language models; no source compared it on MNIST or on tables.",
                papers.DAUPHIN_2017,
                "section 5",
            ),
        ),
    ),
    "swiglu": Advice(
        solved=(
            said(
                "It asks whether glu's gate need be a sigmoid: silu in its place lowered "
                "a transformer's perplexity.",
                papers.SHAZEER_2020,
                "section 3 and table 1",
            ),
        ),
        strengths=(
            said(
                "At equal weights and compute it and geglu had the best perplexities of "
                "the variants compared.",
                papers.SHAZEER_2020,
                "table 1",
            ),
        ),
        remains=(
            said(
                "The paper offers no explanation of why it works.", papers.SHAZEER_2020, "section 4"
            ),
        ),
        use_when=(
            said(
                "In the feedforward blocks of transformers, with two thirds of the "
                "units, so that the number of weights stays.",
                papers.SHAZEER_2020,
                "section 2",
            ),
        ),
    ),
    "geglu": Advice(
        solved=(
            said(
                "It asks whether glu's gate need be a sigmoid: gelu in its place lowered "
                "a transformer's perplexity.",
                papers.SHAZEER_2020,
                "section 3 and table 1",
            ),
        ),
        strengths=(
            said(
                "At equal weights and compute it and swiglu had the best perplexities of "
                "the variants compared.",
                papers.SHAZEER_2020,
                "table 1",
            ),
        ),
        remains=(
            said(
                "The paper offers no explanation of why it works.", papers.SHAZEER_2020, "section 4"
            ),
        ),
        use_when=(
            said(
                "In the feedforward blocks of transformers, with two thirds of the "
                "units, so that the number of weights stays.",
                papers.SHAZEER_2020,
                "section 2",
            ),
        ),
    ),
    "formula": Advice(
        solved=(
            said(
                "Activations found by searching over formulas exceeded those made by "
                "hand, so a catalog is never complete.",
                papers.RAMACHANDRAN_2017,
                "section 3",
            ),
        ),
        strengths=(
            said(
                "Simple formulas did best in that search: one or two operations on the input.",
                papers.RAMACHANDRAN_2017,
                "section 3",
            ),
        ),
        remains=(
            said(
                "In that search formulas that use division did badly, as outputs explode "
                "where the denominator nears zero.",
                papers.RAMACHANDRAN_2017,
                "section 3",
            ),
        ),
        use_when=(
            said(
                "To test a formula against entries of the catalog with the same seeds, "
                "weights and rates.",
                papers.RAMACHANDRAN_2017,
                "section 4",
            ),
        ),
    ),
}
