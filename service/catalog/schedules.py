"""Learning-rate schedules, a parameter of every optimizer."""

from service.catalog.entry import Entry, Parameter, Source
from service.catalog.metrics import STOPPING_METRICS

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
    Entry(
        name="one_cycle",
        meaning="The learning rate rises from a fraction to its value and falls far below it, once "
        "over the whole training; the momentum stays as it is.",
        formula=r"\eta_t = \eta \cdot \begin{cases} s \to 1 & t \le rT - 1 \\ 1 \to f & t > rT - 1"
        r" \end{cases}",
        source=Source(
            "Smith 2018, A disciplined approach to neural network hyper-parameters: part 1, "
            "section 4.1",
            "https://arxiv.org/abs/1803.09820",
        ),
        parameters=(
            Parameter(
                "rise",
                "number",
                0.3,
                "share of the training in which it rises (torch's pct_start)",
                above=0.0,
                below=1.0,
            ),
            Parameter(
                "start",
                "number",
                0.04,
                "fraction of the learning rate it starts from (1 / torch's div_factor)",
                minimum=0.0,
                maximum=1.0,
            ),
            Parameter(
                "final",
                "number",
                4e-6,
                "fraction of the learning rate it ends at (torch's start / final_div_factor)",
                minimum=0.0,
                maximum=1.0,
            ),
            Parameter(
                "shape",
                "option",
                "cosine",
                "along half a cosine, or a line (the paper's)",
                options=("cosine", "linear"),
            ),
        ),
    ),
    Entry(
        name="reduce_on_plateau",
        meaning="The learning rate is multiplied by a factor each time a validation metric has not "
        "improved for some epochs.",
        formula=r"\eta \leftarrow \max(f \eta, l \eta_0)",
        source=Source(
            "PyTorch, ReduceLROnPlateau",
            "https://docs.pytorch.org/docs/stable/generated/"
            "torch.optim.lr_scheduler.ReduceLROnPlateau.html",
        ),
        parameters=(
            Parameter(
                "metric",
                "option",
                "val_loss",
                "what has to improve",
                options=STOPPING_METRICS,
            ),
            Parameter("factor", "number", 0.1, "factor of each drop", above=0.0, below=1.0),
            Parameter(
                "patience",
                "integer",
                10,
                "epochs without an improvement before a drop (Keras' count, one more than torch's)",
                minimum=1,
                maximum=100_000,
            ),
            Parameter(
                "min_delta",
                "number",
                1e-4,
                "least change of the metric that counts as an improvement",
                minimum=0.0,
                maximum=1e6,
            ),
            Parameter(
                "cooldown",
                "integer",
                0,
                "epochs after a drop that are not counted",
                minimum=0,
                maximum=100_000,
            ),
            Parameter(
                "least",
                "number",
                0.0,
                "fraction of the learning rate below which it does not fall",
                minimum=0.0,
                maximum=1.0,
            ),
        ),
    ),
)
