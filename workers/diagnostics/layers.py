"""Layer statistics: z-values, activations, weights and gradients of every layer at one epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from workers.diagnostics.boundary import Boundary
from workers.diagnostics.distributions import Distribution
from workers.diagnostics.outputs import Outputs


@dataclass(frozen=True)
class LayerStatistics:
    """One layer at one epoch.

    Attributes:
        name: as in the model.
        units: number of its units or channels.
        z: z-values, the input of the activation; logits for the output layer.
        activation: activations; probabilities for the output layer.
        weight: weights.
        gradient: of the probe's mean loss with respect to the weights.
        z_gradient: of the probe's mean loss with respect to the z-values.
        signal: standard deviation of a unit's z-values over samples (and positions), mean over
            units; NaN where a z-value is not finite.
        dead_fraction: share of the units that are dead (``activity``); 0 where the activation
            cannot die.
        saturated_fraction: share of the z-values that are saturated (``activity``).
        symmetric: whether it has more than one unit and all have the same weights and bias.
        symmetry_kept: where it is symmetric, whether training leaves it so: the next layer weighs
            all its units alike (or by zero), so that they get the same gradient, and no dropout
            between the two tells them apart.
        sparsity: share of the activations that are exactly zero; None in statistics of an older
            version.
        update_ratio: norm of a step's change of the weights over their norm, median over the steps
            measured (``workers.training.updates``); None where none was.
        largest_update_ratio: the largest such median of all epochs measured until now; None where
            none was, and in statistics of an older version.
        largest_update_epoch: the epoch it is of.
        gradient_by_step: of a recurrent layer, the norm of a sample's gradient with respect to the
            z-values of each step (root mean square over samples), from the first step to the last;
            None of other layers.
    """

    name: str
    units: int
    z: Distribution
    activation: Distribution
    weight: Distribution
    gradient: Distribution
    z_gradient: Distribution
    signal: float
    dead_fraction: float
    saturated_fraction: float
    symmetric: bool
    symmetry_kept: bool = True
    update_ratio: float | None = None
    largest_update_ratio: float | None = None
    largest_update_epoch: int | None = None
    sparsity: float | None = None
    gradient_by_step: tuple[float, ...] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return this as plain data."""
        data = {field.name: getattr(self, field.name) for field in fields(self)}
        steps = data.pop("gradient_by_step")
        of_steps = {} if steps is None else {"gradient_by_step": list(steps)}
        return data | of_steps | {name: data[name].as_dict() for name in _DISTRIBUTIONS}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return the statistics that ``as_dict`` made ``data`` of."""
        distributions = {name: Distribution.of(data[name]) for name in _DISTRIBUTIONS}
        numbers = {
            name: float(data[name])
            for name in ("signal", "update_ratio", "largest_update_ratio")
            if data.get(name) is not None
        }
        steps = data.get("gradient_by_step")
        by_step = None if steps is None else tuple(map(float, steps))
        return cls(**{**data, **distributions, **numbers, "gradient_by_step": by_step})


_DISTRIBUTIONS = ("z", "activation", "weight", "gradient", "z_gradient")


@dataclass(frozen=True)
class NetworkStatistics:
    """A network at one epoch.

    Attributes:
        samples: number of samples of the probe.
        loss: their mean loss.
        chance_loss: the mean loss of a network that predicts, for every sample, the shares of the
            classes among the samples, or their mean or median target: the best guess without the
            inputs.
        layers: the hidden layers from the first on, and the output layer last.
        inputs: of the network, preprocessed; at epoch 0 only, since they stay the same.
        boundary: the decision boundary, of a run on data with two features.
        outputs: on the validation part, after the last epoch.
    """

    samples: int
    loss: float
    chance_loss: float
    layers: tuple[LayerStatistics, ...]
    inputs: Distribution | None = None
    boundary: Boundary | None = None
    outputs: Outputs | None = None

    @property
    def hidden(self) -> tuple[LayerStatistics, ...]:
        """The hidden layers."""
        return self.layers[:-1]

    def as_dict(self) -> dict[str, Any]:
        """Return this as plain data."""
        return {
            "samples": self.samples,
            "loss": self.loss,
            "chance_loss": self.chance_loss,
            "layers": [layer.as_dict() for layer in self.layers],
            **({"inputs": self.inputs.as_dict()} if self.inputs else {}),
            **({"boundary": self.boundary.as_dict()} if self.boundary else {}),
            **({"outputs": self.outputs.as_dict()} if self.outputs else {}),
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Return the statistics that ``as_dict`` made ``data`` of, its layers only."""
        layers = tuple(map(LayerStatistics.of, data["layers"]))
        loss, chance_loss = float(data["loss"]), float(data["chance_loss"])
        return cls(data["samples"], loss, chance_loss, layers)
