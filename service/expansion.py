"""From a spec to its runs: the grid, the values left open, and the checks at the door.

Whatever passes here can be trained: a worker never meets a bad configuration.
"""

import hashlib
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from service.catalog import AXES
from service.catalog.entry import ActivationEntry, DatasetEntry, ModelEntry
from service.choices import Choice, choice
from service.spec import AXIS_FIELDS, AxisFields, ExperimentSpec, RunConfig

#: Raised when the numbers a configuration leads to change (a repaired formula, another random
#: stream): older histories are then no longer taken for the same training.
SCIENCE_VERSION = 1

Location = tuple[str | int, ...]

_DEFAULTS: dict[str, Any] = {
    "dataset": "mnist",
    "model": "mnist_cnn",
    "initializer": "auto",
    "bias_initializer": "zeros",
    "normalization": "none",
    "clipping": "none",
    "optimizer": "adam",
    "dropout": "auto",
}
_MOST_ERRORS = 20


@dataclass(frozen=True)
class Limits:
    """How large an experiment may be. Each is a setting of the service."""

    max_runs: int = 10_000
    max_epochs: int = 1_000
    max_parameters: int = 50_000_000


@dataclass(frozen=True)
class FieldError:
    """One thing wrong with a spec: where, as a path into it, and a sentence."""

    location: Location
    detail: str


