"""One step of a pack: what is compiled for the members that stand side by side."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from service.specs.resolution import input_shape, network_of
from service.specs.spec import RunConfig
from workers.datasets import Dataset, Part
from workers.nn.clippings import Clipped
from workers.nn.losses import LOSSES, Loss
from workers.nn.models import Network
from workers.nn.names import below
from workers.nn.packed.aligned import filled_up
from workers.nn.packed.clippings import packed_clipping
from workers.nn.packed.layout import Layout
from workers.nn.packed.networks import packed_network
from workers.nn.packed.optimizers import PACKED_OPTIMIZERS, PackedOptimizer, Rows
from workers.training.assembly import entry
from workers.training.packed.cuda_graphs import Draw, RecordedStep
from workers.training.solo import EVALUATION_BATCH
from workers.training.streams import Streams

#: Names of rows beside the optimizer's slots and the running statistics.
PARAMETERS, SUMS = "parameters", "sums"
_SLOT, _STATISTICS = "optimizer.", "statistics."

#: Elements of a matrix of rows that stay in a core's cache from one operation to the next: half
#: a megabyte with the parameters, gradients and slots beside it. Measured, a step of 32 networks
#: of 55,000 parameters takes a sixth longer without.
CACHED = 32_768

#: Memory that the steps of a pack may take on a CPU, of each worker.
CPU_BYTES = 2**30


@dataclass(frozen=True)
class Recipe:
    """What a member trains by. Recipes of one pack agree in what ``specs.packing`` names."""

    config: RunConfig
    streams: Streams
    network: Network
    learning_rate: Callable[[int, int], float]
    steps: int


class PackedStep:
    """The step of some members, in the order of their rows.

    Args:
        recipes: a member's for each row.
        data: on the device.
        device: where the rows are.
    """

    def __init__(self, recipes: Sequence[Recipe], data: Dataset, device: torch.device) -> None:
        config = recipes[0].config
        self._recipes = recipes
        self._data = data
        self._device = device
        kinds = [str(each.config.activation) for each in recipes]
        self.network = packed_network([each.network for each in recipes], kinds, device)
        self._loss: Loss = entry(LOSSES, config.loss)
        self._optimizer = _optimizer(recipes, device)
        layout = self.network.layout
        at_once = len(recipes) if device.type == "cuda" else max(1, CACHED // layout.width)
        self._blocks = [
            _Block(slice(start, start + at_once), recipes[start : start + at_once], layout, device)
            for start in range(0, len(recipes), at_once)
        ]
        #: By the size of the batch: an epoch's last one may be smaller.
        self._recorded: dict[int, RecordedStep] = {}
        self._gradients = torch.zeros(len(recipes), layout.width, device=device)

    def draw(self, epochs: Sequence[int], step: int, samples: Tensor) -> Draw:
        """Gather what a step takes; ``epochs`` are each row's, ``samples`` (K, B) on the device."""
        rates = self._optimizer.rates(
            [
                each.learning_rate(epoch, step)
                for each, epoch in zip(self._recipes, epochs, strict=True)
            ],
            [(epoch - 1) * self._recipes[0].steps + step for epoch in epochs],
        )
        keys = torch.empty(0, dtype=torch.int64)
        if self.network.draws:
            keys = torch.stack(
                [
                    torch.stack(
                        [
                            each.streams.dropout_key(epoch, step, site)
                            for each, epoch in zip(self._recipes, epochs, strict=True)
                        ]
                    )
                    for site in self.network.sites
                ]
            )
        return Draw(
            samples,
            keys.to(self._device, non_blocking=True),
            torch.tensor(rates).to(self._device, non_blocking=True),
        )

    def train(self, rows: Mapping[str, Tensor], draw: Draw) -> None:
        """Take a step: change the rows in place, always the same ones."""
        if self._device.type != "cuda":
            self._take(rows, draw)
            return
        size = draw.samples.shape[1]
        if size not in self._recorded:
            self._recorded[size] = RecordedStep(self._take, rows, draw)
        self._recorded[size].replay(draw)

    def _take(self, rows: Mapping[str, Tensor], draw: Draw) -> None:
        """Change the rows only once nothing can fail any more for want of memory."""
        members, samples = draw.samples.shape
        flat = draw.samples.flatten()
        inputs = self._data.train.inputs.index_select(0, flat)
        inputs = inputs.view(members, samples, *inputs.shape[1:])
        labels = self._data.train.labels.index_select(0, flat).view(members, samples)
        statistics = below(_STATISTICS, rows)
        logits, moved, losses = self._backward(rows, statistics, inputs, labels, draw.keys)
        clipped = [each.clip(rows, self._gradients) for each in self._blocks]
        metrics = [
            self._each(metric, logits, labels).mean(1) for metric in self._loss.metrics.values()
        ]
        means = torch.stack([losses.double(), *metrics], 1) * samples
        norms = torch.cat([each.norm for each in clipped])
        changed = torch.cat([each.clipped for each in clipped])
        found = torch.cat([means, torch.stack([norms, changed.double()], 1)], 1)
        for each in self._blocks:
            each.step(rows, self._gradients, draw.rates)
        for name, value in moved.items():
            statistics[name].copy_(value)
        rows[SUMS].add_(found)

    def _backward(
        self,
        rows: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],
        inputs: Tensor,
        labels: Tensor,
        keys: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Put the gradients in their place; give logits, moved running statistics and losses."""
        layout = self.network.layout
        leaves = {
            name: each.detach().requires_grad_()
            for name, each in layout.views(rows[PARAMETERS]).items()
        }
        places = layout.views(self._gradients)
        logits, moved = self.network.forward(inputs, leaves, statistics, keys, places)
        losses = self._each(self._loss.each, logits, labels).mean(1)
        found = torch.autograd.grad(losses.sum(), list(leaves.values()))
        for place, gradient in zip(places.values(), found, strict=True):
            if gradient.data_ptr() != place.data_ptr():  # dense layers put theirs there
                place.copy_(gradient)
        return logits.detach(), moved, losses.detach()

    @torch.inference_mode()
    def evaluate(self, rows: Mapping[str, Tensor], part: Part, chunk: slice) -> Tensor:
        """Give the summed loss and metrics of some samples: (K, metrics) in float64."""
        members = len(rows[PARAMETERS])
        inputs, labels = part.inputs[chunk], part.labels[chunk].expand(members, -1)
        logits, _ = self.network.forward(
            inputs.expand(members, *inputs.shape),
            self.network.layout.views(rows[PARAMETERS]),
            below(_STATISTICS, rows),
            None,
        )
        measures = [self._loss.each, *self._loss.metrics.values()]
        return torch.stack(
            [self._each(each, logits, labels).double().sum(1) for each in measures], 1
        )

    def _each(
        self, measure: Callable[[Tensor, Tensor], Tensor], logits: Tensor, labels: Tensor
    ) -> Tensor:
        """Measure every sample of every member: (K, B)."""
        members, samples = labels.shape
        found = measure(filled_up(logits).flatten(0, 1), filled_up(labels).flatten())
        return found.view(members, -1)[:, :samples]


class _Block:
    """Neighbouring rows that are clipped and stepped at once: few enough for the cache."""

    def __init__(
        self, rows: slice, recipes: Sequence[Recipe], layout: Layout, device: torch.device
    ) -> None:
        self._rows = rows
        clipping = recipes[0].config.clipping.name
        numbers = [each.config.clipping.parameters for each in recipes]
        self._clip = packed_clipping(clipping, numbers, layout, device)
        self._optimizer = _optimizer(recipes, device)
        self._scratch = torch.empty(len(recipes), layout.width, device=device)

    def clip(self, rows: Mapping[str, Tensor], gradients: Tensor) -> Clipped:
        return self._clip(rows[PARAMETERS][self._rows], gradients[self._rows])

    def step(self, rows: Mapping[str, Tensor], gradients: Tensor, rates: Tensor) -> None:
        slots = {name: each[self._rows] for name, each in below(_SLOT, rows).items()}
        self._optimizer.step(
            Rows(
                rows[PARAMETERS][self._rows],
                gradients[self._rows],
                slots,
                rates[:, self._rows].unbind(),
                self._scratch,
            )
        )


def _optimizer(recipes: Sequence[Recipe], device: torch.device) -> PackedOptimizer:
    numbers = [each.config.optimizer.parameters for each in recipes]
    return PACKED_OPTIMIZERS[recipes[0].config.optimizer.name](numbers, device)


def fitting(config: RunConfig, device: torch.device) -> int:
    """Give how many members fit into the memory that a pack's step may take, at least one.

    An estimate: a step keeps the inputs, and of every z-value about six tensors (activations,
    masks, gradients); every parameter is there in a row, its gradient, slots and network.
    """
    network = network_of(config.dataset, config.model, config.activation)
    sample = math.prod(input_shape(config.dataset)) + 6 * network.values
    at_once = max(config.batch_size, EVALUATION_BATCH[device.type])
    needed = 4 * (at_once * sample + 6 * network.parameters)
    memory = CPU_BYTES if device.type == "cpu" else _free(device) // 2
    return max(1, memory // needed)


def _free(device: torch.device) -> int:
    """Count the bytes free on a CUDA device, those too that torch keeps of what is used no more."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept


def new_rows(recipe: Recipe, measured: int) -> dict[str, Tensor]:
    """Give the rows a member starts with, on the CPU.

    Args:
        recipe: whose network holds the initial weights.
        measured: how many sums an epoch gathers.
    """
    parameters = Layout.of(recipe.network).row(dict(recipe.network.named_parameters()))
    numbers = recipe.config.optimizer.parameters
    optimizer = PACKED_OPTIMIZERS[recipe.config.optimizer.name]
    start = optimizer.start(numbers)
    return {
        PARAMETERS: parameters,
        **{f"{_SLOT}{slot}": torch.full_like(parameters, start) for slot in optimizer.slots},
        **{_STATISTICS + name: each.clone() for name, each in recipe.network.named_buffers()},
        SUMS: torch.zeros(measured, dtype=torch.float64),
    }


def weights_of(recipe: Recipe, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name the weights and running statistics in a member's rows as its network does."""
    named = Layout.of(recipe.network).named(rows[PARAMETERS])
    return named | below(_STATISTICS, rows)
