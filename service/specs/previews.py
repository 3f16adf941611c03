"""Previews: the layers of a network before anything is submitted."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.specs import grid, rules
from service.specs.choices import AxisOf, Choice, choice
from service.specs.expansion import SpecError
from service.specs.limits import Limits
from service.specs.resolution import Resolution, input_shape
from service.specs.sizes import NetworkSizes, sizes_of, training_bytes
from service.specs.spec import ExperimentSpec


def _usual(axis: str, name: str) -> Any:
    """Return a field that takes one value of an axis; the schema shows the name of its default."""
    return Field(default_factory=lambda: choice(axis, name), json_schema_extra={"default": name})


class ModelPreviewSpec(BaseModel):
    """What decides the layers of a network: fields of a spec, each with one value."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    model: Annotated[Choice, AxisOf("model")]
    dataset: Annotated[Choice, AxisOf("dataset")] = _usual("dataset", "mnist")
    activation: Annotated[Choice, AxisOf("activation")] = _usual("activation", "relu")
    normalization: Annotated[Choice, AxisOf("normalization")] = _usual("normalization", "none")
    batch_size: int | None = Field(
        None, ge=1, le=1_000_000, description="By default the model's own."
    )


@dataclass(frozen=True)
class NetworkPreview:
    """A network that could be trained.

    Attributes:
        sizes: of its layers.
        batch_size: samples of a training step.
        memory_bytes: of a training step, an estimate.
    """

    sizes: NetworkSizes
    batch_size: int
    memory_bytes: int


def preview(wanted: ModelPreviewSpec, limits: Limits) -> NetworkPreview:
    """Return the layers of a network.

    Raises:
        SpecError: the network cannot be trained on the data set, or is too large.
    """
    fields = wanted.model_dump(exclude_none=True)
    spec = ExperimentSpec.model_validate(fields)
    _, point = next(grid.points(spec))
    resolved = Resolution(point)
    errors = rules.point_errors(resolved, limits)
    if errors:
        raise SpecError(errors)
    network = resolved.network
    shape, size = input_shape(resolved.dataset), resolved.batch_size
    sizes = (
        sizes_of(resolved.plan, wanted.activation, wanted.normalization)
        if resolved.plan
        else NetworkSizes(())
    )
    return NetworkPreview(sizes, size, training_bytes(network, shape, size))
