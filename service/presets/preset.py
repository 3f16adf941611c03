"""Presets: a named spec that reproduces a published claim, with the claim as a check."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from service.catalog.entry import Source
from service.presets.check import Check
from service.presets.evidence import Evidence
from service.presets.measures import MetricMeasure, TrainingMeasure
from service.presets.trainings import TrainingRecord

#: ``full``: as the paper has it. ``small``: fits two cores in minutes, for the claim's direction.
Size = Literal["full", "small"]
SIZES: tuple[Size, ...] = ("full", "small")

#: A spec as a client writes it, before validation.
Spec = dict[str, Any]


@dataclass(frozen=True)
class PublishedClaim:
    """What was published, as a sentence and as a check.

    ``epochs`` and ``train_size`` are the least that the claim needs: below them it stays
    inconclusive.
    """

    name: str
    sentence: str
    check: Check
    epochs: int = 0
    train_size: int = 0

    def judge(self, trainings: Sequence[TrainingRecord]) -> Evidence:
        """Return what an experiment's trainings show about the claim."""
        for training in trainings:
            epochs = training.config["epochs"]
            samples = training.config["dataset"]["train_size"]
            if epochs < self.epochs or samples < self.train_size:
                return Evidence("inconclusive", self._too_small(epochs, samples))
        return self.check.judge(trainings)

    def _too_small(self, epochs: int, samples: int) -> str:
        needs = [f"{self.epochs:,} epochs"] if self.epochs else []
        needs += [f"{self.train_size:,} training samples"] if self.train_size else []
        return (
            f"The claim is about {' on '.join(needs)}; these runs have {epochs:,} epochs "
            f"on {samples:,}. Submit the preset at its full size."
        )


@dataclass(frozen=True)
class Preset:
    """A named spec with its claims.

    Attributes:
        name: as in the API's paths.
        title: the preset in a few words.
        description: one paragraph: the setting, and what the source leaves open.
        source: where the claim was published.
        spec: the experiment at its full size.
        small: the fields of the spec that the small size overrides.
        claims: the published claims that are checked.
    """

    name: str
    title: str
    description: str
    source: Source
    spec: Mapping[str, Any]
    small: Mapping[str, Any]
    claims: tuple[PublishedClaim, ...]

    def spec_of(self, size: Size) -> Spec:
        """Return a copy of the spec at a size, with the preset's name and description."""
        chosen = {**self.spec, **(self.small if size == "small" else {})}
        named = {"name": self.name, "description": self.description}
        return named | copy.deepcopy(chosen)

    @property
    def validates_on_test(self) -> bool:
        """Whether a data set of its spec holds nothing out: its test part is the validation part.

        Published recipes often do so. What is chosen by validation is then chosen by the test.
        """
        usual = self.spec.get("dataset", "mnist")
        parts = [variant.get("dataset", usual) for variant in self.spec.get("variants", ())]
        datasets = [dataset for part in parts or [usual] for dataset in _as_list(part)]
        return not all(map(_holds_out, datasets))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that the claims read."""
        return tuple(
            dict.fromkeys(name for measure in self._metric_measures() for name in measure.metrics)
        )

    @property
    def reads_layers(self) -> bool:
        """Whether the claims read layer statistics."""
        return any(not isinstance(measure, MetricMeasure) for measure in self.measures)

    def _metric_measures(self) -> Iterator[MetricMeasure]:
        return (measure for measure in self.measures if isinstance(measure, MetricMeasure))

    @property
    def measures(self) -> list[TrainingMeasure]:
        """What the claims read of each training."""
        return [measure for claim in self.claims for measure in claim.check.measures]


#: Parameters of every data set that a submission may override, beside a spec's own fields.
_DATASET_FIELDS = ("train_size", "test_size")


def overridden(preset: Preset, size: Size, fields: Mapping[str, Any]) -> Spec:
    """Return a preset's spec at a size, with some of its fields overridden.

    Args:
        preset: the preset.
        size: which of its specs.
        fields: fields of a spec, and ``train_size`` and ``test_size`` for all its data sets.
            An axis among them replaces the preset's, in its variants too.
    """
    spec = preset.spec_of(size)
    samples = {name: fields[name] for name in _DATASET_FIELDS if name in fields}
    spec_fields = {name: value for name, value in fields.items() if name not in samples}
    parts = [spec, *spec.get("variants", ())]
    for variant in parts[1:]:
        for name in spec_fields:
            variant.pop(name, None)
    spec.update(spec_fields)
    if samples:
        spec.setdefault("dataset", "mnist")
        for part in parts:
            if "dataset" in part:
                datasets = _as_list(part["dataset"])
                part["dataset"] = [_sized(dataset, samples) for dataset in datasets]
    return spec


def _sized(dataset: Any, samples: Mapping[str, Any]) -> dict[str, Any]:
    written = dataset if isinstance(dataset, Mapping) else {"name": dataset}
    return {**written, **samples}


def _holds_out(dataset: Any) -> bool:
    return isinstance(dataset, Mapping) and bool(
        dataset.get("validation_split") or dataset.get("folds")
    )


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def variants(axes: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the variants of a spec from the axes of each, given by its label."""
    return [{"label": label, **overrides} for label, overrides in axes.items()]
