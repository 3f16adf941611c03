"""Probe: takes the layer statistics of a network on a batch of samples.

A probe does not change a bit of the network: dropout is off, batch statistics are the probe's own
and move no running ones, and no parameter's ``grad`` is touched.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from workers.diagnostics.activity import (
    Activity,
    HiddenActivity,
    LinearOutputActivity,
    OutputActivity,
)
from workers.diagnostics.distributions import Distribution, Gathering, rows_by_feature
from workers.diagnostics.guessing import chance_loss, constant_loss
from workers.diagnostics.layers import LayerStatistics, NetworkStatistics
from workers.nn.cells import Cell
from workers.nn.dropouts import AlphaDropout
from workers.nn.losses import Task
from workers.nn.models import HiddenLayer, Network
from workers.nn.normalizations import RunningStatistics, running_statistics_frozen

#: Samples that go through a convolutional network at once on a CPU. With mnist_cnn a probe then
#: takes two thirds of the time it takes with 250, whose tensors do not fit the caches.
CONVOLUTION_CHUNK = 64

#: The same for all other networks. A normalization that uses the statistics of the batch uses those
#: of a chunk: of the whole probe, up to its default size.
CHUNK = 1000


class Probe:
    """Takes a network's layer statistics on a batch of samples, chunk by chunk.

    Example:
        >>> probe = Probe(network, torch.nn.functional.cross_entropy, len(labels))
        >>> for part in probe.chunks():
        ...     probe.add(inputs[part], labels[part])
        >>> probe.statistics().layers[0].name
        'conv_1'

    Args:
        network: on any device; its weights must not change before ``statistics``.
        loss: from logits and labels to the mean loss, a scalar tensor.
        samples: number of samples of the probe.
        label_smoothing: of the loss.
        task: of the loss.
    """

    def __init__(
        self,
        network: Network,
        loss: Callable[[Tensor, Tensor], Tensor],
        samples: int,
        *,
        label_smoothing: float = 0.0,
        task: Task = "classification",
    ) -> None:
        self._network = network
        self._loss = loss
        self._samples = samples
        self._label_smoothing = label_smoothing
        self._task = task
        self._mean_loss = 0.0
        self._labels: list[Tensor] = []
        hidden = network.hidden_layers()
        self._z_values_of = [layer.z_values_of for layer in hidden]
        self._layers = [
            _ProbedLayer(
                layer.name,
                layer.weighted,
                layer.units,
                HiddenActivity(layer.activation, layer.units),
                samples,
                onward=_Onward(layer, to),
            )
            for layer, to in zip(hidden, network.following(), strict=True)
        ]
        output = network.output
        units = len(output.weight)
        activity = LinearOutputActivity() if task == "regression" else OutputActivity()
        self._layers.append(_ProbedLayer("output", output, units, activity, samples))

    def chunks(self) -> Iterator[slice]:
        """Yield the positions of the samples for each call of ``add``, in order."""
        modules = list(self._network.modules())
        dense = self._network.output.weight.is_cuda or not any(
            isinstance(module, nn.Conv2d) for module in modules
        )
        batch = any(isinstance(module, RunningStatistics) for module in modules)
        size = CHUNK if dense or batch else CONVOLUTION_CHUNK
        for start in range(0, self._samples, size):
            yield slice(start, min(start + size, self._samples))

    def add(self, inputs: Tensor, labels: Tensor) -> None:
        """Add the samples of one chunk: (samples, *input_shape) and (samples,)."""
        # Cached: normalized weights are computed once, as the tensors that the gradients are of.
        with _probed(self._network), torch.enable_grad(), parametrize.cached():
            weights = [layer.weighted.weight for layer in self._layers]
            z = self._forward(inputs)
            loss = self._loss(z[-1][0], labels) * (len(labels) / self._samples)
            gradients = iter(torch.autograd.grad(loss, [*chain.from_iterable(z), *weights]))
        self._mean_loss += loss.item()
        self._labels.append(labels)
        by_z = [[next(gradients) for _ in steps] for steps in z]
        for layer, steps, of_steps in zip(self._layers, z, by_z, strict=True):
            layer.add(_joined(steps), _joined(of_steps), next(gradients))

    def statistics(self) -> NetworkStatistics:
        """Return the statistics over all chunks."""
        layers = tuple(layer.statistics() for layer in self._layers)
        return NetworkStatistics(self._samples, self._mean_loss, self._chance_loss(), layers)

    def _chance_loss(self) -> float:
        labels = torch.cat(self._labels)
        if self._task == "regression":
            return constant_loss(self._loss, labels)
        outputs = self._layers[-1].weighted.weight.shape[0]
        return chance_loss(self._loss, labels, outputs, self._label_smoothing)

    def _forward(self, inputs: Tensor) -> list[list[Tensor]]:
        """Return the z-values of each layer, of a recurrent one step by step.

        By hooks: a model may pool before it activates.
        """
        z: list[list[Tensor]] = [[] for _ in self._z_values_of]
        hooks = [
            module.register_forward_hook(
                lambda _module, _inputs, output, steps=steps: steps.append(output)
            )
            for module, steps in zip(self._z_values_of, z, strict=True)
        ]
        try:
            logits = self._network(inputs)
        finally:
            for hook in hooks:
                hook.remove()
        return [*z, [logits]]


class _ProbedLayer:
    """Gathers one layer's statistics."""

    def __init__(
        self,
        name: str,
        weighted: nn.Linear | nn.Conv2d | Cell,
        units: int,
        activity: Activity,
        samples: int,
        *,
        onward: "_Onward | None" = None,
    ) -> None:
        self.name = name
        self.weighted = weighted
        self._activity = activity
        self._onward = onward
        self._z, self._activations, self._z_gradients = (Gathering(samples) for _ in range(3))
        self._gradient = torch.zeros_like(weighted.weight)
        self._alive = torch.full((units * activity.pieces,), not activity.can_die)
        self._squares: Tensor | None = None
        self._samples = samples
        self._saturated = 0
        self._zeros = 0

    def add(self, z: Tensor, z_gradient: Tensor, gradient: Tensor) -> None:
        z = z.detach()
        self._z.add(z)
        activations = self._activity.values(z)
        self._activations.add(activations)
        self._zeros += int((activations == 0).count_nonzero())
        self._z_gradients.add(z_gradient)
        if z_gradient.dim() == 3:
            squares = z_gradient.double().square().sum((0, 1))
            self._squares = squares if self._squares is None else self._squares + squares
        self._gradient += gradient
        self._saturated += self._activity.count_saturated(z)
        if not self._alive.all():  # the first chunk is mostly enough
            slopes = rows_by_feature(self._activity.slopes(z))
            self._alive |= ((slopes.amax(0) != 0) | (slopes.amin(0) != 0)).cpu()

    def statistics(self) -> LayerStatistics:
        z = self._z.distribution()
        alive = self._alive.view(-1, self._activity.pieces).any(1)
        activation = self._activations.distribution()
        silent = activation.min == activation.max == 0
        symmetric = len(alive) > 1 and _symmetric(self.weighted)
        return LayerStatistics(
            name=self.name,
            units=len(alive),
            z=z,
            activation=activation,
            weight=_distribution(self.weighted.weight.detach()),
            gradient=_distribution(self._gradient),
            z_gradient=self._z_gradients.distribution(),
            gradient_by_step=self._by_step(),
            signal=float(self._z.deviations().mean()),
            dead_fraction=1 - alive.double().mean().item(),
            saturated_fraction=self._saturated / z.count,
            sparsity=self._zeros / activation.count,
            symmetric=symmetric,
            symmetry_kept=symmetric
            and (self._onward is None or self._onward.treats_alike(silent=silent)),
        )

    def _by_step(self) -> tuple[float, ...] | None:
        if self._squares is None:
            return None
        return tuple((self._squares / self._samples).sqrt().tolist())


