"""Previews: the layers of a network before anything is submitted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.fields import FieldError
from service.specs.choices import AxisOf, Choice, choice
from service.specs.expansion import SpecError, expand
from service.specs.limits import Limits
from service.specs.memory import memory_of
from service.specs.resolution import planned_network
from service.specs.sizes import NetworkSizes, sizes_of
from service.specs.spec import ExperimentSpec, RunConfig
from service.specs.uploads import NO_UPLOADS, UploadedFacts


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
    batch_size: int | None = Field(None, ge=1, le=1_000_000, description="By default as in a spec.")


@dataclass(frozen=True)
class NetworkPreview:
    """A network that could be trained.

    Attributes:
        sizes: of its layers.
        batch_size: samples of a training step.
        memory_bytes: of its training, an estimate.
    """

    sizes: NetworkSizes
    batch_size: int
    memory_bytes: int


def spec_of(wanted: ModelPreviewSpec) -> ExperimentSpec:
    """Return the spec of an experiment with the network."""
    return ExperimentSpec.model_validate(wanted.model_dump(exclude_none=True))


def preview(
    spec: ExperimentSpec, limits: Limits, uploads: Mapping[str, UploadedFacts] = NO_UPLOADS
) -> NetworkPreview:
    """Return the layers of the network of a spec with one configuration.

    Args:
        spec: of the network.
        limits: what it may be.
        uploads: the uploaded data set that it names, by id.

    Raises:
        SpecError: the network cannot be trained on the data set, or is too large.
    """
    (run,) = expand(spec, limits, uploads)
    found = network_of_config(run.config)
    if found is None:
        model = run.config.model.name
        raise SpecError([FieldError(("model", 0), f"{model} is no list of layers.")])
    return found


def network_of_config(config: RunConfig) -> NetworkPreview | None:
    """Return the layers of a resolved configuration; None where the model is no list of them."""
    plan = planned_network(config.dataset, config.model, config.activation)
    if plan is None:
        return None
    sizes = sizes_of(plan, config.activation, config.normalization)
    return NetworkPreview(sizes, config.batch_size, memory_of(config).total)
