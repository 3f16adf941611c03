"""Train the runs of a preset as a worker does, and keep their trainings in a folder.

No server is needed: every run goes through the validation, the jobs and the diagnosis that the
service uses, with one thread. Runs that the service would pack are trained side by side, which
changes no bit of them.
"""

import hashlib
import json
import multiprocessing
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from service.comparison.timing import Clock
from service.presets.preset import Size
from service.presets.registry import PRESETS
from service.presets.trainings import TrainingRecord
from service.specs.expansion import PlannedRun, expand
from service.specs.limits import Limits
from service.specs.packing import engine_form, pack_key
from service.specs.spec import ExperimentSpec
from service.statuses import RunStatus
from workers.datasets.dataset import Dataset
from workers.datasets.loading import load
from workers.execution.insights import InsightBuilder, guessing_of
from workers.training import devices
from workers.training.jobs import create_job
from workers.training.results import EpochResult, Pulse, StartResult

CPU = torch.device("cpu")
#: What is kept of each epoch, as far as runs of a task have it.
_METRICS = ("loss", "accuracy", "val_loss", "val_accuracy", "val_rmse", "epoch_seconds")
#: Most runs of one batched job.
_WIDEST_PACK = 16


@cache
def planned_runs(name: str, size: Size) -> list[PlannedRun]:
    """Return the runs of a preset at a size."""
    return expand(ExperimentSpec.model_validate(PRESETS[name].spec_of(size)), Limits())


def jobs_of(runs: list[PlannedRun]) -> list[list[int]]:
    """Return the positions of the runs that are trained side by side, the long jobs first."""
    alone, packs = [], defaultdict(list)
    for position, run in enumerate(runs):
        key = pack_key(run.configuration)
        if key is not None and engine_form(run.config.model.name, key, "cpu") == "batched":
            packs[key].append(position)
        else:
            alone.append([position])
    parts = [
        positions[start : start + _WIDEST_PACK]
        for positions in packs.values()
        for start in range(0, len(positions), _WIDEST_PACK)
    ]
    return sorted([*parts, *alone], key=len, reverse=True)


@dataclass
class _Observed:
    """A run of a job, and what was seen of it until now."""

    planned: PlannedRun
    insights: InsightBuilder
    keeps_layers: bool
    clock: Clock
    status: RunStatus = RunStatus.COMPLETED
    history: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    layers: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    verdict: str | None = None
    outcome: str | None = None

    def see(self, result: StartResult | EpochResult) -> None:
        """Take in one result of the training, in its order."""
        if isinstance(result, StartResult):
            epoch, insight = 0, self.insights.of_start(result)
        else:
            epoch = result.epoch
            last = result.diverged or epoch == self.planned.config.epochs
            insight = self.insights.of_epoch(result, last=last)
            for metric in result.metrics.keys() & set(_METRICS):
                self.history[metric][epoch] = result.metrics[metric]
            if result.diverged:
                self.status = RunStatus.DIVERGED
        if insight.layers is not None and self.keeps_layers:
            self.layers[epoch] = [_without_histograms(layer) for layer in insight.layers["layers"]]
        if insight.diagnosis is not None:
            self.verdict, self.outcome = insight.diagnosis.verdict, insight.diagnosis.outcome

    def record(self) -> TrainingRecord:
        """Return the training as claims read it."""
        return TrainingRecord(
            self.planned.label,
            self.planned.configuration.values,
            self.planned.seed,
            self.status,
            dict(self.history),
            self.layers,
            self.verdict,
            self.outcome,
            self.clock,
        )


def train_job(name: str, size: Size, positions: list[int]) -> dict[int, TrainingRecord]:
    """Train some runs of a preset side by side, and return each by its position."""
    runs = [planned_runs(name, size)[position] for position in positions]
    records = train_runs(runs, keeps_layers=PRESETS[name].reads_layers)
    return dict(zip(positions, records, strict=True))


