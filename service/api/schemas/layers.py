"""Layer statistics as the API answers them."""

import uuid
from typing import Literal

from pydantic import Field

from service.api.schemas.base import ApiAnswer, Number


class Histogram(ApiAnswer):
    """The number of values between neighbouring edges."""

    edges: list[float] = Field(
        description="One more than the counts, from the smallest value to the largest; empty where "
        "no value is finite."
    )
    counts: list[int] = Field(description="Of a subsample of at most 100,000 values.")


class DistributionAnswer(ApiAnswer):
    """A summary of many values; non-finite ones are counted and otherwise ignored."""

    count: int
    non_finite: int
    mean: Number
    std: Number
    min: Number
    max: Number
    quantiles: dict[str, Number] = Field(
        description="By probability, `0.01` to `0.99`, of the same subsample as the histogram."
    )
    histogram: Histogram


class LayerAnswer(ApiAnswer):
    """One layer at one epoch."""

    name: str
    units: int = Field(description="Number of units, or of channels of a convolution.")
    z: DistributionAnswer = Field(
        description="z-values, the input of the activation; in the output layer the logits."
    )
    activation: DistributionAnswer = Field(
        description="Activations; in the output layer the probabilities."
    )
    weight: DistributionAnswer
    gradient: DistributionAnswer = Field(
        description="Gradient of the probe's mean loss with respect to the weights."
    )
    z_gradient: DistributionAnswer = Field(
        description="Gradient of the probe's mean loss with respect to the z-values."
    )
    signal: Number = Field(
        description="Standard deviation of a unit's z-values over samples, averaged over units."
    )
    dead_fraction: float = Field(
        description="Share of units that pass no gradient on any sample; 0 unless the activation "
        "is flat on one side of zero, as relu is."
    )
    saturated_fraction: float = Field(
        description="Share of z-values where the activation is flat: beyond 4 for sigmoid, beyond "
        "2 for tanh; 0 for unbounded activations."
    )
    sparsity: float | None = Field(
        default=None,
        description="Share of the activations that are exactly zero, over samples and units. Null "
        "in statistics of an older version.",
    )
    symmetric: bool = Field(description="Whether all its units have the same weights.")
    symmetry_kept: bool = Field(
        default=True,
        description="Where they have: whether the next layer weighs them all alike and no dropout "
        "tells them apart, so that training leaves them equal.",
    )
    update_ratio: float | None = Field(
        default=None,
        description="Norm of a step's change of the weights over their norm: the median of up to "
        "five steps of the latest epoch measured. Null before the first step.",
    )
    largest_update_ratio: float | None = Field(
        default=None,
        description="The largest such median of all epochs measured until now: epochs 1, 2, 4, 8, "
        "..., and those with layer statistics. Null before the first step, and in statistics of "
        "an older version.",
    )
    largest_update_epoch: int | None = Field(default=None, description="The epoch it is of.")
    gradient_by_step: list[Number] | None = Field(
        default=None,
        description="Of a recurrent layer: the norm of a sample's gradient with respect to the "
        "z-values of each step, from the first step to the last. Null of other layers.",
    )


class LayersAnswer(ApiAnswer):
    """The layers of a network at one epoch, on the first training samples."""

    run_id: uuid.UUID
    epoch: int = Field(description="0 is the network before the first step.")
    epochs_available: list[int] = Field(description="The epochs with layer statistics.")
    also_recorded: list[Literal["decision_boundary", "outputs", "confusion"]] = Field(
        description="What else is recorded at this epoch: each has an endpoint and a figure of its "
        "name. `decision_boundary` needs classes of two features, `outputs` and `confusion` need "
        "classes and are recorded after the last epoch."
    )
    samples: int
    loss: Number = Field(description="Mean over the samples.")
    chance_loss: Number = Field(
        description="The loss if every sample were predicted by the frequencies of the classes."
    )
    inputs: DistributionAnswer | None = Field(
        default=None,
        description="The network's inputs, preprocessed. Null but at epoch 0: they stay the same.",
    )
    layers: list[LayerAnswer] = Field(
        description="The hidden layers in order, then the output layer."
    )


class BoundaryAnswer(ApiAnswer):
    """The class that a network predicts on a grid of points, for data of two features."""

    run_id: uuid.UUID
    epoch: int = Field(description="0 is the network before the first step.")
    epochs_available: list[int] = Field(description="The epochs with layer statistics.")
    extent: list[float] = Field(
        description="Left, right, bottom and top: the first and last columns and rows of the grid."
    )
    size: int = Field(
        description="Grid points along each feature: 100 after the last epoch, 50 before."
    )
    predicted: list[int] = Field(
        description="The most probable class at each point, row by row from the bottom."
    )
    confidence: list[float] = Field(description="The probability of that class.")
    points: list[list[float]] = Field(description="Up to 300 training samples, preprocessed.")
    labels: list[int] = Field(description="Their classes.")


class ClassOutputsAnswer(ApiAnswer):
    """What a network makes of the validation samples of one class."""

    label: int
    count: int = Field(description="Number of its samples.")
    non_finite: int = Field(
        description="How many have an output that is not finite; they are in no bin."
    )
    right: int = Field(description="How many are predicted as this class.")
    probabilities: list[int] = Field(description="Samples by the probability of this class.")
    losses: list[int] = Field(description="Samples by their loss.")


class OutputsAnswer(ApiAnswer):
    """What a network makes of the validation part after its last epoch, by class."""

    run_id: uuid.UUID
    epoch: int
    samples: int
    probability_edges: list[float] = Field(description="One more than there are bins.")
    loss_edges: list[float] = Field(
        description="Evenly spaced by their logarithm. Smaller losses (0 too) are in the first "
        "bin, larger ones in the last."
    )
    classes: list[ClassOutputsAnswer] = Field(
        description="Those with a sample, by label; at most 100."
    )


class ClassConfusionAnswer(ApiAnswer):
    """How well a network knows the validation samples of one class."""

    label: int
    name: str = Field(description="As in the uploaded file; of built-in data the label.")
    count: int = Field(description="Number of its samples: the support.")
    non_finite: int = Field(
        description="How many have an output that is not finite; they are predicted as no class."
    )
    predicted: int = Field(description="How many samples, of any class, are predicted as this one.")
    right: int = Field(description="How many of its samples are predicted as this class.")
    recall: float | None = Field(
        description="`right / count`: the accuracy on this class. Null without samples."
    )
    precision: float | None = Field(
        description="`right / predicted`. Null where no sample is predicted as this class."
    )
    f1: float | None = Field(description="The harmonic mean of recall and precision.")


class ConfusionAnswer(ApiAnswer):
    """Which classes of the validation part a network takes for which, after its last epoch."""

    run_id: uuid.UUID
    epoch: int
    samples: int
    right: int
    non_finite: int
    accuracy: float | None = Field(description="`right / samples`; null without samples.")
    balanced_accuracy: float | None = Field(
        description="The mean recall of the classes that have samples."
    )
    classes: list[ClassConfusionAnswer] = Field(description="All of them, by label.")
    matrix: list[list[int]] = Field(
        description="Numbers of samples: a row for each true class, a column for each predicted."
    )
