"""The catalog as the API answers it."""

import math
from collections.abc import Iterable
from typing import Any, Self

from pydantic import Field

from service.api.schemas.advice import CatalogAdvice, CatalogSource
from service.api.schemas.base import ApiAnswer
from service.catalog.advice.registry import advice_on
from service.catalog.axes import AXES
from service.catalog.entry import (
    ActivationEntry,
    DatasetEntry,
    Entry,
    ModelEntry,
    Parameter,
    ParameterKind,
)
from service.catalog.meanings import MEANINGS
from service.figures.plots.activation_curve import sampled_curves
from service.mean_field.moments import moments_of
from service.mean_field.phase_diagram import phase_diagram
from service.specs.architectures import architecture
from service.specs.choices import Choice, choice
from service.specs.resolution import auto_initializer

Bound = int | float | None

#: The data set for which the size of a model is computed.
_REFERENCE = "mnist"


class CatalogParameter(ApiAnswer):
    """A parameter with its range; the bounds of a list hold for each of its items."""

    name: str
    type: ParameterKind = Field(
        description="`option`: one of `options`. `integers`: a list. `numbers`: a number, or a "
        "list. `choice`: an entry of `axis`, as a name or an object. `layers`: a list of such "
        "entries. `text`: one that matches `pattern`."
    )
    meaning: str
    required: bool = Field(description="Whether it has no default.")
    default: Any = Field(
        description="The default; null where it is required, or where the default depends on "
        "other values, as its meaning says."
    )
    minimum: Bound = Field(description="The smallest valid value.")
    maximum: Bound = Field(description="The largest valid value.")
    exclusive_minimum: Bound = Field(description="Valid values are above this.")
    exclusive_maximum: Bound = Field(description="Valid values are below this.")
    options: list[str]
    axis: str | None = Field(
        description="Of a `choice` and of `layers`: the axis whose entries it takes."
    )
    pattern: str | None = Field(description="Of a `text`: the regular expression it matches.")
    min_items: int | None = Field(description="Of a list.")
    max_items: int | None = Field(description="Of a list.")

    @classmethod
    def of(cls, parameter: Parameter) -> Self:
        """Return the answer for a parameter."""
        required = parameter.default is ...
        is_list = parameter.kind in {"integers", "numbers", "layers"}
        default = None if required else parameter.default
        return cls(
            name=parameter.name,
            type=parameter.kind,
            meaning=parameter.meaning,
            required=required,
            default=list(default) if isinstance(default, tuple) else default,
            minimum=parameter.minimum,
            maximum=parameter.maximum,
            exclusive_minimum=parameter.above,
            exclusive_maximum=parameter.below,
            options=list(parameter.options),
            axis=parameter.axis,
            pattern=parameter.pattern,
            min_items=parameter.min_items if is_list else None,
            max_items=parameter.max_items if is_list else None,
        )


class AutoChoices(ApiAnswer):
    """The entries that `auto` stands for with an activation and its default parameters."""

    initializer: str
    initializer_parameters: dict[str, float | str] = Field(
        description="Parameters of the initializer, computed from those of the activation."
    )
    reason: str = Field(description="Why that initializer, in a sentence with its source.")
    dropout: str


class DatasetFacts(ApiAnswer):
    """A data set's sizes."""

    train_count: int
    test_count: int
    input_shape: list[int] = Field(
        description="Of one sample: [channels, height, width] of images, [features] of points."
    )
    classes: int = Field(description="0 where the targets are numbers.")
    largest_value: float | None = Field(
        description="The largest value of a pixel; null where the inputs are not pixels."
    )


class ModelFacts(ApiAnswer):
    """A model's own defaults for a spec, and its size with default parameters."""

    batch_size: int
    loss: str
    dropout_rates: list[float] = Field(description="One per dropout layer.")
    layers: list[str] = Field(description="Its weighted layers, from the first to the output.")
    weights: int = Field(description="Weights and biases, for the inputs and classes of mnist.")
    multiply_adds: int = Field(description="Of one sample's forward pass, for mnist.")


class FigureLinks(ApiAnswer):
    """The addresses of the picture of an activation; `?theme=dark` for a dark background."""

    svg: str
    png: str
    note: str | None = Field(
        description="What is drawn of an activation that is not a function of one z-value."
    )


class CatalogLinks(ApiAnswer):
    """Addresses."""

    self: str


class CatalogEntry(ApiAnswer):
    """One value of an axis."""

    axis: str
    name: str
    aliases: list[str] = Field(description="Other names that a spec may use.")
    meaning: str
    formula: str = Field(description="LaTeX; empty where `symbolic`.")
    parameters: list[CatalogParameter]
    source: CatalogSource
    symbolic: bool = Field(
        description="Whether it stands for another entry, which every run has in its place."
    )
    auto: AutoChoices | None = Field(description="Only of an activation.")
    dataset: DatasetFacts | None = Field(description="Only of a data set.")
    model: ModelFacts | None = Field(
        description="Only of a model whose parameters all have defaults."
    )
    figure: FigureLinks | None = Field(description="Only of an activation.")
    advice: CatalogAdvice | None = Field(
        description="Only of activations, initializers, normalizations and clippings."
    )
    links: CatalogLinks

    @classmethod
    def of(cls, axis: str, entry: Entry) -> Self:
        """Return the answer for an entry."""
        path = f"/v1/catalog/{axis}/{entry.name}"
        advice = advice_on(axis, entry.name)
        return cls(
            axis=axis,
            name=entry.name,
            aliases=list(entry.aliases),
            meaning=entry.meaning,
            formula=entry.formula,
            parameters=[CatalogParameter.of(parameter) for parameter in entry.parameters],
            source=CatalogSource.of(entry.source),
            symbolic=entry.symbolic,
            auto=_auto(entry),
            dataset=_dataset(entry),
            model=_model(entry),
            figure=_figure(axis, entry, path),
            advice=advice and CatalogAdvice.of(advice),
            links=CatalogLinks(self=path),
        )