class SpecError(Exception):
    """A spec that cannot be run, with everything found wrong."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(each.detail for each in errors))
        self.errors = errors


@dataclass(frozen=True)
class PlannedRun:
    """One run of an experiment before it is stored."""

    label: str | None
    config: RunConfig
    config_hash: str
    seed: int


@dataclass(frozen=True)
class _Value:
    """A value on an axis, with where the spec wrote it."""

    location: Location
    value: Any


_Point = dict[str, _Value]


def expand(spec: ExperimentSpec, limits: Limits) -> list[PlannedRun]:
    """Give the runs of an experiment, in the order of its axes, seeds innermost.

    Configurations that resolve to the same thing (``auto`` beside the initializer it stands
    for) are one run, so that no comparison counts a training twice.

    Raises:
        SpecError: a limit is passed, or a combination cannot be trained.
    """
    _check_limits(spec, limits)
    errors: list[FieldError] = []
    plans: dict[tuple[str | None, str], RunConfig] = {}
    for label, point in _points(spec):
        found = _point_errors(point, limits)
        if found:
            errors += [each for each in found if each not in errors]
            if len(errors) >= _MOST_ERRORS:
                break
        else:
            config = _resolve(point, spec)
            plans.setdefault((label, config_hash(config)), config)
    if errors:
        raise SpecError(errors[:_MOST_ERRORS])
    return [
        PlannedRun(label, config, digest, seed)
        for (label, digest), config in plans.items()
        for seed in spec.seeds
    ]


def config_hash(config: RunConfig) -> str:
    """Name a configuration by its content: sha256 of its canonical JSON, in hex."""
    content = {"science": SCIENCE_VERSION, "config": config.model_dump(mode="json")}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _check_limits(spec: ExperimentSpec, limits: Limits) -> None:
    errors = []
    if spec.epochs > limits.max_epochs:
        errors.append(
            FieldError(
                ("epochs",),
                f"{spec.epochs} epochs are over the limit max_epochs = {limits.max_epochs}.",
            )
        )
    runs = len(spec.seeds) * sum(
        math.prod(len(values) for values in axes.values()) for _, axes in _grids(spec)
    )
    if runs > limits.max_runs:
        errors.append(
            FieldError(
                (),
                f"The experiment has {runs:,} runs, over the limit max_runs = "
                f"{limits.max_runs:,}. Split it, or shorten an axis.",
            )
        )
    if errors:
        raise SpecError(errors)


def _grids(spec: ExperimentSpec) -> Iterator[tuple[str | None, dict[str, list[_Value]]]]:
    """Give each product the experiment is made of: the base alone, or one for each variant."""
    base = _axes_of(spec, ())
    if spec.variants is None:
        yield None, _with_defaults(base)
        return
    for index, variant in enumerate(spec.variants):
        yield variant.label, _with_defaults({**base, **_axes_of(variant, ("variants", index))})


def _axes_of(fields: AxisFields, prefix: Location) -> dict[str, list[_Value]]:
    axes = {}
    for name in AXIS_FIELDS:
        values = getattr(fields, name)
        if values is not None:
            axes[name] = [_Value((*prefix, name, at), each) for at, each in enumerate(values)]
    return axes


def _with_defaults(axes: dict[str, list[_Value]]) -> dict[str, list[_Value]]:
    filled = {}
    for name in AXIS_FIELDS:
        if name in axes:
            filled[name] = axes[name]
        elif name in _DEFAULTS:
            filled[name] = [_Value((name,), choice(name, _DEFAULTS[name]))]
        else:
            filled[name] = [_Value((name,), None)]
    return filled


def _points(spec: ExperimentSpec) -> Iterator[tuple[str | None, _Point]]:
    for label, axes in _grids(spec):
        for values in itertools.product(*axes.values()):
            yield label, dict(zip(axes, values, strict=True))


def _resolve(point: _Point, spec: ExperimentSpec) -> RunConfig:
    """Fill in what a point leaves to the model or to the activation."""
    chosen = {name: each.value for name, each in point.items()}
    model = cast("ModelEntry", AXES["model"][chosen["model"].name])
    activation = cast("ActivationEntry", AXES["activation"][chosen["activation"].name])
    initializer = _initializer(chosen["initializer"], activation)
    output_initializer = chosen["output_initializer"] or initializer
    return RunConfig.model_construct(
        dataset=chosen["dataset"],
        model=chosen["model"],
        activation=chosen["activation"],
        initializer=initializer,
        output_initializer=_initializer(output_initializer, activation),
        bias_initializer=chosen["bias_initializer"],
        normalization=chosen["normalization"],
        clipping=chosen["clipping"],
        optimizer=chosen["optimizer"],
        dropout=_dropout(chosen["dropout"], model, activation),
        batch_size=chosen["batch_size"] or model.batch_size,
        loss=chosen["loss"] or choice("loss", model.loss),
        epochs=spec.epochs,
        layer_statistics=spec.layer_statistics,
    )


def _initializer(chosen: Choice, activation: ActivationEntry) -> Choice:
    return choice("initializer", activation.initializer) if chosen.name == "auto" else chosen


def _dropout(chosen: Choice, model: ModelEntry, activation: ActivationEntry) -> Choice:
    if chosen.name == "none":
        return chosen
    name = activation.dropout if chosen.name == "auto" else chosen.name
    rates = list(chosen.parameters.get("rate") or model.dropout_rates)
    if len(rates) == 1:
        rates = rates * len(model.dropout_rates)
    if not any(rates):
        return choice("dropout", "none")
    return choice("dropout", {"name": name, "rate": rates})


def _point_errors(point: _Point, limits: Limits) -> list[FieldError]:
    return [
        *_batch_errors(point),
        *_dropout_errors(point),
        *_optimizer_errors(point),
        *_model_errors(point, limits),
    ]


def training_samples(dataset: Choice) -> int:
    """Count the samples an epoch trains on: those that validation_split leaves."""
    sizes = dataset.parameters
    return int(sizes["train_size"] * (1 - sizes["validation_split"]))


def _batch_errors(point: _Point) -> Iterator[FieldError]:
    dataset = point["dataset"].value
    samples = training_samples(dataset)
    split = dataset.parameters["validation_split"]
    if samples < 1 or (split > 0 and samples == dataset.parameters["train_size"]):
        yield FieldError(
            (*point["dataset"].location, "validation_split"),
            "The split leaves no sample on one of its sides.",
        )
        return
    model = cast("ModelEntry", AXES["model"][point["model"].value.name])
    batch_size = point["batch_size"].value or model.batch_size
    if batch_size > samples:
        at = point["batch_size"] if point["batch_size"].value else point["dataset"]
        yield FieldError(
            at.location,
            f"A batch of {batch_size} is larger than the {samples} training samples.",
        )


def _dropout_errors(point: _Point) -> Iterator[FieldError]:
    rates = point["dropout"].value.parameters.get("rate")
    model = cast("ModelEntry", AXES["model"][point["model"].value.name])
    sites = len(model.dropout_rates)
    if rates and len(rates) not in {1, sites}:
        yield FieldError(
            (*point["dropout"].location, "rate"),
            f"{model.name} has {sites} dropout layers: give one rate, or {sites}.",
        )


def _optimizer_errors(point: _Point) -> Iterator[FieldError]:
    parameters = point["optimizer"].value.parameters
    if parameters.get("nesterov") and not parameters["momentum"]:
        yield FieldError(
            (*point["optimizer"].location, "nesterov"),
            "Nesterov's look-ahead needs a momentum above 0.",
        )


def _model_errors(point: _Point, limits: Limits) -> Iterator[FieldError]:
    model, dataset = point["model"], point["dataset"].value
    facts = cast("DatasetEntry", AXES["dataset"][dataset.name])
    parameters = _cnn_parameters(model.value, facts)
    if parameters > limits.max_parameters:
        yield FieldError(
            model.location,
            f"The model has {parameters:,} parameters, over the limit max_parameters = "
            f"{limits.max_parameters:,}.",
        )


def _cnn_parameters(model: Choice, dataset: DatasetEntry) -> int:
    """Count the weights and biases of mnist_cnn on a data set's images."""
    depth, height, width = dataset.input_shape
    first: int
    second: int
    first, second = model.parameters["channels"]
    kernel: int = model.parameters["kernel_size"]
    hidden: int
    (hidden,) = model.parameters["units"]
    pooled = ((height - 2 * (kernel - 1)) // 2) * ((width - 2 * (kernel - 1)) // 2)
    convolutions: int = (depth * kernel**2 + 1) * first + (first * kernel**2 + 1) * second
    return convolutions + (second * pooled + 1) * hidden + (hidden + 1) * dataset.classes
