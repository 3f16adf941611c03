"""Learning-rate schedules, a parameter of every optimizer."""

from service.catalog.entry import Entry, Parameter, Source

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="constant",
        meaning="The learning rate does not change.",
        formula=r"\eta_t = \eta",
        source=Source("Robbins & Monro 1951", "https://doi.org/10.1214/aoms/1177729586"),
    ),
    Entry(
        name="step",
        meaning="The learning rate is multiplied by a factor at regular intervals.",
        formula=r"\eta_t = \eta \, f^{\lfloor e_t / s \rfloor}",
        source=Source(
            "PyTorch, StepLR",
            "https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html",
        ),
        parameters=(
            Parameter(
                "every", "integer", 10, "epochs between two drops", minimum=1, maximum=100_000
            ),
            Parameter("factor", "number", 0.1, "factor of each drop", above=0.0, maximum=1.0),
        ),
    ),
    Entry(
        name="cosine",
        meaning="The learning rate falls along half a cosine over the whole training, step by "
        "step, without restarts.",
        formula=r"\eta_t = \eta \left(f + \frac{1 - f}{2}"
        r"\left(1 + \cos\frac{\pi t}{T}\right)\right)",
        source=Source(
            "Loshchilov & Hutter 2017, SGDR: stochastic gradient descent with warm restarts, "
            "equation 5",
            "https://arxiv.org/abs/1608.03983",
        ),
        parameters=(
            Parameter(
                "final",
                "number",
                0.0,
                "fraction of the learning rate it falls towards",
                minimum=0.0,
                maximum=1.0,
            ),
        ),
    ),
    Entry(
        name="warmup",
        meaning="The learning rate rises in equal steps to its value over the first epochs, then "
        "stays or falls to 0 along half a cosine. A training shorter than its warm-up ends "
        "before the rate is reached.",
        formula=r"\eta_t = \eta \min\left(1, \frac{t + 1}{W}\right)",
        source=Source(
            "Goyal et al. 2017, Accurate, large minibatch SGD: training ImageNet in 1 hour, "
            "section 2.2",
            "https://arxiv.org/abs/1706.02677",
        ),
        parameters=(
            Parameter(
                "epochs",
                "number",
                5.0,
                "length of the warm-up; may be a fraction of an epoch",
                above=0.0,
                maximum=100_000,
            ),
            Parameter(
                "then",
                "option",
                "constant",
                "what follows the warm-up",
                options=("constant", "cosine"),
            ),
        ),
    ),
)
