"""Layer statistics: z-values, activations, weights and gradients of every layer.

They are taken on a probe batch, which leaves the network as it was to the bit: dropout is off,
batch statistics are the probe's own and move no running ones, and no parameter's ``grad`` is
touched.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor, nn

from workers.diagnostics.activity import Activity, HiddenActivity, OutputActivity
from workers.diagnostics.boundary import Boundary
from workers.diagnostics.distributions import Distribution, Gathering, rows_by_feature
from workers.nn.models import HiddenLayer, Network
from workers.nn.normalizations import RunningStatistics, running_statistics_frozen

#: Samples that go through a convolutional network at once on a CPU. With mnist_cnn a probe then
#: takes two thirds of the time that it takes with 250 at once, whose tensors outgrow the caches.
CONVOLUTION_CHUNK = 64

#: The same of all others. Where a normalization reads the batch's statistics they are those of
#: so many samples: of the whole probe, up to its default size.
CHUNK = 1000


@dataclass(frozen=True)
class LayerStatistics:
    """One layer at one epoch.

    Attributes:
        name: as in the model.
        units: its units or channels.
        z: its z-values, the input of its activation; of the output layer the logits.
        activation: its activations; of the output layer the probabilities.
        weight: its weights.
        gradient: of the probe's mean loss by its weights.
        z_gradient: of the probe's mean loss by its z-values.
        signal: standard deviation of a unit's z-values over samples (and positions), mean over
            units; NaN where one of them is not finite.
        dead_fraction: share of the units whose activation's slope is zero on every sample
            (``activity``).
        saturated_fraction: share of the z-values that are saturated (``activity``).
        symmetric: its units, more than one, all have the same weights and the same bias.
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

    def as_dict(self) -> dict[str, Any]:
        """Give this as plain data."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        return data | {name: data[name].as_dict() for name in _DISTRIBUTIONS}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``as_dict`` gave."""
        distributions = {name: Distribution.of(data[name]) for name in _DISTRIBUTIONS}
        return cls(**{**data, **distributions, "signal": float(data["signal"])})


_DISTRIBUTIONS = ("z", "activation", "weight", "gradient", "z_gradient")


@dataclass(frozen=True)
class NetworkStatistics:
    """A network at one epoch.

    Attributes:
        samples: how many the probe had.
        loss: their mean loss.
        chance_loss: what it would be if the network gave every sample the shares of the classes
            among them, the best that can be done without looking at the inputs.
        layers: the hidden ones from the first on, and the output layer last.
        boundary: with the last epoch of data that have two features.
    """

    samples: int
    loss: float
    chance_loss: float
    layers: tuple[LayerStatistics, ...]
    boundary: Boundary | None = None

    @property
    def hidden(self) -> tuple[LayerStatistics, ...]:
        """The hidden layers."""
        return self.layers[:-1]

    def as_dict(self) -> dict[str, Any]:
        """Give this as plain data."""
        return {
            "samples": self.samples,
            "loss": self.loss,
            "chance_loss": self.chance_loss,
            "layers": [each.as_dict() for each in self.layers],
            **({"boundary": asdict(self.boundary)} if self.boundary else {}),
        }

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        """Read what ``as_dict`` gave, but for the boundary."""
        layers = tuple(map(LayerStatistics.of, data["layers"]))
        loss, chance_loss = float(data["loss"]), float(data["chance_loss"])
        return cls(data["samples"], loss, chance_loss, layers)


