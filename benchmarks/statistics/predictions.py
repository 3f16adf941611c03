"""Judge what theory predicts on the drawn trainings, and write the table of docs/mean-field.md.

    python -m benchmarks.statistics.predictions

The trainings are those of ``python -m benchmarks.statistics.diagnoses``, kept in ``--folder``. All
of them count: the prediction's limits come from the literature and from other networks.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import torch

from benchmarks.options import program
from benchmarks.statistics.diagnoses import Observed, judge, kept
from service.mean_field.network import UnpredictableError
from service.mean_field.prediction import LARGE_LOGITS, Prediction, Risk, predict
from service.specs.spec import RunConfig
from service.statuses import FAILURES

PAGE = Path(__file__).parents[2] / "docs" / "mean-field.md"

_COMMAND = "python -m benchmarks.statistics.predictions"
_BEGIN, _END = f"<!-- table: {_COMMAND} -->", "<!-- end of table -->"

_NOTHING = "no prediction"
_ROWS = (
    "no risk",
    "vanishing: signal or gradient beyond 100 from end to end",
    "vanishing: only deeper than six depth scales",
    "exploding: signal or gradient beyond 100 from end to end",
    "exploding: only large logits",
    _NOTHING,
)

#: What theory says, the kind of optimizer, whether the training failed.
Count = tuple[str, str, bool]


def row_of(observed: Observed) -> str:
    """Return what theory says of a configuration."""
    try:
        prediction = predict(RunConfig.model_validate(observed.config))
    except UnpredictableError:
        return _NOTHING
    return _row(prediction)


def _row(prediction: Prediction) -> str:
    ratios = (prediction.signal, prediction.gradient)
    if prediction.risk == Risk.VANISHING:
        return _ROWS[1] if min(ratios) < 0.01 else _ROWS[2]
    if prediction.risk == Risk.EXPLODING:
        only_logits = max(ratios) < 100 and prediction.logits > LARGE_LOGITS
        return _ROWS[4] if only_logits else _ROWS[3]
    return _ROWS[0]


def counts_of(trainings: Iterable[Observed]) -> Counter[Count]:
    """Return how often what theory says met which outcome."""
    counts: Counter[Count] = Counter()
    for observed in trainings:
        judged = judge(observed)
        counts[row_of(observed), judged.optimizer, judged.outcome in FAILURES] += 1
    return counts


def table(counts: Counter[Count]) -> list[str]:
    """Return the table as lines of Markdown."""
    lines = [
        f"{counts.total():,} runs; torch {torch.__version__}.",
        "",
        "| theory says | sgd: failed | sgd: trained | adaptive: failed | adaptive: trained |",
        "|" + "---|" * 5,
    ]
    for row in _ROWS:
        cells = [
            str(counts[row, optimizer, failed])
            for optimizer in ("sgd", "adaptive")
            for failed in (True, False)
        ]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    return lines


def main() -> None:
    """Judge the kept trainings and write the table."""
    parser = program("benchmarks.statistics.predictions", __doc__)
    parser.add_argument("--folder", type=Path, default=Path(".actinium/bench"))
    options = parser.parse_args()
    lines = table(counts_of(kept(options.folder / "drawn_trainings.jsonl.gz")))
    before, rest = PAGE.read_text().split(_BEGIN)
    _, after = rest.split(_END)
    PAGE.write_text("\n".join([f"{before}{_BEGIN}", "", *lines, "", f"{_END}{after}"]))


if __name__ == "__main__":
    main()