class PhaseDiagramAnswer(ApiAnswer):
    """Order and chaos of an activation by the theory of wide layers, with default parameters.

    chi_1 is the factor of the squared gradient per layer in a deep network: below 1 signals and
    gradients vanish (order), above 1 they explode (chaos).
    """

    sigma_w: list[float] = Field(
        description="Columns; the variance of a weight is sigma_w squared over the fan-in."
    )
    sigma_b: list[float] = Field(description="Rows: standard deviations of the biases.")
    chi_1: list[list[float]] = Field(description="A row for each sigma_b.")
    edge_of_chaos: list[float | None] = Field(
        description="sigma_w at which chi_1 is 1, for each sigma_b; null where it is nowhere."
    )

    @classmethod
    def of(cls, activation: Choice) -> Self | None:
        """Return the diagram of an activation; None where the theory has no function for it."""
        moments = moments_of(activation.name, activation.parameters)
        if moments is None:
            return None
        found = phase_diagram(moments)
        return cls(
            sigma_w=[_rounded(value) for value in found.weight_deviations],
            sigma_b=[_rounded(value) for value in found.bias_deviations],
            chi_1=[[_rounded(value) for value in row] for row in found.chi],
            edge_of_chaos=[None if math.isnan(value) else _rounded(value) for value in found.edge],
        )


def _rounded(value: float) -> float:
    """Return a number to four digits, the same on every machine."""
    return float(f"{value:.4g}")


class CatalogEntryDetails(CatalogEntry):
    """One value of an axis, with what is too long for lists."""

    phase_diagram: PhaseDiagramAnswer | None = Field(description="Only of an activation.")

    @classmethod
    def of(cls, axis: str, entry: Entry) -> Self:
        """Return the answer for an entry, with its details."""
        short = CatalogEntry.of(axis, entry)
        is_activation = axis == "activation"
        diagram = PhaseDiagramAnswer.of(choice(axis, entry.name)) if is_activation else None
        return cls(**vars(short), phase_diagram=diagram)


class CatalogAxis(ApiAnswer):
    """One axis and its values, in the catalog's order."""

    axis: str
    meaning: str
    items: list[CatalogEntry]
    next_cursor: str | None
    links: CatalogLinks

    @classmethod
    def of(cls, axis: str, names: Iterable[str], next_cursor: str | None) -> Self:
        """Return the page of these values of an axis."""
        return cls(
            axis=axis,
            meaning=MEANINGS[axis],
            items=[CatalogEntry.of(axis, AXES[axis][name]) for name in names],
            next_cursor=next_cursor,
            links=CatalogLinks(self=f"/v1/catalog/{axis}"),
        )


class Catalog(ApiAnswer):
    """Some axes, with all their values."""

    items: list[CatalogAxis]
    next_cursor: str | None

    @classmethod
    def of(cls, axes: Iterable[str], next_cursor: str | None) -> Self:
        """Return the page of these axes, with all their values."""
        items = [CatalogAxis.of(axis, AXES[axis], None) for axis in axes]
        return cls(items=items, next_cursor=next_cursor)


def _auto(entry: Entry) -> AutoChoices | None:
    if not isinstance(entry, ActivationEntry):
        return None
    chosen = auto_initializer(choice("activation", entry.name))
    return AutoChoices(
        initializer=chosen.name,
        initializer_parameters=chosen.model_dump(exclude={"name"}),
        reason=entry.initializer_reason,
        dropout=entry.dropout,
    )


def _dataset(entry: Entry) -> DatasetFacts | None:
    if not isinstance(entry, DatasetEntry) or entry.resolved is not None:
        return None
    return DatasetFacts(
        train_count=entry.train_count,
        test_count=entry.test_count,
        input_shape=list(entry.input_shape),
        classes=entry.classes,
        largest_value=entry.largest_value,
    )


def _model(entry: Entry) -> ModelFacts | None:
    if not isinstance(entry, ModelEntry):
        return None
    if any(parameter.default is ... for parameter in entry.parameters):
        return None
    reference = AXES["dataset"][_REFERENCE]
    assert isinstance(reference, DatasetEntry)  # noqa: S101 - what the data sets' module holds
    plan = architecture(choice("model", entry.name), reference.input_shape, reference.classes, 1)
    return ModelFacts(
        batch_size=entry.batch_size,
        loss=entry.loss,
        dropout_rates=list(plan.dropout_rates),
        layers=[layer.name for layer in plan.layers],
        weights=plan.parameters,
        multiply_adds=plan.multiply_adds,
    )


def _figure(axis: str, entry: Entry, path: str) -> FigureLinks | None:
    curve = sampled_curves().get(entry.name) if axis == "activation" else None
    if curve is None:
        return None
    return FigureLinks(svg=f"{path}/figure.svg", png=f"{path}/figure.png", note=curve.note or None)
