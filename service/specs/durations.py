"""Durations: the seconds that a job's operations suggest, before such a job was measured.

A job is what a worker trains at once: one run, or the members of a pack. ``service.runs.paces``
corrects these seconds by what jobs took here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from service.specs.architectures import architecture
from service.specs.choices import choice
from service.specs.probes import probed_epochs, probed_samples
from service.specs.resolution import facts, tested_on, trained_on, validated_on
from service.specs.spec import LATER_AXES, LayerStatistics
from service.specs.uploads import UPLOADED

#: Pack size of a run in the solo form; 1 is the batched form with one member.
SOLO = 0

#: Measured on one core: training per billion multiply-adds of the forward pass (the backward pass
#: costs twice as much), and the fixed cost of a step.
_SECONDS_PER_BILLION = 0.108
_SECONDS_PER_STEP = 0.0006
#: Evaluating a sample is a third of training on it, and so is a batch's fixed cost of a step's.
_EVALUATED_SAMPLE = 1 / 3
_EVALUATED_AT_ONCE = 200
#: Fixed costs of a step of a pack: one per pack, one per member. Nine mlps of 100 to 120,000
#: weights, alone and in packs of 2, 8 and 32 (``benchmarks.training.packs``), took 0.4 to 2.2 times
#: the expected seconds; a network had about the same factor in packs of any size, so that one
#: measurement corrects them all.
_SECONDS_PER_PACKED_STEP = 0.0007
_SECONDS_PER_MEMBER = 0.0001

#: Seconds of a job beside its epochs: the claim, the data set and the last commit; per run its
#: weights and their files; per epoch and run its row and its event. Estimates, which the first jobs
#: correct.
_SECONDS_PER_JOB = 0.1
_SECONDS_PER_RUN = 0.02
_SECONDS_PER_RECORD = 0.001
#: A probe beside its passes: the histograms of the layers, and their encoding. A probed sample
#: costs up to 1.5 times a trained one.
_SECONDS_PER_PROBE = 0.02
_PROBED_SAMPLE = 1.5


@dataclass(frozen=True)
class Workload:
    """What decides the seconds of a run, but for its device and its pack.

    Attributes:
        model: its JSON.
        dataset: ``dataset_key``.
        samples: that an epoch trains on.
        validated: that each epoch is evaluated on.
        tested: that the last epoch is evaluated on besides.
        probes: how many times its layer statistics are taken, with the one before the first step.
        probed: samples of a probe.
    """

    model: bytes
    dataset: str
    batch_size: int
    precision: str
    samples: int
    validated: int
    tested: int
    epochs: int
    probes: int
    probed: int

    @property
    def model_name(self) -> str:
        """The name of its model in the catalog."""
        return str(orjson.loads(self.model)["name"])


@dataclass(frozen=True)
class JobSeconds:
    """Seconds of a job.

    Attributes:
        fixed: beside its epochs, all together.
        epoch: of each of its epochs, with all members.
    """

    fixed: float
    epoch: float


def workload_of(config: Mapping[str, Any]) -> Workload:
    """Return the workload of a run's configuration, from its JSON."""
    dataset, wanted = config["dataset"], config["layer_statistics"]
    samples, epochs = trained_on(dataset), config["epochs"]
    probes = probed = 0
    if wanted != "off" and samples:
        statistics = LayerStatistics.model_validate(wanted)
        probes = len(probed_epochs(statistics, epochs, samples))
        probed = probed_samples(statistics, samples)
    return Workload(
        model=orjson.dumps(config["model"], option=orjson.OPT_SORT_KEYS),
        dataset=dataset_key(dataset),
        batch_size=config["batch_size"],
        precision=config.get("precision", {"name": LATER_AXES["precision"]})["name"],
        samples=samples,
        validated=validated_on(dataset),
        tested=tested_on(dataset),
        epochs=epochs,
        probes=probes,
        probed=probed,
    )