class _Onward:
    """The way from a hidden layer's units to the weights of the next layer.

    ``following`` is None where not one layer alone reads the units, as at a residual block.
    """

    def __init__(self, layer: HiddenLayer, following: nn.Linear | nn.Conv2d | Cell | None) -> None:
        self._units = layer.units
        self._own = layer.weighted if isinstance(layer.weighted, Cell) else None
        self._dropout = layer.dropout
        self._normalized_after = layer.normalized_after
        self._following = following

    def treats_alike(self, *, silent: bool) -> bool:
        """Whether the next layer gets the same of all units, and weighs them the same.

        What is added to a block's input is told apart by it.

        Args:
            silent: whether all activations are zero, of which dropout leaves zeros.
        """
        if self._following is None:
            return False
        if self._dropout is not None and self._dropout.dropped:
            unchanged = isinstance(self._dropout, AlphaDropout) or self._normalized_after
            leaves_zeros = silent and not unchanged
            if not leaves_zeros:
                return False
        if self._own is not None and not _alike(self._own.weight.detach()[:, self._own.inputs :]):
            return False  # the layer's own next step tells them apart
        weight = self._following.weight.detach()
        if isinstance(self._following, nn.Conv2d) and self._following.groups > 1:
            return not weight.any()  # units of other groups are read by other filters
        if isinstance(self._following, Cell):
            weight = weight[:, : self._following.inputs]
        # By unit last: a dense layer reads maps pixel by pixel, the channels innermost.
        by_unit = (
            weight.movedim(1, -1)
            if weight.dim() == 4
            else weight.reshape(len(weight), -1, self._units)
        )
        return _alike(by_unit)


def _alike(weight: Tensor) -> bool:
    """Whether all columns of a weight are equal."""
    return torch.equal(weight, weight[..., :1].expand_as(weight))


def _joined(steps: list[Tensor]) -> Tensor:
    """Return what a layer has at its steps as one tensor, (samples, units, steps)."""
    return steps[0] if len(steps) == 1 else torch.stack(steps, 2)


def _distribution(weights: Tensor) -> Distribution:
    gathering = Gathering(len(weights))
    gathering.add(weights)
    return gathering.distribution()


def _symmetric(weighted: nn.Linear | nn.Conv2d | Cell) -> bool:
    parameters = [weighted.weight.detach()]
    if isinstance(weighted, nn.Conv2d) and weighted.groups > 1 and parameters[0].any():
        return False  # equal filters read different channels
    if weighted.bias is not None:
        parameters.append(weighted.bias.detach())
    gates = len(weighted.gates) if isinstance(weighted, Cell) else 1
    return all(
        torch.equal(rows, rows[:1].expand_as(rows))
        for values in parameters
        for rows in values.chunk(gates)
    )


@contextmanager
def _probed(network: Network) -> Iterator[None]:
    """Make normalizations use the batch's statistics within this context, and keep none of them."""
    training = network.training
    network.train()
    try:
        with running_statistics_frozen(network):
            yield
    finally:
        network.train(training)
