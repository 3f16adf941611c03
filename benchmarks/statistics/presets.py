"""Train presets at their small size, check their claims and write the table of docs/presets.md.

    python -m benchmarks.statistics.presets             train every preset, then write the table
    python -m benchmarks.statistics.presets gelu_mnist  train one of them, then write the table
    python -m benchmarks.statistics.presets --table     only write the table

No server is needed: every run goes through the validation, the trainer and the diagnosis that the
service uses, with one thread, ``--processes`` of them at a time. Trainings are kept in
``--folder``; those of another version of a preset's spec count as not run.
"""

import json
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.options import program
from service.presets.evidence import Evidence
from service.presets.preset import Preset
from service.presets.registry import PRESETS
from service.presets.trainings import TrainingRecord
from service.specs.expansion import PlannedRun, expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from workers.datasets.loading import load
from workers.execution.insights import InsightBuilder, guessing_of
from workers.training import devices
from workers.training.results import EpochResult, StartResult
from workers.training.solo import train

PAGE = Path(__file__).parents[2] / "docs" / "presets.md"

_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
_CPU = torch.device("cpu")
_BEGIN, _END = "<!-- table: python -m benchmarks.statistics.presets -->", "<!-- end of table -->"


@cache
def planned_runs(name: str) -> list[PlannedRun]:
    """Return the runs of a preset's small size."""
    return expand(ExperimentSpec.model_validate(PRESETS[name].spec_of("small")), Limits())


def trained(name: str, position: int) -> TrainingRecord:
    """Train one run of a preset's small size, as a worker does."""
    planned = planned_runs(name)[position]
    config = planned.config
    data = load(config.dataset)
    insights = InsightBuilder(config, partial(guessing_of, config, data))
    history: dict[str, dict[int, float]] = {metric: {} for metric in _METRICS}
    layers: dict[int, list[dict[str, Any]]] = {}
    status, verdict = "completed", None
    for result in train(config, planned.seed, data, _CPU, threads=1):
        match result:
            case StartResult():
                epoch, insight = 0, insights.of_start(result)
            case EpochResult(epoch=epoch):
                last = result.diverged or epoch == config.epochs
                insight = insights.of_epoch(result, last=last)
                for metric in _METRICS:
                    history[metric][epoch] = result.metrics[metric]
                status = "diverged" if result.diverged else status
            case _:
                continue
        if insight.layers is not None and PRESETS[name].reads_layers:
            layers[epoch] = [_without_histograms(layer) for layer in insight.layers["layers"]]
        if insight.diagnosis is not None:
            verdict = insight.diagnosis.verdict
    shown = config.model_dump(mode="json")
    return TrainingRecord(planned.label, shown, planned.seed, status, history, layers, verdict)


def _without_histograms(layer: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: each for key, each in value.items() if key != "histogram"}
        if isinstance(value, dict)
        else value
        for name, value in layer.items()
    }


def train_preset(name: str, processes: int, folder: Path) -> None:
    """Train a preset's small size and keep its trainings, with the processor time they took."""
    count = len(planned_runs(name))
    before = os.times()
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        trainings = list(pool.map(trained, [name] * count, range(count)))
    after = os.times()
    kept = {
        "seconds": after.children_user - before.children_user,
        "trainings": [asdict(training) for training in trainings],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(kept))


@dataclass(frozen=True)
class Kept:
    """What was trained of a preset, and the processor seconds it took."""

    seconds: float
    trainings: list[TrainingRecord]


