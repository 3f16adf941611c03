"""Packed training: several runs trained as one batched job, each as if it were alone."""

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

import torch

from service.specs.spec import RunConfig
from workers.datasets.dataset import Dataset, Part
from workers.diagnostics.layers import NetworkStatistics
from workers.nn.losses import LOSSES, Loss
from workers.nn.models import Network
from workers.nn.products import Products, use_products
from workers.training import solo
from workers.training.assembly import build_network, entry, learning_rates
from workers.training.devices import is_out_of_memory, products_of
from workers.training.metrics import Metrics, diverges
from workers.training.packed.lanes import Lane, Lanes, lane_of_one
from workers.training.packed.members import PackMember
from workers.training.packed.memory import members_that_fit
from workers.training.packed.rows import LARGEST_UPDATES, SUMS, UPDATES, Recipe, new_rows
from workers.training.packed.step import PackedStep
from workers.training.probing import probed, probing_of
from workers.training.remarks import or_none
from workers.training.results import EpochResult, Pulse, Round, StartResult
from workers.training.solo import EVALUATION_BATCH, TRAINING_WORK
from workers.training.steering import Steering
from workers.training.streams import Streams
from workers.training.updates import (
    MeasuredSteps,
    largest_until,
    none_largest,
    unmeasured,
    with_update_ratios,
)


