"""Judge the diagnoses on trainings drawn at random, and write the tables of docs/diagnoses.md.

    python -m benchmarks.statistics.diagnoses          train 1,052 runs, then write the tables
    python -m benchmarks.statistics.diagnoses --table  only judge the kept trainings again

No server is needed: every run goes through the door, the trainer and the diagnosis that the service
uses, with one thread, one after the other: half an hour on an idle core. What was observed is
kept in ``--folder``, so that other thresholds can be tried in a minute. Thresholds were set on the
runs of even number, and the tables are of those of odd number.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.options import program
from benchmarks.statistics.drawn_specs import draw_spec
from service.histories.layer_statistics import ObservedEpoch
from service.histories.outcomes import Guessing
from service.json_numbers import to_json
from service.specs.expansion import PlannedRun, SpecError, expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec, RunConfig
from service.statuses import FAILURES, Outcome, Verdict
from workers.datasets.loading import load
from workers.diagnostics.flow import flow_of
from workers.diagnostics.layers import NetworkStatistics
from workers.execution.insights import InsightBuilder, guessing_of
from workers.training.results import EpochResult, StartResult
from workers.training.solo import train

PAGE = Path(__file__).parents[2] / "docs" / "diagnoses.md"

_CPU = torch.device("cpu")
_COMMAND = "python -m benchmarks.statistics.diagnoses"
_BEGIN, _END = f"<!-- tables: {_COMMAND} -->", "<!-- end of tables -->"
_EVERY = {"every": 4, "samples": 200}


@dataclass(frozen=True)
class Observed:
    """What was observed of one training, as it is kept."""

    number: int
    spec: dict[str, Any]
    config: dict[str, Any]
    guessing: dict[str, Any]
    epochs: list[dict[str, Any]]


@dataclass(frozen=True)
class Judged:
    """What the service says of one training, and what was measured before its first step.

    Attributes:
        optimizer: ``sgd`` or ``adaptive``.
        risk: the verdict before the first step.
        ratio: the worse of signal and gradient from end to end, as a factor above 1.
        outcome: of the training.
        verdict: on it.
    """

    optimizer: str
    risk: str
    ratio: float
    outcome: Outcome
    verdict: Verdict


def observe(number: int) -> Observed:
    """Train the run of a number and return what is observed of it."""
    generator = np.random.default_rng(number)
    spec, planned = _drawn(generator)
    config, data = planned.config, load(planned.config.dataset)
    epochs = [
        {
            "epoch": result.epoch if isinstance(result, EpochResult) else 0,
            "metrics": _plain(result.metrics) if isinstance(result, EpochResult) else {},
            "layers": result.statistics and _plain(_without_histograms(result.statistics)),
        }
        for result in train(config, planned.seed, data, _CPU, threads=1)
        if isinstance(result, StartResult | EpochResult)
    ]
    guessing = asdict(guessing_of(config, data))
    return Observed(number, spec, config.model_dump(mode="json"), guessing, epochs)


def _drawn(generator: np.random.Generator) -> tuple[dict[str, Any], PlannedRun]:
    """Return a spec that the door takes, and its run: some choices do not go together."""
    while True:
        spec = draw_spec(generator) | {"layer_statistics": _EVERY}
        try:
            (planned,) = expand(ExperimentSpec.model_validate(spec), Limits())
        except SpecError:
            continue
        return spec, planned


def judge(observed: Observed) -> Judged:
    """Return what the service says of a training."""
    config = RunConfig.model_validate(observed.config)
    past = [
        ObservedEpoch(
            each["epoch"],
            {name: float(value) for name, value in each["metrics"].items()},
            each["layers"],
        )
        for each in observed.epochs
    ]
    start, last = NetworkStatistics.of(past[0].layers or {}), past[-1]
    guessing = Guessing(**observed.guessing)
    risk = InsightBuilder(config, lambda: guessing).of_start(StartResult(start)).diagnosis
    builder = InsightBuilder(config, lambda: guessing)
    builder.recall(past[:-1])
    layers = NetworkStatistics.of(last.layers) if last.layers else None
    end = builder.of_epoch(EpochResult(last.epoch, last.metrics, statistics=layers), last=True)
    if risk is None or end.diagnosis is None:
        raise ValueError(f"Run {observed.number} has no diagnosis.")
    return Judged(
        "sgd" if config.optimizer.name == "sgd" else "adaptive",
        str(risk.verdict),
        _worse_ratio(start),
        Outcome(str(end.diagnosis.outcome)),
        Verdict(str(end.diagnosis.verdict)),
    )


def _worse_ratio(statistics: NetworkStatistics) -> float:
    flow = flow_of(statistics)
    with np.errstate(divide="ignore"):
        logs = np.abs(np.log([flow.forward, flow.backward]))
    return (
        float(np.exp(np.nanmax(logs)))
        if len(statistics.hidden) > 1 and not np.isnan(logs).all()
        else 1.0
    )


def _without_histograms(statistics: NetworkStatistics) -> dict[str, Any]:
    content = statistics.as_dict()
    for name in ("inputs", "boundary", "outputs"):
        content.pop(name, None)
    for layer in content["layers"]:
        for value in layer.values():
            if isinstance(value, dict):
                value["histogram"] = {"counts": []}
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return to_json(value) if isinstance(value, float) else value


def train_all(runs: int, file: Path) -> None:
    """Train the runs that the file does not have yet, and append what is observed of them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    done = {observed.number for observed in kept(file)}
    for number in range(runs):
        if number not in done:
            with gzip.open(file, "at") as lines:
                print(json.dumps(asdict(observe(number))), file=lines)