class Probe:
    """Takes a network's layer statistics on a batch, chunk by chunk.

    Example:
        >>> probe = Probe(network, torch.nn.functional.cross_entropy, len(labels))
        >>> for part in probe.chunks():
        ...     probe.add(inputs[part], labels[part])
        >>> probe.statistics().layers[0].name
        'conv_1'

    Args:
        network: on any device; its weights must stay as they are meanwhile.
        loss: from logits and labels to the mean loss, a scalar tensor.
        samples: how many the probe has.
    """

    def __init__(
        self, network: Network, loss: Callable[[Tensor, Tensor], Tensor], samples: int
    ) -> None:
        self._network = network
        self._loss = loss
        self._samples = samples
        self._mean_loss = 0.0
        self._labels: list[Tensor] = []
        self._normalizations = [each.normalization for each in network.hidden_layers()]
        self._layers = [
            _Layer(each.name, each.weighted, _activity(each), samples)
            for each in network.hidden_layers()
        ]
        self._layers.append(_Layer("output", network.output, OutputActivity(), samples))

    def chunks(self) -> Iterator[slice]:
        """Give the samples that ``add`` takes each time, in order."""
        kinds = {type(each) for each in self._network.modules()}
        dense = nn.Conv2d not in kinds or self._network.output.weight.is_cuda
        batch = any(issubclass(each, RunningStatistics) for each in kinds)
        size = CHUNK if dense or batch else CONVOLUTION_CHUNK
        for start in range(0, self._samples, size):
            yield slice(start, min(start + size, self._samples))

    def add(self, inputs: Tensor, labels: Tensor) -> None:
        """Take in the samples of one chunk: (samples, *input_shape) and (samples,)."""
        weights = [each.weighted.weight for each in self._layers]
        with _probed(self._network), torch.enable_grad():
            z = self._forward(inputs)
            loss = self._loss(z[-1], labels) * (len(labels) / self._samples)
            gradients = torch.autograd.grad(loss, [*z, *weights])
        self._mean_loss += loss.item()
        self._labels.append(labels)
        by_z, by_weight = gradients[: len(z)], gradients[len(z) :]
        for layer, *found in zip(self._layers, z, by_z, by_weight, strict=True):
            layer.add(*found)

    def statistics(self) -> NetworkStatistics:
        """Give what all the chunks come to."""
        layers = tuple(each.statistics() for each in self._layers)
        return NetworkStatistics(self._samples, self._mean_loss, self._chance_loss(), layers)

    def _chance_loss(self) -> float:
        labels = torch.cat(self._labels)
        outputs = self._layers[-1].weighted.weight.shape[0]
        counts = torch.bincount(labels, minlength=max(outputs, 2))
        # One more of each class, so that a class the probe lacks is not thought impossible.
        shares = (counts + 1) / (counts + 1).sum()
        # A softmax gives the shares by their logarithms, sigmoids by their logits.
        forms = [shares.log(), shares.logit()] if outputs > 1 else [shares[1:].logit()]
        losses = [self._loss(each.expand(len(labels), outputs), labels).item() for each in forms]
        return min(losses)

    def _forward(self, inputs: Tensor) -> list[Tensor]:
        """Give each layer's z-values; a model may pool before it activates, so they are caught."""
        z: list[Tensor] = []
        hooks = [
            each.register_forward_hook(lambda _module, _inputs, output: z.append(output))
            for each in self._normalizations
        ]
        try:
            logits = self._network(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return [*z, logits]


class _Layer:
    """Gathers one layer's statistics."""

    def __init__(
        self, name: str, weighted: nn.Linear | nn.Conv2d, activity: Activity, samples: int
    ) -> None:
        self.name = name
        self.weighted = weighted
        self._activity = activity
        self._z, self._activations, self._z_gradients = (Gathering(samples) for _ in range(3))
        self._gradient = torch.zeros_like(weighted.weight)
        self._alive = torch.zeros(_features(weighted), dtype=torch.bool)
        self._saturated = 0

    def add(self, z: Tensor, z_gradient: Tensor, gradient: Tensor) -> None:
        z = z.detach()
        self._z.add(z)
        self._activations.add(self._activity.values(z))
        self._z_gradients.add(z_gradient)
        self._gradient += gradient
        self._saturated += self._activity.count_saturated(z)
        if not self._alive.all():  # mostly the first samples leave no doubt
            slopes = rows_by_feature(self._activity.slopes(z))
            self._alive |= ((slopes.amax(0) != 0) | (slopes.amin(0) != 0)).cpu()

    def statistics(self) -> LayerStatistics:
        z = self._z.distribution()
        alive = self._alive.view(-1, self._activity.pieces).any(1)
        return LayerStatistics(
            name=self.name,
            units=len(alive),
            z=z,
            activation=self._activations.distribution(),
            weight=_distribution(self.weighted.weight.detach()),
            gradient=_distribution(self._gradient),
            z_gradient=self._z_gradients.distribution(),
            signal=self._z.deviations().mean().item(),
            dead_fraction=1 - alive.double().mean().item(),
            saturated_fraction=self._saturated / z.count,
            symmetric=len(alive) > 1 and _symmetric(self.weighted),
        )


def _activity(layer: HiddenLayer) -> HiddenActivity:
    units = _features(layer.weighted) // layer.activation.pieces
    return HiddenActivity(layer.activation, units)


def _features(weighted: nn.Linear | nn.Conv2d) -> int:
    return weighted.weight.shape[0]


def _distribution(weights: Tensor) -> Distribution:
    gathering = Gathering(len(weights))
    gathering.add(weights)
    return gathering.distribution()


def _symmetric(weighted: nn.Linear | nn.Conv2d) -> bool:
    parameters = [weighted.weight.detach()]
    if weighted.bias is not None:
        parameters.append(weighted.bias.detach())
    return all(torch.equal(each, each[:1].expand_as(each)) for each in parameters)


@contextmanager
def _probed(network: Network) -> Iterator[None]:
    """Let normalizations read the batch for a while, and remember nothing of it."""
    training = network.training
    network.train()
    try:
        with running_statistics_frozen(network):
            yield
    finally:
        network.train(training)