class PackedTraining:
    """Runs that are trained side by side.

    What a member computes is what it would compute alone, bit for bit on a CPU with one thread:
    ``workers.nn.packed`` says how, and tests/workers/training/test_packs.py checks it.

    Members that resumed from checkpoints may be at different steps. Those at the same step form a
    lane, and an epoch is trained lane by lane. A lane that runs out of memory is split in two.

    Args:
        runs: configuration and seed of each; they agree in what ``service.specs.packing.pack_key``
            names.
        data: the configurations' data set; it is moved to the device whole.
        device: where to train.
    """

    def __init__(
        self, runs: Sequence[tuple[RunConfig, int]], data: Dataset, device: torch.device
    ) -> None:
        config = runs[0][0]
        self.data = data.to(device)
        self.device = device
        self._loss: Loss = entry(LOSSES, config.loss)
        self._epochs = config.epochs
        self._batch_size = config.batch_size
        self._steps = math.ceil(len(data.train) / config.batch_size)
        self._metrics = Metrics(self._loss, len(data.train), self._steps, data.targets)
        products = products_of(config.precision.name, device)
        recipes = [_recipe(config, seed, data, self._steps, products) for config, seed in runs]
        self._lanes = Lanes(
            [
                lane_of_one(number, new_rows(recipe, self._metrics.sums), device)
                for number, recipe in enumerate(recipes)
            ],
            width=min(len(runs), members_that_fit(config, device)),
        )
        self.members = [
            PackMember(number, recipe, probing_of(recipe.config, len(data.train)), self._lanes)
            for number, recipe in enumerate(recipes)
        ]
        self._measured = [MeasuredSteps(member.probing, self._steps) for member in self.members]
        self._compiled: dict[Lane, PackedStep] = {}
        #: Statistics of initial networks that are not told yet: they are told together.
        self._starts: dict[int, StartResult] = {}
        self._counted_at = self._pulsed_at = time.monotonic()

    @property
    def width(self) -> int:
        """Most members that are trained at once."""
        return self._lanes.width

    def run(self) -> Iterator[Pulse | Round]:
        """Train from the present state to the end of the last member.

        Yields a round of ``StartResult`` where members are probed at epoch 0: one after each step,
        until all are. Then one of ``EpochResult`` per epoch, and pulses between. A member that has
        diverged, stopped early or trained its last epoch leaves with that round.
        """
        self._go_on()
        for member in self._present():
            if (member.epoch, member.step) == (1, 0) and member.probing.at(0):
                member.start_is_left = True
        if not self._epochs:
            yield from self._probe_starts(whole=True)
        self.leave(
            *(
                member.number
                for member in self._present()
                if member.epoch > self._epochs or member.recipe.steering.stopped
            )
        )
        while self._lanes:
            self._lanes.arrange(lambda number: self.members[number].kind)
            yield from self._train_epoch()
            yield from self._probe_starts(whole=True)
            results = yield from self._conclude_epoch()
            for member in self._present():
                member.epoch += 1
                member.recipe.steering.see(results[member.number].metrics)
            for lane in self._lanes:
                lane.begin_epoch()
            if results:
                yield results
            self._go_on()
            self.leave(*(number for number, result in results.items() if self._ends(result)))

    def leave(self, *members: int) -> None:
        """Take members out, between two rounds or pulses; the others go on."""
        self._lanes.leave(members)

    def _has(self, member: int) -> bool:
        return member in self._lanes.members

    def _present(self) -> list[PackMember]:
        return [self.members[number] for number in self._lanes.members]

    def _probe_starts(self, *, whole: bool = False) -> Iterator[Pulse | Round]:
        """Go on with the statistics of initial networks: of one member, or of all that are left.

        They are told in one round once they are taken of all members that are still there.
        """
        left = [member for member in self._present() if member.start_is_left]
        if not left:
            return
        for member in left:
            if member.number not in self._starts and self._has(member.number):
                self._starts[member.number] = StartResult((yield from self._probe_start(member)))
                if not whole:
                    break
        self._counted_at = time.monotonic()  # this is no part of an epoch's time
        told = {number: start for number, start in self._starts.items() if self._has(number)}
        if any(member.number not in told for member in left if self._has(member.number)):
            return
        self._starts.clear()
        for member in left:
            member.start_is_left = False
        if told:
            yield told
        self._go_on()

    def _probe_start(self, member: PackMember) -> Generator[Pulse, None, NetworkStatistics | None]:
        """Return the layer statistics of a member's initial network."""
        network = or_none("layer statistics", lambda: member.recipe.network.to(self.device))
        if network is None:
            return None
        found = yield from probed(
            network,
            self._loss,
            self.data,
            member.probing.samples,
            lambda: self._pulse(0),
            first=True,
            last=self._epochs == 0,
        )
        layers = len(network.hidden_layers()) + 1
        return with_update_ratios(found, unmeasured(layers), none_largest(layers))

    def _train_epoch(self) -> Iterator[Pulse | Round]:
        """Train lane after lane to the end of its epoch."""
        while waiting := [lane for lane in self._lanes if lane.step < self._steps]:
            lane = waiting[0]
            try:
                yield from self._train_lane(lane)
                continue
            except (RuntimeError, MemoryError) as error:
                _raise_unless_too_wide(error, lane)
            # The step that failed has changed nothing, and its memory is free by now.
            self._lanes.halve(lane)

    def _train_lane(self, lane: Lane) -> Iterator[Pulse | Round]:
        members = [self.members[number] for number in lane.numbers]
        epochs = [member.epoch for member in members]
        step = self._step_of(lane)
        trained = len(self.data.train)
        order = torch.stack(
            [
                member.recipe.streams.order(epoch, trained)
                for member, epoch in zip(members, epochs, strict=True)
            ]
        ).to(self.device)
        while lane.step < self._steps:
            samples = order[:, lane.step * self._batch_size : (lane.step + 1) * self._batch_size]
            inputs = step.inputs(epochs, lane.step, samples)
            slots = [
                self._measured[member.number].slot(epoch, lane.step)
                for member, epoch in zip(members, epochs, strict=True)
            ]
            step.train_measured(lane.rows, inputs, slots)
            lane.step += 1
            done = TRAINING_WORK * min(self._batch_size * lane.step, trained)
            self._add_seconds(lane)
            yield from self._pulse(done, lane)
            yield from self._probe_starts()
            if lane not in self._lanes:  # a member has left
                return

    def _step_of(self, lane: Lane) -> PackedStep:
        """Return the step of a lane's members, which is made once."""
        if lane not in self._compiled:
            recipes = [self.members[number].recipe for number in lane.numbers]
            # Drop the steps of lanes that are gone first: their memory may be needed.
            self._compiled = {
                other: self._compiled[other] for other in self._lanes if other in self._compiled
            }
            self._compiled[lane] = PackedStep(recipes, self.data, self.device)
        return self._compiled[lane]

    def _conclude_epoch(self) -> Generator[Pulse, None, dict[int, EpochResult]]:
        """Evaluate the weights at the end of an epoch and return each member's result."""
        results: dict[int, EpochResult] = {}
        waiting = list(self._lanes)
        while waiting and self._lanes:
            lane = waiting.pop(0)
            try:
                results |= yield from self._conclude_lane(lane)
                continue
            except (RuntimeError, MemoryError) as error:
                _raise_unless_too_wide(error, lane)
            waiting[:0] = self._lanes.halve(lane)
        return (yield from self._with_statistics(results))

    def _conclude_lane(self, lane: Lane) -> Generator[Pulse, None, dict[int, EpochResult]]:
        """Evaluate a lane's weights without changing them, and return its members' results."""
        self._keep_largest_updates(lane)
        results = {}
        validation = yield from self._evaluate(self.data.validation, lane)
        sums = lane.rows[SUMS].tolist()
        for row, number in enumerate(lane.members):
            member = self.members[number]
            metrics = self._metrics.trained(sums[row])
            metrics |= self._metrics.evaluated("validation", validation[row])
            metrics["learning_rate"] = member.recipe.learning_rate(member.epoch, self._steps - 1)
            stops = member.recipe.steering.stops(metrics)
            results[number] = EpochResult(member.epoch, metrics, diverges(metrics), stops)
        ending = [number for number in lane.members if self._ends(results[number])]
        if self.data.test and ending:
            test = yield from self._evaluate(self.data.test, lane)
            for number in ending:
                means = test[lane.members.index(number)]
                results[number].metrics.update(self._metrics.evaluated("test", means))
        self._add_seconds(lane)
        for number in lane.members:
            results[number].metrics["epoch_seconds"] = lane.seconds
        return results

    def _keep_largest_updates(self, lane: Lane) -> None:
        """Keep the update ratios of the rows whose epoch was measured, where they are the largest.

        Repeating this changes nothing.
        """
        members = [self.members[number] for number in lane.numbers]
        measured = [self._measured[member.number].measures(member.epoch) for member in members]
        if not any(measured):
            return
        epochs = torch.tensor([member.epoch for member in members], device=self.device)
        before, ratios = lane.rows[LARGEST_UPDATES], lane.rows[UPDATES]
        chosen = torch.tensor(measured, device=self.device).view(-1, 1, 1)
        largest = largest_until(before, ratios, epochs)
        lane.rows[LARGEST_UPDATES].copy_(torch.where(chosen, largest, before))

    def _with_statistics(
        self, results: dict[int, EpochResult]
    ) -> Generator[Pulse, None, dict[int, EpochResult]]:
        """Add the layer statistics that are due; leave out members that have left meanwhile."""
        completed = {}
        for number, result in results.items():
            member = self.members[number]
            statistics = None
            if self._has(number) and member.probing.at(member.epoch, ending=result.ends_early):
                statistics = yield from self._probe(
                    member, TRAINING_WORK * len(self.data.train), last=self._ends(result)
                )
            completed[number] = replace(result, statistics=statistics)
        return {number: result for number, result in completed.items() if self._has(number)}

    def _ends(self, result: EpochResult) -> bool:
        return result.ends_early or result.epoch == self._epochs

    def _evaluate(self, part: Part, lane: Lane) -> Generator[Pulse, None, list[list[float]]]:
        """Return each row's mean loss and metrics on a part of the data."""
        step = self._step_of(lane)
        sums = torch.zeros(len(lane.numbers), len(self._metrics.names), dtype=torch.float64)
        sums = sums.to(self.device)
        size = EVALUATION_BATCH[self.device.type]
        for start in range(0, len(part), size):
            sums += step.evaluate(lane.rows, part, slice(start, start + size))
            yield from self._pulse(TRAINING_WORK * len(self.data.train) + start, lane)
        means: list[list[float]] = (sums / len(part)).tolist()
        return means

    def _probe(
        self, member: PackMember, work: int, *, last: bool
    ) -> Generator[Pulse, None, NetworkStatistics | None]:
        """Return the layer statistics of a member's weights, taken in a network of its own."""
        network = or_none("layer statistics", lambda: self._network_of(member))
        if network is None:
            return None
        # Read now: the member may leave the pack at a pulse.
        rows = self._lanes.of(member.number).state(member.number)

        def pulse() -> Iterator[Pulse]:
            return self._pulse(work)

        samples = member.probing.samples
        statistics = yield from probed(
            network, self._loss, self.data, samples, pulse, first=False, last=last
        )
        yield from pulse()
        return with_update_ratios(statistics, rows[UPDATES], rows[LARGEST_UPDATES])

    def _network_of(self, member: PackMember) -> Network:
        network = member.recipe.network.to(self.device)
        network.load_state_dict(member.weights())
        return network

    def _pulse(self, work: int, lane: Lane | None = None) -> Iterator[Pulse]:
        """Yield a pulse if one is due; ``work`` is what a lane has done of its epoch."""
        if time.monotonic() - self._pulsed_at < solo.PULSE_SECONDS or not self._lanes:
            return
        if lane is not None:
            self._add_seconds(lane)
        total = TRAINING_WORK * len(self.data.train) + len(self.data.validation)
        yield Pulse(min(member.epoch for member in self._present()), min(work / total, 1.0))
        self._go_on()

    def _add_seconds(self, lane: Lane) -> None:
        """Add the time since it was last counted to a lane's seconds."""
        now = time.monotonic()
        lane.seconds += (now - self._counted_at) / len(lane.members)
        self._counted_at = now

    def _go_on(self) -> None:
        """Begin to count again, after what was no part of the training."""
        self._counted_at = self._pulsed_at = time.monotonic()


def _raise_unless_too_wide(error: Exception, lane: Lane) -> None:
    """Raise an error, unless the memory was too small for a lane that can be split.

    Raises:
        Exception: the error.
    """
    if not is_out_of_memory(error) or len(lane.members) == 1:
        raise error


def _recipe(config: RunConfig, seed: int, data: Dataset, steps: int, products: Products) -> Recipe:
    streams = Streams(seed)
    network = build_network(config, data, streams)
    use_products(network, products)
    steering = Steering(config)
    rate = learning_rates(config, steps, steering)
    return Recipe(config, streams, network, rate, steps, steering)
