"""Rows: a member's state as tensors, one row of each tensor in its lane.

The names of a member's rows are ``parameters``, ``sums`` (of its epoch's metrics), ``updates`` (its
update ratios), ``largest_updates`` (of all epochs until now), ``scaling`` (of its loss; of float16
only), ``optimizer.`` with an optimizer's slot, and ``statistics.`` with the full name of a running
statistic.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from service.specs.spec import RunConfig
from workers.nn.models import Network
from workers.nn.names import below
from workers.nn.packed.layout import Layout
from workers.nn.packed.optimizers import PACKED_OPTIMIZERS
from workers.training.loss_scaling import initial_scaling
from workers.training.steering import Steering
from workers.training.streams import Streams
from workers.training.updates import none_largest, unmeasured

PARAMETERS, SUMS, SCALING = "parameters", "sums", "scaling"
UPDATES, LARGEST_UPDATES = "updates", "largest_updates"
_SLOT, _STATISTICS = "optimizer.", "statistics."


@dataclass(frozen=True)
class Recipe:
    """What a member is trained by. Recipes of one pack agree in what ``specs.packing`` names.

    Attributes:
        config: the member's configuration.
        streams: its random streams.
        network: on the CPU, with its initial weights.
        learning_rate: by epoch (from 1 on) and step of the epoch (from 0 on).
        steps: of an epoch.
        steering: what validation has changed; it moves with the run.
    """

    config: RunConfig
    streams: Streams
    network: Network
    learning_rate: Callable[[int, int], float]
    steps: int
    steering: Steering


def new_rows(recipe: Recipe, sums: int) -> dict[str, Tensor]:
    """Return the rows a member starts with, on the CPU.

    Args:
        recipe: whose network has the initial weights.
        sums: how many sums an epoch gathers.
    """
    parameters = Layout.of(recipe.network).row(dict(recipe.network.named_parameters()))
    optimizer = PACKED_OPTIMIZERS[recipe.config.optimizer.name]
    start = optimizer.start(recipe.config.optimizer.parameters)
    buffers = dict(recipe.network.named_buffers())
    layers = len(recipe.network.hidden_layers()) + 1
    scaled = recipe.config.precision.name == "float16"
    return {
        PARAMETERS: parameters,
        **({SCALING: initial_scaling()} if scaled else {}),
        **{f"{_SLOT}{slot}": torch.full_like(parameters, start) for slot in optimizer.slots},
        **{f"{_STATISTICS}{name}": buffer.clone() for name, buffer in buffers.items()},
        SUMS: torch.zeros(sums, dtype=torch.float64),
        UPDATES: unmeasured(layers),
        LARGEST_UPDATES: none_largest(layers),
    }


def slots_in(rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the optimizer's slots among some rows, by their names."""
    return below(_SLOT, rows)


def statistics_in(rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the running statistics among some rows, by their names in the network."""
    return below(_STATISTICS, rows)


def weights_in(rows: Mapping[str, Tensor], recipe: Recipe) -> dict[str, Tensor]:
    """Return a member's weights and running statistics, by their names in its network."""
    return Layout.of(recipe.network).named(rows[PARAMETERS]) | statistics_in(rows)