def kept(file: Path) -> Iterator[Observed]:
    """Yield the observed trainings that a file has."""
    if file.exists():
        with gzip.open(file, "rt") as lines:
            for line in lines:
                yield Observed(**json.loads(line))


def confusion(runs: Iterable[Judged]) -> list[str]:
    """Return the table of outcomes against verdicts, as lines of Markdown."""
    counts = Counter((run.outcome, run.verdict) for run in runs)
    verdicts = [verdict for verdict in Verdict if any((o, verdict) in counts for o in Outcome)]
    head = f"| outcome | runs | {' | '.join(f'`{verdict}`' for verdict in verdicts)} |"
    lines = [head, "|" + "---|" * (len(verdicts) + 2)]
    for outcome in Outcome:
        row = [counts[outcome, verdict] for verdict in verdicts]
        cells = " | ".join(str(count or "") for count in row)
        lines.append(f"| `{outcome}` | {sum(row)} | {cells} |")
    return lines


def risks(runs: Iterable[Judged]) -> list[str]:
    """Return what the risks before the first step say of "trains or not", as lines of Markdown."""
    runs = list(runs)
    predictors = {
        "any risk (the verdict before the first step)": lambda run: run.risk != Verdict.HEALTHY,
        "signal or gradient beyond 10 from end to end": lambda run: run.ratio > 10,
        "beyond 100": lambda run: run.ratio > 100,
        "beyond 1,000": lambda run: run.ratio > 1000,
        "beyond 10,000": lambda run: run.ratio > 10000,
    }
    lines = ["| before the first step | sgd: failed | sgd: trained | adaptive: failed |"]
    lines = [f"{lines[0]} adaptive: trained |", "|" + "---|" * 5]
    for name, predicts in predictors.items():
        cells = []
        for optimizer in ("sgd", "adaptive"):
            for failed in (True, False):
                group = [
                    run
                    for run in runs
                    if run.optimizer == optimizer and (run.outcome in FAILURES) == failed
                ]
                cells.append(f"{sum(map(predicts, group))} of {len(group)}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append(
        f"| area under the curve of that factor | {_area(runs, 'sgd'):.2f} | | "
        f"{_area(runs, 'adaptive'):.2f} | |"
    )
    return lines


def _area(runs: list[Judged], optimizer: str) -> float:
    """Return the chance that a run that failed began with a larger ratio than one that did not."""
    of = [run for run in runs if run.optimizer == optimizer]
    failed = np.array([run.ratio for run in of if run.outcome in FAILURES])
    trained = np.array([run.ratio for run in of if run.outcome not in FAILURES])
    above = failed[:, None] > trained
    return float(np.mean(above + 0.5 * (failed[:, None] == trained)))


def write(runs: list[Judged]) -> None:
    """Write the tables into the page."""
    text = PAGE.read_text()
    before, rest = text.split(_BEGIN)
    _, after = rest.split(_END)
    failed = sum(run.outcome in FAILURES for run in runs)
    count = f"{len(runs)} runs of odd number, of which {failed} failed; torch {torch.__version__}."
    tables = "\n".join([count, "", *confusion(runs), "", *risks(runs)])
    PAGE.write_text(f"{before}{_BEGIN}\n\n{tables}\n\n{_END}{after}")


def main() -> None:
    """Train what is missing, judge all and write the tables."""
    parser = program("benchmarks.statistics.diagnoses", __doc__)
    parser.add_argument("--runs", type=int, default=1_052)
    parser.add_argument("--folder", type=Path, default=Path(".actinium/bench"))
    parser.add_argument("--table", action="store_true", help="only judge the kept trainings")
    options = parser.parse_args()
    file = options.folder / "drawn_trainings.jsonl.gz"
    if not options.table:
        train_all(options.runs, file)
    write([judge(observed) for observed in kept(file) if observed.number % 2])


if __name__ == "__main__":
    main()
