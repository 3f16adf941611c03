"""Compare the estimated memory of drawn runs with what each takes at its peak.

    python -m benchmarks.training.memory [--runs 20] [--seed 1] [--show]

Each run is trained in a process of its own, as a worker's child trains it: torch is warm, then the
data set is loaded, the initial weights are kept, an epoch is trained and evaluated with its layer
statistics, a checkpoint is saved and the final weights are kept. The peak is the largest resident
memory after the warm-up, less what was resident then (Linux). The sizes are drawn so that a run
takes seconds and needs between some MB and 3 GB. A ratio is of what the child would hold by the
estimate and what it held, with what it holds idle in both; the last lines tell the smallest and the
largest, and what a child holds idle (``service.specs.memory.IDLE_BYTES``).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import uuid
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.options import program
from service.catalog.axes import AXES
from service.settings import Settings
from service.specs.expansion import PlannedRun, expand
from service.specs.limits import Limits
from service.specs.memory import MemoryEstimate, memory_of
from service.specs.packing import engine_form, pack_key
from service.specs.spec import ExperimentSpec

_MB = 2**20
_MOST_BYTES = 3 * 2**30


def main() -> None:
    """Print the table, or train one run."""
    parser = program("benchmarks.training.memory", __doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", action="store_true", help="print each spec, too")
    parser.add_argument("--train", metavar="SPEC", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        print(json.dumps(_train(_planned(json.loads(arguments.train)))))
        return
    compare(arguments.runs, arguments.seed, show=arguments.show)


def compare(runs: int, seed: int, *, show: bool) -> None:
    """Draw runs, train each, and print a line per run and the summary."""
    generator = np.random.default_rng(seed)
    names = " ".join(f"{part.name:>8}" for part in fields(MemoryEstimate))
    print(f"{'estimate':>9} {'peak MB':>9} {'ratio':>6}   {names}")
    ratios, idle = [], []
    while len(ratios) < runs:
        spec = draw(generator)
        estimate = memory_of(_planned(spec).config)
        if estimate.total > _MOST_BYTES:
            continue
        measured = _measured(spec)
        idle.append(measured["idle"])
        ratios.append((idle[-1] + estimate.total) / (idle[-1] + measured["peak"]))
        _print_line(estimate, measured["peak"], ratios[-1])
        if show:
            print(f"    {json.dumps(spec)}", flush=True)
    print(f"ratios from {min(ratios):.2f} to {max(ratios):.2f}, in {len(ratios)} runs")
    print(f"an idle child holds {min(idle) / _MB:.0f} to {max(idle) / _MB:.0f} MB")


def draw(generator: np.random.Generator) -> dict[str, Any]:
    """Return a spec of one run, with sizes that decide about memory drawn over their ranges."""
    model = _cnn(generator) if generator.random() < 0.35 else _mlp(generator)
    batch_size = round(2 ** generator.uniform(5, 12))
    images = model["name"] == "mnist_cnn" or generator.random() < 0.6
    if model["name"] == "mnist_cnn":
        batch_size = min(batch_size, 1024)
        train_size = round(batch_size * generator.uniform(1, 3))
    else:
        train_size = round(2 ** generator.uniform(10, 14.5))
    dataset: dict[str, Any] = {
        "name": "mnist" if images else "ball",
        "train_size": min(max(train_size, batch_size), 60_000),
        "test_size": round(2 ** generator.uniform(8, 13)),
    }
    if generator.random() < 0.3:
        dataset |= {"folds": 3, "fold": 0, "train_size": min(2 * dataset["train_size"], 60_000)}
    if images and model["name"] == "mlp":
        dataset["preprocessing"] = _one_of(generator, ["scale", "standardize", "whiten"])
    return {
        "dataset": dataset,
        "model": model,
        "activation": _one_of(generator, sorted(AXES["activation"].keys() - {"formula"})),
        "normalization": _one_of(generator, ["none", "none", "batch", "layer", "weight"]),
        "optimizer": _one_of(generator, sorted(AXES["optimizer"])),
        "dropout": _one_of(generator, ["none", {"name": "dropout", "rate": 0.2}]),
        "clipping": _one_of(generator, ["none", "norm"]),
        "batch_size": batch_size,
        "layer_statistics": _one_of(generator, ["off", {"samples": 1000}]),
        "epochs": 1,
    }


def _mlp(generator: np.random.Generator) -> dict[str, Any]:
    widest = generator.uniform(4, 12)
    layers = int(generator.integers(1, 5))
    return {"name": "mlp", "hidden_units": [round(2**widest)] * layers}


def _cnn(generator: np.random.Generator) -> dict[str, Any]:
    channels = [int(generator.integers(4, 48)), int(generator.integers(4, 96))]
    return {
        "name": "mnist_cnn",
        "channels": channels,
        "kernel_size": int(generator.integers(2, 6)),
        "units": [int(generator.integers(8, 256))],
    }


def _one_of(generator: np.random.Generator, values: list[Any]) -> Any:
    return values[int(generator.integers(len(values)))]


def _planned(spec: dict[str, Any]) -> PlannedRun:
    return expand(ExperimentSpec.model_validate(spec), Limits())[0]


def _measured(spec: dict[str, Any]) -> dict[str, int]:
    program_and_spec = [sys.executable, "-m", "benchmarks.training.memory", "--train"]
    answer = subprocess.run(
        [*program_and_spec, json.dumps(spec)], check=True, capture_output=True, text=True
    )
    measured: dict[str, int] = json.loads(answer.stdout.splitlines()[-1])
    return measured


def _print_line(estimate: MemoryEstimate, peak: int, ratio: float) -> None:
    parts = " ".join(f"{part / _MB:8.0f}" for part in astuple(estimate))
    print(f"{estimate.total / _MB:9.0f} {peak / _MB:9.0f} {ratio:6.2f}   {parts}", flush=True)


def _train(planned: PlannedRun) -> dict[str, int]:
    """Train a run as a worker's child does; return what was resident before, and the peak above."""
    import torch  # noqa: PLC0415 - the process that draws needs no torch

    from service.weights.storage import open_storage  # noqa: PLC0415
    from workers.datasets.loading import load  # noqa: PLC0415
    from workers.execution.checkpoints import CheckpointOwner, Checkpoints  # noqa: PLC0415
    from workers.process.warmup import warm_up  # noqa: PLC0415
    from workers.training import devices  # noqa: PLC0415
    from workers.training.jobs import create_job  # noqa: PLC0415
    from workers.training.results import EpochResult, Pulse  # noqa: PLC0415

    warm_up()
    device = torch.device("cpu")
    devices.prepare(device, 1)
    idle = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here (proc(5))
    data = load(planned.config.dataset)
    devices.prepare(device, 1)
    form = engine_form(planned.config.model.name, pack_key(planned.configuration), "cpu")
    job = create_job(form, [(planned.config, planned.seed)], data, device)
    (member,) = job.members
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(checkpoint_dir=folder, checkpoint_seconds=1e-9)
        owner = CheckpointOwner(uuid.uuid4(), 1, planned.config, planned.seed, {})
        kept = Checkpoints(open_storage(settings), owner, settings, lambda: None)
        kept.keep_weights(member, "initial")
        for results in job.run():
            kept.within_epoch(member)
            if not isinstance(results, Pulse) and isinstance(results[0], EpochResult):
                kept.keep_weights(member, "final")
    return {"idle": idle, "peak": _resident("VmHWM") - idle}


def _resident(name: str) -> int:
    """Return a line of /proc/self/status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


if __name__ == "__main__":
    main()
