"""Presets: a named spec that reproduces a published claim, with the claim as a check."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from service.catalog.entry import Source
from service.presets.checks import Check
from service.presets.evidence import Evidence
from service.presets.measures import Measure, Metric
from service.presets.trainings import Training

#: ``full``: as the paper has it. ``small``: fits two cores in minutes, for the claim's direction.
Size = Literal["full", "small"]

#: A spec as a client writes it.
Spec = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """What was published, as a sentence and as a check.

    ``epochs`` and ``train_size`` are what the claim needs at the least: with less it is not
    decided.
    """

    name: str
    sentence: str
    check: Check
    epochs: int = 0
    train_size: int = 0

    def judge(self, trainings: Sequence[Training]) -> Evidence:
        """Find what an experiment's trainings say about the claim."""
        for each in trainings:
            epochs = each.config["epochs"]
            samples = each.config["dataset"]["train_size"]
            if epochs < self.epochs or samples < self.train_size:
                needs = [f"{self.epochs:,} epochs"] if self.epochs else []
                needs += [f"{self.train_size:,} training samples"] if self.train_size else []
                return Evidence(
                    "inconclusive",
                    f"The claim is about {' on '.join(needs)}; these runs have {epochs:,} epochs "
                    f"on {samples:,}. Submit the preset at its full size.",
                )
        return self.check.judge(trainings)


@dataclass(frozen=True)
class Preset:
    """A named spec with its claims.

    Attributes:
        name: as in the API's paths.
        title: the preset in a few words.
        description: one paragraph: the setting, and where it had to be filled in.
        source: where the claim was published.
        spec: the experiment at its full size.
        small: the fields of the spec that the small size overrides.
        claims: what is checked.
    """

    name: str
    title: str
    description: str
    source: Source
    spec: Mapping[str, Any]
    small: Mapping[str, Any]
    claims: tuple[Claim, ...]

    def spec_of(self, size: Size) -> Spec:
        """Give the spec at a size, named and described."""
        chosen = {**self.spec, **(self.small if size == "small" else {})}
        named = {"name": self.name, "description": self.description}
        return named | copy.deepcopy(chosen)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Name the metrics that the claims look at."""
        return tuple(dict.fromkeys(each.name for each in self._metrics()))

    @property
    def epochs(self) -> frozenset[int] | None:
        """Give the epochs at which the claims look at them, beside the last; None for all."""
        at = {each.at for each in self._metrics()} - {"final"}
        numbers = frozenset(each for each in at if isinstance(each, int))
        return numbers if len(numbers) == len(at) else None

    @property
    def reads_layers(self) -> bool:
        """Say whether the claims look at layer statistics."""
        return any(not isinstance(each, Metric) for each in self._measures())

    def _metrics(self) -> Iterator[Metric]:
        return (each for each in self._measures() if isinstance(each, Metric))

    def _measures(self) -> Iterator[Measure]:
        return (each for claim in self.claims for each in claim.check.measures)


#: What a submission may override beside a spec's own fields; they belong to every data set.
_DATASET_FIELDS = ("train_size", "test_size")


def overridden(preset: Preset, size: Size, fields: Mapping[str, Any]) -> Spec:
    """Give a preset's spec at a size with some fields set otherwise.

    Args:
        preset: the preset.
        size: which of its specs.
        fields: fields of a spec, and ``train_size`` and ``test_size`` for all its data sets.
            An axis among them takes the place of the preset's, in its variants too.
    """
    spec = preset.spec_of(size)
    samples = {name: fields[name] for name in _DATASET_FIELDS if name in fields}
    own = {name: each for name, each in fields.items() if name not in samples}
    parts = [spec, *spec.get("variants", ())]
    for part in parts[1:]:
        for name in own:
            part.pop(name, None)
    spec.update(own)
    if samples:
        spec.setdefault("dataset", "mnist")
        for part in parts:
            if "dataset" in part:
                part["dataset"] = [_sized(each, samples) for each in _as_list(part["dataset"])]
    return spec


def _sized(dataset: Any, samples: Mapping[str, Any]) -> dict[str, Any]:
    written = dataset if isinstance(dataset, Mapping) else {"name": dataset}
    return {**written, **samples}


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def variants(axes: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write variants from their axes by label."""
    return [{"label": label, **each} for label, each in axes.items()]
