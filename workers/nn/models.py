"""Networks: their parts and their hidden layers.

A network is built from its parts without weights; ``nn.initialization`` fills them. Its layers have
the names of layer statistics (``conv_1``, ``dense_1``, ..., ``output``).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from workers.nn.activations import Activation, ActivationFor, is_listened_to
from workers.nn.cells import CELLS, Cell
from workers.nn.dropouts import Dropout, DropoutAt, Keys
from workers.nn.normalizations import Normalization, WeightNorm
from workers.nn.pooling import Pooling
from workers.nn.products import Convolution, Dense


@dataclass(frozen=True)
class Parts:
    """The parts that every layer is built from that states nothing else.

    Attributes:
        input_shape: of one sample, (channels, height, width) for an image.
        outputs: number of output units: one per class, or a single one for two classes.
        activation: from a layer's number of units or channels to a new activation.
        normalization: from a layer's number of features to a new normalization.
        dropout: from a site of the model, counted from 0, to its dropout layer.
        normalized_after: whether the activations are normalized, rather than the weighted sums.
    """

    input_shape: tuple[int, ...]
    outputs: int
    activation: ActivationFor
    normalization: Normalization
    dropout: DropoutAt
    normalized_after: bool = False


class HiddenLayer(NamedTuple):
    """One hidden layer of a network, its modules in the order in which they are computed.

    The normalization is an identity where there is none. It comes before the activation, or after
    it where ``normalized_after``. The z-values are the input of ``activation``. ``dropout`` is None
    where the model has none after the layer.
    """

    name: str
    weighted: nn.Linear | nn.Conv2d | Cell
    normalization: nn.Module
    activation: Activation
    dropout: Dropout | None = None
    normalized_after: bool = False

    @property
    def units(self) -> int:
        """Number of its units or channels."""
        if isinstance(self.weighted, Cell):
            return self.weighted.units
        return self.weighted.weight.shape[0] // self.activation.pieces

    @property
    def z_values_of(self) -> nn.Module:
        """The module whose output is the z-values."""
        return self.weighted if self.normalized_after else self.normalization

    def forward(self, inputs: Tensor) -> Tensor:
        """Return what the layer makes of its inputs, before the dropout."""
        if self.normalized_after:
            values: Tensor = self.normalization(self.activation(self.weighted(inputs)))
        else:
            values = self.activation(self.normalization(self.weighted(inputs)))
        return values

    def forward_pooled(self, inputs: Tensor, pooling: Pooling) -> Tensor:
        """Return the same after a max-pooling."""
        if self.normalized_after:
            return pooling.pooled(self.forward(inputs))
        return pooling.activated(self.activation, self.normalization(self.weighted(inputs)))

    @property
    def stays_narrow(self) -> bool:
        """Whether z-values may be handed on in the narrow type of a convolution's products.

        Not where a normalization computes with them. Somebody who listens to them reads float32, of
        which the gradients are not rounded yet. Dense layers gain nothing by it.
        """
        return (
            isinstance(self.weighted, Convolution)
            and self.weighted.products.narrow
            and type(self.normalization) is nn.Identity
            and not self.normalized_after
            and not is_listened_to(self.normalization)
        )

    def forward_narrow(self, inputs: Tensor, pooling: Pooling | None = None) -> Tensor:
        """Return the activations, pooled; where ``stays_narrow`` and what reads z only chooses.

        They are in the narrow type if the activation only chooses, else float32.

        Args:
            inputs: of the layer.
            pooling: of z-values, where the activation is monotone.
        """
        z: Tensor = self.weighted(inputs, widened=False)
        if self.activation.chooses:
            if pooling is not None:
                return pooling.activated(self.activation, z)
        else:
            z = (z if pooling is None else pooling.pooled(z)).to(torch.float32)
        activations: Tensor = self.activation(z)
        return activations


class Network(nn.Module):
    """A classifier: (batch, *input_shape) to logits (batch, outputs); its last layer is ``output``.

    ``forward`` takes the keys of the dropout layers' random streams at one step; without them
    nothing is dropped.
    """

    output: nn.Linear

    def forward(self, inputs: Tensor, keys: Keys | None = None) -> Tensor:
        raise NotImplementedError

    def hidden_layers(self) -> list[HiddenLayer]:
        """Return the hidden layers from the first to the last."""
        raise NotImplementedError

    def dropouts(self) -> list[Dropout]:
        """Return the dropout layers from the first to the last."""
        return [module for module in self.modules() if isinstance(module, Dropout)]

    def following(self) -> list[nn.Linear | nn.Conv2d | Cell | None]:
        """Return the weights that read each hidden layer; None where not they alone do."""
        return [*(layer.weighted for layer in self.hidden_layers()[1:]), self.output]

    def normalize_weights(self) -> None:
        """Attach weight normalization to each hidden layer that has it."""
        for layer in self.hidden_layers():
            if isinstance(layer.normalization, WeightNorm) and not isinstance(layer.weighted, Cell):
                layer.normalization.attach(layer.weighted)


class Rnn(Network):
    """Recurrent layers, of which the output layer reads the last step.

    Each reads the states of the layer before it at all steps, after dropout. The layers are
    ``recurrent_1``, ``recurrent_2``, ..., ``output``.

    Args:
        parts: of the network.
        cell: the kind of the layers, of ``cells.CELLS``.
        hidden_units: of each recurrent layer, from the first on.
        forget_bias: what the biases of lstm's forget gates start from; None for other cells.
    """

    def __init__(
        self, parts: Parts, *, cell: str, hidden_units: Sequence[int], forget_bias: float | None
    ) -> None:
        super().__init__()
        self._hidden: list[HiddenLayer] = []
        inputs = as_sequence(torch.empty(1, *parts.input_shape)).shape[2]
        for number, units in enumerate(hidden_units, start=1):
            layer = CELLS[cell](inputs, units, parts.activation(units), parts.normalization)
            layer.forget_bias = forget_bias
            dropout = parts.dropout(number - 1)
            self.add_module(f"recurrent_{number}", layer)
            self.add_module(f"dropout_{number}", dropout)
            self._hidden.append(
                HiddenLayer(f"recurrent_{number}", layer, layer.z_values, layer.activation, dropout)
            )
            inputs = units
        self.output = _dense(inputs, parts.outputs)

    def forward(self, inputs: Tensor, keys: Keys | None = None) -> Tensor:
        x = as_sequence(inputs)
        for number, (layer, dropout) in enumerate(self._layers(), start=1):
            states = layer(x)
            x = dropout(states[-1] if number == len(self._hidden) else torch.stack(states, 1), keys)
        logits: Tensor = self.output(x)
        return logits

    def hidden_layers(self) -> list[HiddenLayer]:
        return list(self._hidden)

    def _layers(self) -> Iterator[tuple[nn.Module, nn.Module]]:
        for layer in self._hidden:
            assert layer.dropout is not None  # noqa: S101 - made above
            yield layer.weighted, layer.dropout


def as_sequence(inputs: Tensor) -> Tensor:
    """Return samples as sequences: (batch, steps, features).

    The steps of an image (batch, channels, height, width) are its rows, and those of a vector
    (batch, features) its values; (batch, steps, features) stays as it is.
    """
    if inputs.dim() == 4:
        return inputs.transpose(1, 2).flatten(2)
    return inputs if inputs.dim() == 3 else inputs.unsqueeze(2)


def _dense(inputs: int, outputs: int) -> nn.Linear:
    layer: nn.Linear = skip_init(Dense, inputs, outputs)  # type: ignore[no-untyped-call]
    return layer


#: Models that are no lists of layers.
MODELS: dict[str, Callable[..., Network]] = {"rnn": Rnn}
