"""Solo training: one run trained by itself, as a generator that yields its history."""

import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace

import torch
from torch import Tensor

from service.specs.spec import RunConfig
from workers.datasets.dataset import Dataset, Part
from workers.diagnostics.layers import NetworkStatistics
from workers.nn.clippings import CLIPPINGS, Clipping
from workers.nn.losses import LOSSES, Loss
from workers.nn.models import Network
from workers.nn.names import below
from workers.nn.products import use_products
from workers.training import devices
from workers.training.assembly import (
    build_network,
    build_optimizer,
    entry,
    learning_rates,
    pruning_of,
)
from workers.training.loss_scaling import (
    KeptTensors,
    initial_scaling,
    move_scaling,
    scale_of,
    unscale_network,
)
from workers.training.metrics import Metrics, diverges
from workers.training.probing import probed, probing_of
from workers.training.remarks import or_none
from workers.training.results import START_IS_LEFT, EpochResult, Pulse, StartResult
from workers.training.steering import Steering
from workers.training.streams import Streams
from workers.training.updates import (
    MeasuredSteps,
    largest_until,
    none_largest,
    unmeasured,
    update_ratios,
    with_update_ratios,
)

#: Time between two pulses; a step that takes longer delays the next one.
PULSE_SECONDS = 0.5

_StartProbe = Generator[Pulse, None, NetworkStatistics | None]

#: Samples evaluated at once. On a CPU few enough for the caches: with 1,000 a whole epoch of
#: mnist_cnn takes 1 to 3% longer.
EVALUATION_BATCH = {"cpu": 200, "cuda": 2000}

#: Most outputs that an evaluation keeps for the probe after it: 16 MB.
_MOST_KEPT_OUTPUTS = 4_000_000

#: Work of training on a sample, in evaluations of it: one pass forward, and twice that backward.
TRAINING_WORK = 3


def train(
    config: RunConfig,
    seed: int,
    data: Dataset,
    device: torch.device,
    threads: int | None = None,
) -> Iterator[Pulse | StartResult | EpochResult]:
    """Train one run.

    Yields one ``EpochResult`` per epoch, and pulses between; closing the generator stops the
    training. Where layer statistics are taken a ``StartResult`` comes first: its statistics are
    taken of a copy of the initial network, a chunk of samples after each of the first steps.

    Metrics of an epoch:

    - ``loss``, ``accuracy``: running means over the epoch's batches while the weights move, with
      dropout, as Keras reports them.
    - ``val_loss``, ``val_accuracy``: of the weights at the end of the epoch.
    - ``learning_rate``: of the last step.
    - ``gradient_norm``: mean over steps of the global norm before clipping.
    - ``clipped_fraction``: share of the steps at which clipping changed the gradient.
    - ``epoch_seconds``: training and evaluation, without layer statistics and without the time in
      which the caller holds the generator.
    - ``binary_accuracy``, ``val_binary_accuracy``: with binary_crossentropy.
    - ``val_mae``, ``val_rmse``, ``val_r2``: where targets are numbers, in place of accuracies.
    - ``test_loss``, ``test_accuracy`` and the others of ``test``: of the last epoch of a run with
      a validation split.

    The same arguments on the same engine (``devices.describe``) give the same bits.

    Args:
        config: a resolved configuration.
        seed: of the run's random streams.
        data: the configuration's data set; it is moved to the device whole.
        device: where to train.
        threads: how many to compute with on a CPU; decides the last bits, and is set for the whole
            process.
    """
    devices.prepare(device, threads, config.precision.name)
    yield from SoloTraining(config, seed, data, device).run()


