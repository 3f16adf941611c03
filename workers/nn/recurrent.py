"""Recurrent networks: layers of cells, of which the output layer reads the last step."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from workers.nn.cells import CELLS
from workers.nn.dropouts import Keys
from workers.nn.models import HiddenLayer, Network, Parts


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
        self.output: nn.Linear = skip_init(nn.Linear, inputs, parts.outputs)  # type: ignore[no-untyped-call]

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
