"""One step of a pack: computed at once for the members that are side by side in a lane."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from workers.datasets.dataset import Dataset, Part
from workers.nn.clippings import Clipped
from workers.nn.losses import LOSSES, Loss
from workers.nn.packed.aligned import padded
from workers.nn.packed.clippings import packed_clipping
from workers.nn.packed.layout import Layout
from workers.nn.packed.networks import packed_network
from workers.nn.packed.optimizers import PACKED_OPTIMIZERS, OptimizerRows, PackedOptimizer
from workers.nn.packed.weights import weight_of
from workers.training.assembly import entry
from workers.training.devices import products_of
from workers.training.loss_scaling import move_scaling, scale_of, unscale
from workers.training.packed.cuda_graphs import RecordedStep, StepInputs
from workers.training.packed.rows import (
    PARAMETERS,
    SCALING,
    SUMS,
    UPDATES,
    Recipe,
    slots_in,
    statistics_in,
)
from workers.training.remarks import or_none
from workers.training.updates import update_ratios

#: Elements of a matrix of rows that stay in a core's cache from one operation to the next: half a
#: megabyte together with gradients and slots. Measured: without blocks of this size a step of 32
#: networks of 55,000 parameters takes a sixth longer.
CACHED_ELEMENTS = 32_768


class PackedStep:
    """The step of some members, in the order of their rows.

    Args:
        recipes: of the member of each row.
        data: on the device.
        device: where the rows are.
    """

    def __init__(self, recipes: Sequence[Recipe], data: Dataset, device: torch.device) -> None:
        config = recipes[0].config
        products = products_of(config.precision.name, device)
        self._recipes = recipes
        self._data = data
        self._device = device
        kinds = [str(recipe.config.activation) for recipe in recipes]
        self.network = packed_network(
            [recipe.network for recipe in recipes], kinds, device, products
        )
        self._loss: Loss = entry(LOSSES, config.loss)
        self._optimizer = _optimizer(recipes, device)
        layout = self.network.layout
        at_once = len(recipes) if device.type == "cuda" else max(1, CACHED_ELEMENTS // layout.width)
        self._blocks = [
            _Block(slice(start, start + at_once), recipes[start : start + at_once], layout, device)
            for start in range(0, len(recipes), at_once)
        ]
        #: By the size of the batch: an epoch's last one may be smaller.
        self._recorded: dict[int, RecordedStep] = {}
        self._gradients = torch.zeros(len(recipes), layout.width, device=device)

    def inputs(self, epochs: Sequence[int], step: int, samples: Tensor) -> StepInputs:
        """Return the inputs of a step.

        Args:
            epochs: the epoch of each row's member.
            step: of that epoch.
            samples: (K, B) on the device, positions in the training part.
        """
        rates = self._optimizer.rates(
            [
                recipe.learning_rate(epoch, step)
                for recipe, epoch in zip(self._recipes, epochs, strict=True)
            ],
            [(epoch - 1) * self._recipes[0].steps + step for epoch in epochs],
        )
        return StepInputs(
            samples,
            self._dropout_keys(epochs, step).to(self._device, non_blocking=True),
            torch.tensor(rates).to(self._device, non_blocking=True),
        )

    def _dropout_keys(self, epochs: Sequence[int], step: int) -> Tensor:
        """Return the keys of the dropout layers, (sites, K, 2); empty where nothing is dropped."""
        if not self.network.draws:
            return torch.empty(0, dtype=torch.int64)
        keys = [
            [
                recipe.streams.dropout_key(epoch, step, site)
                for recipe, epoch in zip(self._recipes, epochs, strict=True)
            ]
            for site in self.network.sites
        ]
        return torch.stack([torch.stack(of_site) for of_site in keys])

    def train(self, rows: Mapping[str, Tensor], inputs: StepInputs) -> None:
        """Take a step: change the rows in place, the same ones at each call."""
        if self._device.type != "cuda":
            self.take(rows, inputs)
            return
        size = inputs.samples.shape[1]
        if size not in self._recorded:
            self._recorded[size] = RecordedStep(self.take, rows, inputs)
        self._recorded[size].replay(inputs)

    def train_measured(
        self, rows: Mapping[str, Tensor], inputs: StepInputs, slots: Sequence[int | None]
    ) -> None:
        """Take a step, and keep the update ratios of the rows that have a slot for them."""
        measured = [row for row, slot in enumerate(slots) if slot is not None]
        if not measured:
            self.train(rows, inputs)
            return
        before = or_none("update ratios", lambda: self._weights(rows, measured))
        self.train(rows, inputs)
        ratios = before and or_none(
            "update ratios", lambda: update_ratios(before, self._weights(rows, measured))
        )
        if ratios is None:
            return
        for row, of_row in zip(measured, ratios, strict=True):
            rows[UPDATES][row, slots[row]] = of_row

    def _weights(self, rows: Mapping[str, Tensor], chosen: Sequence[int]) -> list[Tensor]:
        """Return copies of some rows' weights, each layer's as (K, weights)."""
        network = self._recipes[0].network
        layers = [*(layer.name for layer in network.hidden_layers()), "output"]
        places = torch.tensor(chosen, device=rows[PARAMETERS].device)
        views = self.network.layout.views(rows[PARAMETERS])
        return [weight_of(layer, views).index_select(0, places).flatten(1) for layer in layers]

    def take(self, rows: Mapping[str, Tensor], inputs: StepInputs) -> None:
        """Take a step operation by operation.

        The rows are changed only once nothing can fail any more for lack of memory.
        """
        members, batch = inputs.samples.shape
        positions = inputs.samples.flatten()
        samples = self._data.train.inputs.index_select(0, positions)
        samples = samples.view(members, batch, *samples.shape[1:])
        labels = self._data.train.labels.index_select(0, positions).view(members, batch)
        statistics = statistics_in(rows)
        logits, moved, losses = self._backward(rows, statistics, samples, labels, inputs.keys)
        finite = None
        if SCALING in rows:
            finite = unscale(self._gradients, scale_of(rows[SCALING]))
        clipped = [block.clip(rows, self._gradients) for block in self._blocks]
        sums = torch.cat([self._measured(logits, labels, losses), _clipping_columns(clipped)], 1)
        self._optimize(rows, inputs, finite)
        for name, value in moved.items():
            statistics[name].copy_(value)
        rows[SUMS].add_(sums)

    def _optimize(
        self, rows: Mapping[str, Tensor], inputs: StepInputs, finite: Tensor | None
    ) -> None:
        """Take the optimizer's step; with ``finite`` (K,), only the rows where that is true."""
        changed = [] if finite is None else [rows[PARAMETERS], *slots_in(rows).values()]
        before = [row.clone() for row in changed]
        for block in self._blocks:
            block.step(rows, self._gradients, inputs.rates)
        if finite is None:
            return
        for row, old in zip(changed, before, strict=True):
            row.copy_(torch.where(finite.unsqueeze(1), row, old))
        move_scaling(rows[SCALING], finite)

    def _backward(
        self,
        rows: Mapping[str, Tensor],
        statistics: Mapping[str, Tensor],
        inputs: Tensor,
        labels: Tensor,
        keys: Tensor,
    ) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Compute the gradients; return logits, the new running statistics and the losses (K,)."""
        layout = self.network.layout
        leaves = {
            name: view.detach().requires_grad_()
            for name, view in layout.views(rows[PARAMETERS]).items()
        }
        places = layout.views(self._gradients)
        logits, moved = self.network.forward(inputs, leaves, statistics, keys, places)
        losses = self._per_sample(self._loss.per_sample, logits, labels).mean(1)
        scaled = losses * scale_of(rows[SCALING]) if SCALING in rows else losses
        gradients = torch.autograd.grad(scaled.sum(), list(leaves.values()))
        for place, gradient in zip(places.values(), gradients, strict=True):
            if gradient.data_ptr() != place.data_ptr():  # dense layers write theirs in place
                place.copy_(gradient)
        return logits.detach(), moved, losses.detach()

    def _measured(self, logits: Tensor, labels: Tensor, losses: Tensor) -> Tensor:
        """Return the sums of loss and metrics over a batch: (K, metrics) in float64."""
        metrics = [
            self._per_sample(metric, logits, labels).mean(1)
            for metric in self._loss.metrics.values()
        ]
        return torch.stack([losses.double(), *metrics], 1) * labels.shape[1]

    @torch.inference_mode()
    def evaluate(self, rows: Mapping[str, Tensor], part: Part, chunk: slice) -> Tensor:
        """Return the sums of loss and metrics over some samples: (K, metrics) in float64."""
        members = len(rows[PARAMETERS])
        inputs, labels = part.inputs[chunk], part.labels[chunk].expand(members, -1)
        logits, _ = self.network.forward(
            inputs.expand(members, *inputs.shape),
            self.network.layout.views(rows[PARAMETERS]),
            statistics_in(rows),
            None,
        )
        measures = [self._loss.per_sample, *self._loss.metrics.values()]
        return torch.stack(
            [self._per_sample(measure, logits, labels).double().sum(1) for measure in measures], 1
        )

    def _per_sample(
        self, measure: Callable[[Tensor, Tensor], Tensor], logits: Tensor, labels: Tensor
    ) -> Tensor:
        """Measure every sample of every member: (K, B)."""
        members, samples = labels.shape
        measured = measure(padded(logits).flatten(0, 1), padded(labels).flatten())
        return measured.view(members, -1)[:, :samples]


class _Block:
    """Neighbouring rows that are clipped and stepped at once: few enough for the cache."""

    def __init__(
        self, rows: slice, recipes: Sequence[Recipe], layout: Layout, device: torch.device
    ) -> None:
        self._rows = rows
        clipping = recipes[0].config.clipping.name
        numbers = [recipe.config.clipping.parameters for recipe in recipes]
        self._clip = packed_clipping(clipping, numbers, layout, device)
        self._optimizer = _optimizer(recipes, device)
        self._scratch = torch.empty(len(recipes), layout.width, device=device)

    def clip(self, rows: Mapping[str, Tensor], gradients: Tensor) -> Clipped:
        return self._clip(rows[PARAMETERS][self._rows], gradients[self._rows])

    def step(self, rows: Mapping[str, Tensor], gradients: Tensor, rates: Tensor) -> None:
        slots = {name: slot[self._rows] for name, slot in slots_in(rows).items()}
        self._optimizer.step(
            OptimizerRows(
                rows[PARAMETERS][self._rows],
                gradients[self._rows],
                slots,
                rates[:, self._rows].unbind(),
                self._scratch,
            )
        )


def _clipping_columns(clipped: Sequence[Clipped]) -> Tensor:
    """Return norm and whether clipping changed the gradient, of each row: (K, 2) in float64."""
    norms = torch.cat([block.norm for block in clipped])
    changed = torch.cat([block.clipped for block in clipped])
    return torch.stack([norms, changed.double()], 1)


def _optimizer(recipes: Sequence[Recipe], device: torch.device) -> PackedOptimizer:
    numbers = [recipe.config.optimizer.parameters for recipe in recipes]
    return PACKED_OPTIMIZERS[recipes[0].config.optimizer.name](numbers, device)