def kept_trainings(name: str, folder: Path) -> Kept | None:
    """Return what was trained of a preset; None where that is nothing, or of another spec."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    trainings = [_training(training) for training in content["trainings"]]
    wanted = [(p.label, p.config.model_dump(mode="json"), p.seed) for p in planned_runs(name)]
    if [(each.label, each.config, each.seed) for each in trainings] != wanted:
        return None
    return Kept(content["seconds"], trainings)


def _training(content: dict[str, Any]) -> TrainingRecord:
    history = {name: _by_epoch(each) for name, each in content["history"].items()}
    layers = _by_epoch(content["layers"])
    return TrainingRecord(**{**content, "history": history, "layers": layers})


def _by_epoch(content: dict[str, Any]) -> dict[int, Any]:
    return {int(epoch): each for epoch, each in content.items()}


def table(folder: Path) -> str:
    """Write what each claim gave, one row per claim."""
    lines = ["| preset | setting | claim | what it gave here |", "|---|---|---|---|"]
    for name, preset in PRESETS.items():
        kept = kept_trainings(name, folder)
        for at, claim in enumerate(preset.claims):
            given = "not run yet" if kept is None else _told(claim.judge(kept.trainings))
            first = f"`{name}` | {_setting(preset, kept)}" if at == 0 else " | "
            lines.append(f"| {first} | {claim.sentence} | {given} |")
    return "\n".join(lines)


def _setting(preset: Preset, kept: Kept | None) -> str:
    runs = planned_runs(preset.name)
    config = runs[0].config
    samples = config.dataset.parameters
    seeds = len({run.seed for run in runs})
    parts = [
        f"{preset.title}: {config.dataset.name}, {samples['train_size']:,} + "
        f"{samples['test_size']:,} samples",
        f"{config.epochs:,} epochs" if config.epochs else "no training",
        f"{seeds} seeds",
        f"{len(runs)} runs",
    ]
    if kept is not None:
        parts.append(f"{kept.seconds:,.0f} s")
    return ", ".join(parts)


def _told(evidence: Evidence) -> str:
    status = evidence.status.replace("_", " ")
    figures = "; ".join(dict.fromkeys(_figures(evidence)))
    reason = evidence.reason if evidence.status == "inconclusive" or not figures else ""
    return " ".join(each for each in (f"**{status}**.", reason, figures) if each)


def _figures(evidence: Evidence) -> Iterator[str]:
    compared = set()
    for difference in evidence.differences:
        compared |= {difference.group, difference.than}
        name = f"{difference.group} minus {difference.than}"
        yield f"{name}: {_interval(difference.mean, difference.ci95)}"
    for group in evidence.groups:
        if group.diverged:
            yield f"{group.group}: {group.diverged} diverged"
        if group.group in compared:
            continue
        if group.mean is not None and group.ci95 is not None:
            yield f"{group.group}: {_interval(group.mean, group.ci95)}"
        elif group.verdicts and not group.diverged:
            counts = ", ".join(f"{verdict} {n}" for verdict, n in group.verdicts.items())
            yield f"{group.group}: {counts}"


def _interval(mean: float, ci95: tuple[float, float]) -> str:
    return f"{mean:.3g} [{ci95[0]:.3g}, {ci95[1]:.3g}]"


def write_page(folder: Path) -> None:
    """Put the table into the page, between its marks."""
    engine = devices.describe(_CPU)
    machine = f"{engine['name']}, torch {engine['torch']}, one thread per run."
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    PAGE.write_text(f"{before}{_BEGIN}\n\n{machine}\n\n{table(folder)}\n\n{_END}{after}")


def _tell(name: str, folder: Path) -> None:
    kept = kept_trainings(name, folder)
    if kept is None:
        return
    for claim in PRESETS[name].claims:
        evidence = claim.judge(kept.trainings)
        print(f"{name}/{claim.name}: {evidence.status}. {evidence.reason}", flush=True)


def main() -> None:
    """Read the command line, train, and write the table."""
    parser = program("benchmarks.statistics.presets", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="presets; all where left out")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/presets"))
    parser.add_argument("--table", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    unknown = {*arguments.names} - PRESETS.keys()
    if unknown:
        parser.error(f"There is no preset {', '.join(sorted(unknown))}.")
    if not arguments.table:
        for name in arguments.names or PRESETS:
            train_preset(name, arguments.processes, arguments.folder)
            _tell(name, arguments.folder)
    write_page(arguments.folder)


if __name__ == "__main__":
    main()