class SoloTraining:
    """A run in training, and its whole state between two steps.

    The state is ``network``, ``optimizer``, ``epoch`` (being trained, from 1 on), ``step`` (of the
    epoch, the next to take), ``sums`` and ``seconds`` (of the epoch so far), ``updates`` (the
    update ratios of the latest epoch measured), ``largest_updates`` (of all until then),
    ``scaling`` (of the loss; None unless the precision is float16), ``steering`` and whether
    ``start`` is left, which takes the statistics of the initial network. Everything else follows
    from the arguments, so an exact resume needs no more than ``state`` and ``restore``, at any
    pulse or result.

    Args:
        config: a resolved configuration.
        seed: of the run's random streams.
        data: the configuration's data set; it is moved to the device whole.
        device: where to train.
        final: the weights that the run of the configuration's ticket ended with, by name; None
            where the configuration has none.
    """

    def __init__(
        self,
        config: RunConfig,
        seed: int,
        data: Dataset,
        device: torch.device,
        final: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.config = config
        self.data = data.to(device)
        self.device = device
        self.streams = Streams(seed)
        first = self.streams
        if config.ticket is not None and config.ticket.seed is not None:
            first = Streams(config.ticket.seed)
        self.network = build_network(config, data, first).to(device)
        self._pruning = pruning_of(config, self.network, final)
        use_products(self.network, devices.products_of(config.precision.name, device))
        scaled = config.precision.name == "float16"
        self.scaling = initial_scaling().to(device) if scaled else None
        self.optimizer = build_optimizer(config, self.network)
        self.loss: Loss = entry(LOSSES, config.loss)
        self.clip: Clipping = entry(CLIPPINGS, config.clipping)
        self.probing = probing_of(config, len(data.train))
        self.steps = math.ceil(len(data.train) / config.batch_size)
        self.metrics = Metrics(self.loss, len(data.train), self.steps, data.targets)
        self.steering = Steering(config)
        self._learning_rate = learning_rates(config, self.steps, self.steering)
        self.epoch = 1
        self.step = 0
        self.sums = self._zeros(self.metrics.sums)
        self.seconds = 0.0
        self._weighted = [layer.weighted for layer in self.network.hidden_layers()]
        self._weighted.append(self.network.output)
        self._measured = MeasuredSteps(self.probing, self.steps)
        self.updates = unmeasured(len(self._weighted)).to(device)
        self.largest_updates = none_largest(len(self._weighted)).to(device)
        #: None where the statistics of the initial network are taken, or not wanted.
        self.start: _StartProbe | None = None
        self._counted_at = self._pulsed_at = time.monotonic()

    def run(self) -> Iterator[Pulse | StartResult | EpochResult]:
        """Train from the present state to the end; see ``train``."""
        self._go_on()
        if (self.epoch, self.step) == (1, 0) and self.probing.at(0):
            self.start = self._start_probe()
        if not self.config.epochs:
            yield from self._probe_start(whole=True)
        while self.epoch <= self.config.epochs and not self.steering.stopped:
            yield from self._train_epoch()
            result = yield from self._conclude_epoch()
            self.steering.see(result.metrics)
            self.epoch, self.step, self.seconds = self.epoch + 1, 0, 0.0
            self.sums.zero_()
            yield result
            self._go_on()
            if result.diverged:
                return

    def state(self) -> dict[str, Tensor]:
        """Return a copy of the state: named, contiguous tensors on the CPU."""
        optimizer = {
            f"optimizer.{name}.{key}": value
            for name, parameter in self.network.named_parameters()
            for key, value in self.optimizer.state[parameter].items()
        }
        network = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        progress = {
            "epoch": torch.tensor(self.epoch),
            "step": torch.tensor(self.step),
            "seconds": torch.tensor(self.seconds, dtype=torch.float64),
            "sums": self.sums,
            "updates": self.updates,
            "largest_updates": self.largest_updates,
        }
        if self.scaling is not None:
            progress["scaling"] = self.scaling
        if self.start is not None:
            progress[START_IS_LEFT] = torch.tensor(True)
        return _copied({**network, **optimizer, **progress, **self.steering.state()})

    def weights(self) -> dict[str, Tensor]:
        """Return a copy of the weights and running statistics, by their names in the network."""
        return _copied(self.network.state_dict())

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the state to what ``state`` returned for a training of the same arguments."""
        self.epoch, self.step = int(state["epoch"]), int(state["step"])
        self.seconds = float(state["seconds"])
        self.sums.copy_(state["sums"])
        self.updates.copy_(state["updates"])
        if "largest_updates" in state:  # checkpoints of an older version have none
            self.largest_updates.copy_(state["largest_updates"])
        if self.scaling is not None:
            self.scaling.copy_(state["scaling"])
        self.steering.restore(state)
        if START_IS_LEFT in state:
            self.start = self._start_probe()  # of the initial weights, which are still here
        self.network.load_state_dict(below("network.", state))
        for name, parameter in self.network.named_parameters():
            # In the parameter's own memory layout, which fused optimizers require.
            self.optimizer.state[parameter] = {
                key: torch.empty_like(parameter).copy_(value).detach()
                if value.shape == parameter.shape
                else value.to(self.device, copy=True)
                for key, value in below(f"optimizer.{name}.", state).items()
            }

    def _train_epoch(self) -> Iterator[Pulse | StartResult]:
        size = self.config.batch_size
        order = self.streams.order(self.epoch, len(self.data.train)).to(self.device)
        self.network.train()
        while self.step < self.steps:
            self.train_step(order[self.step * size : (self.step + 1) * size])
            self.step += 1
            yield from self._pulse(self._trained_work())
            yield from self._probe_start()
        yield from self._probe_start(whole=True)

    def _trained_work(self) -> int:
        """Return what the steps of this epoch have done until now, in evaluations of a sample."""
        return TRAINING_WORK * min(self.config.batch_size * self.step, len(self.data.train))

    def _start_probe(self) -> _StartProbe:
        """Return what takes the statistics of a copy of the present network, chunk by chunk."""
        return self._probed_start(or_none("layer statistics", lambda: deepcopy(self.network)))

    def _probed_start(self, network: Network | None) -> _StartProbe:
        if network is None:
            return None
        return (
            yield from probed(
                network,
                self.loss,
                self.data,
                self.probing.samples,
                lambda: iter((Pulse(1, 0.0),)),  # at each chunk, so that training may go on there
                first=True,
                last=self.config.epochs == 0,
            )
        )

    def _probe_start(self, *, whole: bool = False) -> Iterator[Pulse | StartResult]:
        """Go on with the statistics of the initial network: one chunk, or all that are left.

        This takes none of the epoch's seconds.
        """
        if self.start is None:
            return
        self._count()
        while True:
            try:
                next(self.start)
            except StopIteration as end:
                self.start = None
                layers = len(self._weighted)
                none = with_update_ratios(end.value, unmeasured(layers), none_largest(layers))
                yield StartResult(none)
                self._go_on()
                return
            self._counted_at = time.monotonic()
            yield from self._pulse(self._trained_work())
            if not whole:
                return

    def train_step(self, samples: Tensor) -> None:
        """Take a step on the training samples at these positions; nothing waits for the device."""
        inputs = self.data.train.inputs.index_select(0, samples)
        labels = self.data.train.labels.index_select(0, samples)
        self.optimizer.zero_grad()
        logits = self.network(inputs, self.streams.dropout(self.epoch, self.step))
        loss = self.loss.function(logits, labels)
        finite = self._backward(loss)
        if self._pruning is not None:
            self._pruning.stop_gradients()
        clipped = self.clip(self.network)
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(self.epoch, self.step)
        self._take_step(finite)
        means = self._measure(loss.detach(), logits.detach(), labels) * len(labels)
        self.sums += torch.cat([means, torch.stack([clipped.norm, clipped.clipped.double()])])

    def _backward(self, loss: Tensor) -> Tensor | None:
        """Compute the gradients; return whether they are finite where the loss is scaled."""
        if self.scaling is None:
            loss.backward()  # type: ignore[no-untyped-call]
            return None
        scale = scale_of(self.scaling)
        (loss * scale).backward()  # type: ignore[no-untyped-call]
        finite = unscale_network(self.network, scale)
        move_scaling(self.scaling, finite)
        return finite

    def _take_step(self, finite: Tensor | None) -> None:
        slot = self._measured.slot(self.epoch, self.step)
        if slot is None:
            self._optimize(finite)
            return
        before = or_none("update ratios", self._copied_weights)
        self._optimize(finite)
        after = [layer.weight.detach().flatten() for layer in self._weighted]
        if before is None:
            return
        ratios = or_none("update ratios", lambda: update_ratios(before, after))
        if ratios is not None:
            self.updates[slot] = ratios

    def _optimize(self, finite: Tensor | None) -> None:
        """Take the optimizer's step; with ``finite``, undo it unless that is true."""
        kept = None if finite is None else KeptTensors(self.optimizer)
        self.optimizer.step()
        if kept is not None and finite is not None:
            kept.restore_unless(finite)

    def _copied_weights(self) -> list[Tensor]:
        return [layer.weight.detach().clone().flatten() for layer in self._weighted]

    def _measure(self, loss: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """Return a batch's mean loss and metrics in the order of their names, float64."""
        metrics = [metric(logits, labels).mean() for metric in self.loss.metrics.values()]
        return torch.stack([loss.double(), *metrics])

    def _conclude_epoch(self) -> Generator[Pulse, None, EpochResult]:
        """Evaluate the weights at the end of an epoch and return its result."""
        if self._measured.measures(self.epoch):
            epoch = torch.tensor(self.epoch, device=self.device)
            self.largest_updates = largest_until(self.largest_updates, self.updates, epoch)
        work = TRAINING_WORK * len(self.data.train)
        kept = self._kept_outputs()
        validation = yield from self._evaluate(self.data.validation, work, kept)
        metrics = self.metrics.trained(self.sums.tolist())
        metrics |= self.metrics.evaluated("validation", validation)
        result = EpochResult(self.epoch, metrics, diverges(metrics), self.steering.stops(metrics))
        last = result.ends_early or self.epoch == self.config.epochs
        if self.data.test and last:
            work += len(self.data.validation)
            test = yield from self._evaluate(self.data.test, work)
            metrics |= self.metrics.evaluated("test", test)
        metrics["learning_rate"] = self._learning_rate(self.epoch, self.steps - 1)
        self._count()
        metrics["epoch_seconds"] = self.seconds
        statistics = None
        if self.probing.at(self.epoch, ending=result.ends_early):
            work += len(self.data.validation)
            statistics = yield from self._probe(work, last=last, validated=kept)
        return replace(result, statistics=statistics)

    def _kept_outputs(self) -> list[Tensor] | None:
        """Return a list for the outputs of an evaluation where its probe needs them, else None.

        An evaluation of the last epoch is then not repeated. Very many outputs are not kept, and
        targets that are numbers have none.
        """
        count = len(self.data.validation) * self.data.classes
        is_last = self.epoch == self.config.epochs and self.probing.at(self.epoch)
        return [] if is_last and 0 < count <= _MOST_KEPT_OUTPUTS else None

    def _probe(
        self,
        work: int,
        *,
        last: bool,
        validated: Sequence[Tensor] | None = None,
    ) -> Generator[Pulse, None, NetworkStatistics | None]:
        """Return the statistics of the weights at the end of an epoch."""
        found = yield from probed(
            self.network,
            self.loss,
            self.data,
            self.probing.samples,
            lambda: self._pulse(work),
            first=False,
            last=last,
            validated=validated,
        )
        return with_update_ratios(found, self.updates, self.largest_updates)

    def _evaluate(
        self, part: Part, work: int, kept: list[Tensor] | None = None
    ) -> Generator[Pulse, None, list[float]]:
        """Return the mean loss and metrics of the present weights on a part of the data.

        Args:
            part: of the data.
            work: what the epoch has done before, in evaluations of a sample.
            kept: takes the outputs, chunk after chunk.
        """
        self.network.eval()
        sums = self._zeros(len(self.metrics.names))
        size = EVALUATION_BATCH[self.device.type]
        for start in range(0, len(part), size):
            inputs, labels = part.inputs[start : start + size], part.labels[start : start + size]
            with torch.inference_mode():
                logits = self.network(inputs)
                loss = self.loss.function(logits, labels)
                sums += self._measure(loss, logits, labels) * len(labels)
            if kept is not None:
                kept.append(logits)
            yield from self._pulse(work + start + len(labels))
        means: list[float] = (sums / len(part)).tolist()
        return means

    def _pulse(self, work: int) -> Iterator[Pulse]:
        """Yield a pulse if one is due; ``work`` is what the epoch has done, in evaluations."""
        if time.monotonic() - self._pulsed_at < PULSE_SECONDS:
            return
        total = TRAINING_WORK * len(self.data.train) + len(self.data.validation)
        if self.data.test and self.epoch == self.config.epochs:
            total += len(self.data.test)
        self._count()
        yield Pulse(self.epoch, min(work / total, 1.0))
        self._go_on()

    def _count(self) -> None:
        """Add the time since it was last counted to the epoch's seconds."""
        now = time.monotonic()
        self.seconds += now - self._counted_at
        self._counted_at = now

    def _go_on(self) -> None:
        """Begin to count again, after what was no part of the training."""
        self._counted_at = self._pulsed_at = time.monotonic()

    def _zeros(self, count: int) -> Tensor:
        return torch.zeros(count, dtype=torch.float64, device=self.device)


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies of tensors on the CPU, contiguous."""
    layout = torch.contiguous_format
    return {
        name: tensor.detach().cpu().clone(memory_format=layout) for name, tensor in tensors.items()
    }