def dataset_key(dataset: Mapping[str, Any]) -> str:
    """Return what of a configuration's data set decides the time: its name, or its shape.

    Uploaded data sets share a name, so theirs is ``uploaded [1, 28, 28] 10``, with 0 for the
    classes of one whose targets are numbers.
    """
    name = str(dataset["name"])
    if name != UPLOADED:
        return name
    return f"{name} {json.dumps(list(dataset['input_shape']))} {dataset.get('classes', 0)}"


@lru_cache(maxsize=4096)
def expected_job(workload: Workload, members: int) -> JobSeconds:
    """Return the expected seconds of a job, by its operations alone.

    They are those of float32 on one core: what a precision or a GPU gains depends on the machine.

    Args:
        workload: of its runs.
        members: of its pack; or ``SOLO``.
    """
    runs = max(1, members)
    madds = _multiply_adds(workload)
    probe = ended = 0.0
    if workload.probes:
        passes = _PROBED_SAMPLE * _trained(workload.probed, workload.batch_size, madds)
        probe = _SECONDS_PER_PROBE + passes
        # A member of a pack is evaluated once more at its end, for its outputs by class.
        ended = 0.0 if members == SOLO else _evaluated(workload.validated, madds)
    later = max(0, workload.probes - 1) * probe / max(1, workload.epochs)
    trained = workload.samples / 1000 * expected_seconds(workload, members)
    ended += _evaluated(workload.tested, madds)
    return JobSeconds(
        fixed=_SECONDS_PER_JOB + runs * (_SECONDS_PER_RUN + probe + ended),
        epoch=runs * (trained + _SECONDS_PER_RECORD + later),
    )


@lru_cache(maxsize=4096)
def expected_seconds(workload: Workload, members: int) -> float:
    """Return the expected seconds per thousand training samples of a run, validation included.

    Args:
        workload: of the run.
        members: of its pack, of whose time it has a share; or ``SOLO``.
    """
    samples, batch_size, madds = workload.samples, workload.batch_size, _multiply_adds(workload)
    if members == SOLO:
        trained = _trained(1000, batch_size, madds)
    else:
        rows = max(2, members)  # a single member is computed with a copy of itself
        per_row = _SECONDS_PER_MEMBER + batch_size * madds / 1e9 * _SECONDS_PER_BILLION
        trained = 1000 / batch_size * (_SECONDS_PER_PACKED_STEP + rows * per_row) / members
    return trained + _evaluated(workload.validated, madds) * 1000 / max(1, samples)


def _trained(samples: int, batch_size: int, madds: int) -> float:
    """Return the seconds of training alone on so many samples."""
    step = _SECONDS_PER_STEP + batch_size * madds / 1e9 * _SECONDS_PER_BILLION
    return samples / batch_size * step


def _evaluated(samples: int, madds: int) -> float:
    """Return the seconds of evaluating a network on so many samples."""
    return _EVALUATED_SAMPLE * _trained(samples, _EVALUATED_AT_ONCE, madds)


def _multiply_adds(workload: Workload) -> int:
    """Return the multiply-adds of a forward pass of one sample."""
    name, *shaped = workload.dataset.split(" ", 1)
    shape, usual = _shape(name) if not shaped else _shape_of_key(shaped[0])
    chosen = choice("model", orjson.loads(workload.model))
    outputs = 1 if chosen.parameters.get("head") == "binary" else usual
    return architecture(chosen, shape, outputs, 1).multiply_adds


def _shape(name: str) -> tuple[tuple[int, ...], int]:
    """Return the shape of a sample, and the outputs of a network but for a binary head."""
    known = facts(choice("dataset", name))
    return known.input_shape, known.outputs


def _shape_of_key(shaped: str) -> tuple[tuple[int, ...], int]:
    shape, _, classes = shaped.rpartition(" ")
    return tuple(json.loads(shape)), int(classes) or 1
