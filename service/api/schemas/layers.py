"""Layer statistics as the API answers them."""

import uuid

from pydantic import Field

from service.api.schemas.base import Answer, Number


class Histogram(Answer):
    """How many values fall between each two neighbouring edges."""

    edges: list[float] = Field(
        description="One more than there are counts, from the smallest value to the largest; "
        "empty where no value is finite."
    )
    counts: list[int] = Field(description="Of a subsample of at most 100,000 values.")


class DistributionAnswer(Answer):
    """What is kept of many values. Those that are not finite are counted and left out."""

    count: int
    non_finite: int
    mean: Number
    std: Number
    min: Number
    max: Number
    quantiles: dict[str, Number] = Field(
        description="By probability, `0.01` to `0.99`; of the histogram's subsample."
    )
    histogram: Histogram


class LayerAnswer(Answer):
    """One layer at one epoch."""

    name: str
    units: int = Field(description="Its units or channels.")
    z: DistributionAnswer = Field(
        description="z-values, the input of the activation; of the output layer the logits."
    )
    activation: DistributionAnswer = Field(
        description="Activations; of the output layer the probabilities."
    )
    weight: DistributionAnswer
    gradient: DistributionAnswer = Field(description="Of the probe's mean loss by the weights.")
    z_gradient: DistributionAnswer = Field(description="Of the probe's mean loss by the z-values.")
    signal: Number = Field(
        description="Standard deviation of a unit's z-values over samples, mean over units."
    )
    dead_fraction: float = Field(
        description="Share of the units through which no gradient passes on any sample."
    )
    saturated_fraction: float = Field(
        description="Share of the z-values where the activation is flat: beyond 4 with sigmoid, 2 "
        "with tanh; none for activations that grow without bound."
    )
    symmetric: bool = Field(description="All its units have the same weights.")


class LayersAnswer(Answer):
    """A network's layers at one epoch, on the first samples it trains on."""

    run_id: uuid.UUID
    epoch: int = Field(description="0 is the network before its first step.")
    epochs_available: list[int] = Field(description="The epochs with layer statistics.")
    samples: int
    loss: Number = Field(description="Mean over the samples.")
    chance_loss: Number = Field(
        description="What the loss would be if every sample were given the classes' shares."
    )
    layers: list[LayerAnswer] = Field(description="The hidden ones in order, and the output layer.")