def train_runs(runs: Sequence[PlannedRun], *, keeps_layers: bool) -> list[TrainingRecord]:
    """Train runs of one data set, form and pack key side by side.

    Args:
        runs: the runs.
        keeps_layers: whether the records have layer statistics.
    """
    devices.prepare(CPU, 1, runs[0].config.precision.name)
    data: Dataset = load(runs[0].config.dataset)
    configuration = runs[0].configuration
    form = engine_form(runs[0].config.model.name, pack_key(configuration), "cpu")
    clock = Clock({**devices.describe(CPU), "form": form}, members=len(runs))
    observed = [
        _Observed(
            run,
            InsightBuilder(run.config, partial(guessing_of, run.config, data)),
            keeps_layers,
            clock,
        )
        for run in runs
    ]
    job = create_job(form, [(run.config, run.seed) for run in runs], data, CPU)
    for results in job.run():
        if isinstance(results, Pulse):
            continue
        for number, result in results.items():
            observed[number].see(result)
    return [run.record() for run in observed]


def _without_histograms(layer: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: each for key, each in value.items() if key != "histogram"}
        if isinstance(value, dict)
        else value
        for name, value in layer.items()
    }


@dataclass(frozen=True)
class Kept:
    """The trainings of a preset, and the processor seconds they took."""

    seconds: float
    trainings: list[TrainingRecord]


def train_preset(name: str, size: Size, processes: int, folder: Path) -> None:
    """Train a preset at a size and keep its trainings, with the processor time they took.

    Each job is kept once it has ended, so that a command that was stopped goes on where it was.
    """
    runs = planned_runs(name, size)
    parts = {part_of(name, size, runs, job, folder): job for job in jobs_of(runs)}
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        left = [(path, job) for path, job in parts.items() if not path.exists()]
        paths, jobs = [path for path, _ in left], [job for _, job in left]
        list(pool.map(_keep_job, [name] * len(left), [size] * len(left), jobs, paths))
    seconds, trainings = 0.0, dict[int, Any]()
    for path, job in parts.items():
        content = json.loads(path.read_text())
        seconds += content["seconds"]
        trainings |= dict(zip(job, content["trainings"], strict=True))
    kept = {"seconds": seconds, "trainings": [each for _, each in sorted(trainings.items())]}
    _path(name, size, folder).write_text(json.dumps(kept))
    for path in parts:
        path.unlink()


def part_of(name: str, size: Size, runs: list[PlannedRun], job: list[int], folder: Path) -> Path:
    """Return where a job is kept: named by what it trains, so that another spec's is not taken."""
    trained = [(runs[place].label, runs[place].config_hash, runs[place].seed) for place in job]
    digest = hashlib.sha256(json.dumps(trained).encode()).hexdigest()[:16]
    return folder / f"{name}.{size}.parts" / f"{digest}.json"


def _keep_job(name: str, size: Size, positions: list[int], path: Path) -> None:
    """Train some runs of a preset and keep their trainings, with the processor time they took."""
    before = time.process_time()
    trainings = [asdict(record) for record in train_job(name, size, positions).values()]
    content = {"seconds": time.process_time() - before, "trainings": trainings}
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(content))
    unfinished.replace(path)


def kept_trainings(name: str, size: Size, folder: Path) -> Kept | None:
    """Return what was trained of a preset; None where that is nothing, or of another spec."""
    path = _path(name, size, folder)
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    trainings = [_training(training) for training in content["trainings"]]
    wanted = [(run.label, run.configuration.values, run.seed) for run in planned_runs(name, size)]
    if [(each.label, each.config, each.seed) for each in trainings] != wanted:
        return None
    return Kept(content["seconds"], trainings)


def _path(name: str, size: Size, folder: Path) -> Path:
    return folder / f"{name}.{size}.json"


def _training(content: dict[str, Any]) -> TrainingRecord:
    history = {name: dict(_by_epoch(each)) for name, each in content["history"].items()}
    layers = dict(_by_epoch(content["layers"]))
    clock = Clock(**content.get("clock", {}))  # one that was kept before clocks: of one engine
    return TrainingRecord(**{**content, "history": history, "layers": layers, "clock": clock})


def _by_epoch(content: dict[str, Any]) -> Iterator[tuple[int, Any]]:
    return ((int(epoch), value) for epoch, value in content.items())
