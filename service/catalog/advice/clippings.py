"""Advice on clippings."""

from collections.abc import Mapping

from service.catalog.advice import papers
from service.catalog.advice.advice import Advice, said, shown, uncompared

ADVICE: Mapping[str, Advice] = {
    "none": Advice(
        solved=(
            said(
                "It is the control: what a clipping changes is seen against it.",
                papers.PASCANU_2013,
                "section 3.2",
            ),
        ),
        strengths=(
            said(
                "Steps follow the gradient as it is, which clipping biases.",
                papers.BOOK,
                "section 10.11.1",
            ),
        ),
        remains=(
            shown(
                "From an exploding initialization training diverges.",
                "clipping_study",
                "diverges_without_clipping",
            ),
            said(
                "One step across a cliff of the loss can undo much of the training.",
                papers.BOOK,
                "section 10.11.1",
            ),
        ),
        use_when=(
            shown(
                "With small batches a plain network ended no more than a point below "
                "adaptive clipping.",
                "agc_large_batch",
                "small_batches_do_not_need_it",
            ),
            said(
                "Where gradients are not exploding: clipping treats no other cause.",
                papers.PASCANU_2013,
                "sections 3.2 and 3.3",
            ),
        ),
    ),
    "value": Advice(
        solved=(
            said(
                "One step across a cliff of the loss can undo much of the training; a "
                "bound on each element prevents it.",
                papers.BOOK,
                "section 10.11.1",
            ),
        ),
        strengths=(
            said(
                "It is the simplest form, and in practice about as good as the norm.",
                papers.BOOK,
                "section 10.11.1",
            ),
            shown(
                "From an exploding initialization training works with it.",
                "clipping_study",
                "trains_with_clipping",
            ),
        ),
        remains=(
            said("It changes the direction of the step.", papers.BOOK, "section 10.11.1"),
            said("The threshold must be chosen.", papers.PASCANU_2013, "section 3.2"),
        ),
        use_when=(
            said(
                "To reproduce networks trained so, as Mikolov's language models were; "
                "otherwise prefer the norm.",
                papers.PASCANU_2013,
                "section 3.2",
            ),
        ),
    ),
    "norm": Advice(
        solved=(
            said(
                "Exploding gradients in recurrent networks, whose steps leap far off at "
                "walls of the loss.",
                papers.PASCANU_2013,
                "section 3.2",
            ),
        ),
        strengths=(
            said("It keeps the direction of the gradient.", papers.BOOK, "section 10.11.1"),
            said(
                "For losses whose curvature grows with the gradient it can converge "
                "arbitrarily faster than any fixed step, in theory.",
                papers.ZHANG_CLIPPING_2019,
                "abstract",
            ),
            shown(
                "From an exploding initialization training works with it.",
                "clipping_study",
                "trains_with_clipping",
            ),
        ),
        remains=(
            said(
                "How large a bound is right depends on depth, batch size and learning "
                "rate, and training is very sensitive to it.",
                papers.BROCK_2021,
                "section 4",
            ),
            said(
                "The mean of clipped gradients is not the gradient: steps are biased.",
                papers.BOOK,
                "section 10.11.1",
            ),
        ),
        use_when=(
            said(
                "Where steps sometimes explode; take a bound near the average norm: half "
                "to ten times it converged.",
                papers.PASCANU_2013,
                "section 3.2",
            ),
        ),
    ),
    "per_parameter_norm": Advice(
        solved=(
            said(
                "One tensor with a huge gradient does not shrink the steps of all "
                "others, as it does with the global norm.",
                papers.KERAS_OPTIMIZERS,
                "clipnorm",
            ),
        ),
        strengths=(
            said("It keeps the direction within each tensor.", papers.KERAS_OPTIMIZERS, "clipnorm"),
            shown(
                "From an exploding initialization training works with it.",
                "clipping_study",
                "trains_with_clipping",
            ),
        ),
        remains=(
            said(
                "It changes the direction of the step as a whole, and one bound holds "
                "for tensors of any size.",
                papers.KERAS_OPTIMIZERS,
                "clipnorm",
            ),
        ),
        use_when=(
            uncompared("To reproduce Keras' clipnorm; no source compared it with the global norm."),
        ),
    ),
    "adaptive": Advice(
        solved=(
            said(
                "A bound on the gradient alone has to be tuned anew for each depth, "
                "batch size and rate; it bounds the gradient relative to the weights.",
                papers.BROCK_2021,
                "section 4.1",
            ),
        ),
        strengths=(
            said(
                "With it networks without normalization train with batches of 4,096.",
                papers.BROCK_2021,
                "section 4.2",
            ),
            shown(
                "With large batches it trains to a higher accuracy than the plain network.",
                "agc_large_batch",
                "clipping_rescues_large_batches",
            ),
        ),
        remains=(
            shown(
                "With small batches it brings no more than a point.",
                "agc_large_batch",
                "small_batches_do_not_need_it",
            ),
            said(
                "Its threshold is still to be tuned: larger batches need a smaller one, "
                "and the last layer should not be clipped.",
                papers.BROCK_2021,
                "sections 4.1 and 4.2",
            ),
        ),
        use_when=(
            said(
                "In networks without normalization, with large batches or learning rates.",
                papers.BROCK_2021,
                "section 4",
            ),
        ),
    ),
}
