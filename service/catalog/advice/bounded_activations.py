"""Advice on activations between two bounds."""

from collections.abc import Mapping

from service.catalog.advice import papers
from service.catalog.advice.advice import Advice, said, shown

ADVICE: Mapping[str, Advice] = {
    "identity": Advice(
        solved=(
            said(
                "It leaves learning with depth open to exact solution: deep linear "
                "networks show the plateaus and sudden drops of the loss that non-linear "
                "ones show.",
                papers.SAXE_2013,
                "abstract",
            ),
        ),
        strengths=(
            said(
                "Nothing but the weights shrinks or grows its gradients: from orthogonal "
                "weights the time to learn does not depend on depth.",
                papers.SAXE_2013,
                "abstract",
            ),
        ),
        remains=(
            said(
                "A network of linear layers computes one linear map, whatever its depth.",
                papers.BOOK,
                "section 6.1",
            ),
        ),
        use_when=(
            said(
                "As a control that separates what depth does to training from what the "
                "non-linearity does.",
                papers.SAXE_2013,
                "abstract",
            ),
        ),
    ),
    "sigmoid": Advice(
        solved=(
            said(
                "It has the derivative that a threshold unit lacks, so that errors can "
                "be propagated back to hidden units.",
                papers.RUMELHART_1986,
                "equation 2",
            ),
        ),
        strengths=(
            said(
                "Its values between 0 and 1 can be read as probabilities or used as gates.",
                papers.BOOK,
                "sections 6.2.2.2 and 10.10",
            ),
        ),
        remains=(
            said(
                "Its mean is not zero, and in deep networks from random weights the top "
                "hidden layer is driven into saturation at 0, from which it escapes "
                "slowly or never.",
                papers.GLOROT_2010,
                "section 3.1",
            ),
            shown(
                "Of six activations on MNIST it is the slowest to learn.",
                "activation_showdown",
                "sigmoid_is_slowest",
            ),
        ),
        use_when=(
            said(
                "In output units and gates; as a hidden unit of a feedforward network "
                "its use is discouraged.",
                papers.BOOK,
                "section 6.3.2",
            ),
        ),
    ),
    "tanh": Advice(
        solved=(
            said(
                "Its outputs are centred on zero, unlike the sigmoid's, so the gradients "
                "of a unit's weights need not share one sign.",
                papers.LECUN_1998,
                "sections 4.3 and 4.4",
            ),
        ),
        strengths=(
            said(
                "It converges faster than the logistic sigmoid.", papers.LECUN_1998, "section 4.4"
            ),
            shown(
                "Near zero it is the identity, so glorot keeps its spread through ten layers.",
                "depth_study",
                "glorot_keeps_tanh",
            ),
        ),
        remains=(
            said(
                "It saturates on both sides: layer after layer, from the first, when "
                "weights are drawn by the old heuristic.",
                papers.GLOROT_2010,
                "section 3.2",
            ),
            shown(
                "With weights of N(1) four z-values in five or more lie on its flat ends "
                "in every hidden layer.",
                "depth_study",
                "large_weights_saturate_tanh",
            ),
        ),
        use_when=(
            said("Where a sigmoidal hidden unit must be used.", papers.BOOK, "section 6.3.2"),
            said(
                "In very deep networks together with orthogonal weights, which give it "
                "well-conditioned gradients that no weights give relu.",
                papers.PENNINGTON_2017,
                "abstract",
            ),
        ),
    ),
    "softsign": Advice(
        solved=(
            said(
                "It approaches its ends polynomially, not exponentially as tanh does, so "
                "that units saturate later.",
                papers.GLOROT_2010,
                "section 3.3",
            ),
        ),
        strengths=(
            said(
                "Its layers move together during training instead of saturating one "
                "after the other, and it depends less on the initializer than tanh.",
                papers.GLOROT_2010,
                "sections 3.3 and 5",
            ),
        ),
        remains=(
            said("Its slope still falls to zero on both sides.", papers.GLOROT_2010, "section 3.3"),
            said(
                "The paper compared it with sigmoid and tanh only, before relu.",
                papers.GLOROT_2010,
                "table 1",
            ),
        ),
        use_when=(
            said(
                "Where bounded units are wanted and the initializer cannot be tuned.",
                papers.GLOROT_2010,
                "section 5",
            ),
        ),
    ),
    "hard_sigmoid": Advice(
        solved=(
            said(
                "It replaces the exponential of a sigmoid, which is costly on mobile "
                "devices, by straight lines.",
                papers.HOWARD_2019,
                "section 5.2",
            ),
        ),
        strengths=(
            said(
                "In low-precision arithmetic it avoids the error of an approximated "
                "sigmoid; the paper saw no difference in accuracy.",
                papers.HOWARD_2019,
                "section 5.2",
            ),
        ),
        remains=(
            said(
                "Beyond -3 and 3 its slope is exactly zero: what is saturated there gets "
                "no gradient at all.",
                papers.HOWARD_2019,
                "section 5.2",
            ),
        ),
        use_when=(
            said("For gates where exponentials are too slow.", papers.HOWARD_2019, "section 5.2"),
        ),
    ),
    "hard_tanh": Advice(
        solved=(said("It is cheaper to compute than tanh.", papers.COLLOBERT_2011, "section 3.3"),),
        strengths=(
            said(
                "It left the generalization of the authors' networks unchanged.",
                papers.COLLOBERT_2011,
                "section 3.3",
            ),
        ),
        remains=(
            said(
                "Beyond -1 and 1 its slope is exactly zero: a unit saturated for every "
                "sample stays where it is.",
                papers.BOOK,
                "section 6.3.3",
            ),
        ),
        use_when=(
            said("In place of tanh where its cost counts.", papers.COLLOBERT_2011, "section 3.3"),
        ),
    ),
    "relu6": Advice(
        solved=(
            said(
                "The cap makes a unit learn sparse features earlier.",
                papers.KRIZHEVSKY_2010,
                "on units capped at 6",
            ),
        ),
        strengths=(
            said(
                "Bounded activations are robust in low-precision arithmetic.",
                papers.SANDLER_2018,
                "section 4",
            ),
        ),
        remains=(
            said(
                "It has relu's dead side, and above 6 no gradient either.",
                papers.KRIZHEVSKY_2010,
                "on units capped at 6",
            ),
        ),
        use_when=(
            said("In networks that are to run with few bits.", papers.SANDLER_2018, "section 4"),
        ),
    ),
}
