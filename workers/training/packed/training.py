"""Packs: several runs trained as one batched job, each as if it were alone."""

import math
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from service.specs.spec import RunConfig
from workers.datasets import Dataset, Part
from workers.diagnostics.layers import NetworkStatistics
from workers.nn.losses import LOSSES, Loss
from workers.training import solo
from workers.training.assembly import build_network, entry, learning_rates
from workers.training.devices import is_out_of_memory
from workers.training.metrics import Metrics, diverges
from workers.training.packed.lanes import Lane, joined, lane_of_one
from workers.training.packed.members import Member
from workers.training.packed.step import SUMS, PackedStep, Recipe, fitting, new_rows
from workers.training.probing import probed, probing_of
from workers.training.results import EpochResult, Pulse, Start
from workers.training.solo import EVALUATION_BATCH, TRAINING_WORK
from workers.training.streams import Streams

#: What one round of a pack gives: a result of each of its members, by their number.
Round = Mapping[int, Start] | Mapping[int, EpochResult]


class PackedTraining:
    """Runs in training side by side.

    What a member computes is what it would compute alone, bit for bit on a CPU with one thread:
    ``workers.nn.packed`` says how, and tests/workers/training/test_packs.py holds it.

    Members that go on from checkpoints may stand at different steps. Those at one step make a
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
        self.data = data.to(device)
        self.device = device
        self._loss: Loss = entry(LOSSES, runs[0][0].loss)
        self._batch_size = runs[0][0].batch_size
        self._steps = math.ceil(len(data.train) / self._batch_size)
        self._metrics = Metrics(self._loss, len(data.train), self._steps)
        recipes = [_recipe(config, seed, data, self._steps) for config, seed in runs]
        #: One list for good: the members find themselves in it.
        self._lanes = [
            lane_of_one(number, new_rows(recipe, self._metrics.sums), device)
            for number, recipe in enumerate(recipes)
        ]
        self.members = [
            Member(number, recipe, probing_of(recipe.config, len(data.train)), self._lanes)
            for number, recipe in enumerate(recipes)
        ]
        self._steps_of: dict[Lane, PackedStep] = {}
        #: Most members of a lane; halved where memory runs out.
        self.width = min(len(runs), fitting(runs[0][0], device))
        self._running_since = time.monotonic()

    def run(self) -> Iterator[Pulse | Round]:
        """Train from the present state to the end of the last member.

        Yields a round of ``Start`` where members are probed before their first step, then one of
        ``EpochResult`` an epoch, and pulses between. A member that has diverged or trained its
        last epoch is gone with the next step.
        """
        self._running_since = time.monotonic()
        new = [each for each in self._present() if (each.epoch, each.step) == (1, 0)]
        if starting := [each for each in new if each.probing.at(0)]:
            starts = {}
            for each in starting:
                if not self._has(each.number):  # left at a pulse
                    continue
                starts[each.number] = Start((yield from self._probe(each, 0)))
            yield {number: start for number, start in starts.items() if self._has(number)}
            self._running_since = time.monotonic()
        for each in self._present():
            if each.epoch > each.recipe.config.epochs:
                self.leave(each.number)
        while self._lanes:
            self._arrange()
            yield from self._train_epoch()
            results = yield from self._conclude_epoch()
            for each in self._present():
                each.epoch += 1
            for lane in self._lanes:
                lane.begin_epoch()
            if results:
                yield results
            self._running_since = time.monotonic()
            for number, result in results.items():
                if self._ends(result):
                    self.leave(number)

    def leave(self, member: int) -> None:
        """Take a member out, between two results or pulses; the others go on."""
        lanes = []
        for lane in self._lanes:
            rest = [each for each in lane.members if each != member]
            if rest:
                lanes.append(lane if rest == lane.members else lane.taken(rest))
        self._lanes[:] = lanes

    def _has(self, member: int) -> bool:
        return any(member in each.members for each in self._lanes)

    def _present(self) -> list[Member]:
        return [self.members[each] for lane in self._lanes for each in lane.members]

    def _arrange(self) -> None:
        """Put members at one step side by side, equal activations as neighbours."""
        if len(self._lanes) == math.ceil(len(self._present()) / self.width):
            return
        arranged = []
        for step in sorted({each.step for each in self._lanes}):
            alike = [each for each in self._lanes if each.step == step]
            whole = joined(alike)
            members = sorted(whole.members, key=lambda each: (self.members[each].kind, each))
            arranged += [
                whole.taken(members[start : start + self.width])
                for start in range(0, len(members), self.width)
            ]
        self._lanes[:] = arranged

    def _train_epoch(self) -> Iterator[Pulse]:
        """Train lane after lane to the end of its epoch."""
        while waiting := [each for each in self._lanes if each.step < self._steps]:
            lane = waiting[0]
            try:
                yield from self._train_lane(lane)
                continue
            except (RuntimeError, MemoryError) as error:
                _only_too_wide(error, lane)
            self._halve(lane)  # the step that failed has changed nothing, and its memory is free

    def _halve(self, lane: Lane) -> tuple[Lane, Lane]:
        """Put two lanes in the place of one, for which the memory was too small."""
        halves = lane.halves()
        self.width = len(halves[0].members)
        if lane in self._lanes:
            at = self._lanes.index(lane)
            self._lanes[at : at + 1] = halves
        return halves

    def _train_lane(self, lane: Lane) -> Iterator[Pulse]:
        members = [self.members[each] for each in lane.numbers]
        epochs = [each.epoch for each in members]
        step = self._compiled(lane)
        trained = len(self.data.train)
        order = torch.stack(
            [
                each.recipe.streams.order(epoch, trained)
                for each, epoch in zip(members, epochs, strict=True)
            ]
        ).to(self.device)
        while lane.step < self._steps:
            samples = order[:, lane.step * self._batch_size : (lane.step + 1) * self._batch_size]
            step.train(lane.rows, step.draw(epochs, lane.step, samples))
            lane.step += 1
            done = TRAINING_WORK * min(self._batch_size * lane.step, trained)
            yield from self._pulse(done, lane)
            if lane not in self._lanes:  # a member has left
                return
        self._spend(lane)

    def _compiled(self, lane: Lane) -> PackedStep:
        """Give the step of a lane's members, made once."""
        if lane not in self._steps_of:
            recipes = [self.members[each].recipe for each in lane.numbers]
            # First without those of lanes that are gone: their memory may be needed.
            self._steps_of = {
                each: self._steps_of[each] for each in self._lanes if each in self._steps_of
            }
            self._steps_of[lane] = PackedStep(recipes, self.data, self.device)
        return self._steps_of[lane]

    def _conclude_epoch(self) -> Generator[Pulse, None, dict[int, EpochResult]]:
        """Evaluate the weights an epoch ended with and gather each member's metrics."""
        results: dict[int, EpochResult] = {}
        waiting = list(self._lanes)
        while waiting and self._lanes:
            lane = waiting.pop(0)
            try:
                results |= yield from self._conclude_lane(lane)
                continue
            except (RuntimeError, MemoryError) as error:
                _only_too_wide(error, lane)
            waiting[:0] = self._halve(lane)
        return (yield from self._probed(results))

    def _conclude_lane(self, lane: Lane) -> Generator[Pulse, None, dict[int, EpochResult]]:
        """Evaluate a lane's rows, which that does not change."""
        results = {}
        validation = yield from self._evaluate(self.data.validation, lane)
        sums = lane.rows[SUMS].tolist()
        for row, number in enumerate(lane.members):
            member = self.members[number]
            metrics = self._metrics.trained(sums[row])
            metrics |= self._metrics.evaluated("val", validation[row])
            metrics["learning_rate"] = member.recipe.learning_rate(member.epoch, self._steps - 1)
            results[number] = EpochResult(member.epoch, metrics, diverges(metrics))
        ending = [each for each in lane.members if self._ends(results[each])]
        if self.data.test and ending:
            test = yield from self._evaluate(self.data.test, lane)
            for number in ending:
                means = test[lane.members.index(number)]
                results[number].metrics.update(self._metrics.evaluated("test", means))
        self._spend(lane)
        for number in lane.members:
            results[number].metrics["epoch_seconds"] = lane.seconds
        return results

    def _probed(
        self, results: dict[int, EpochResult]
    ) -> Generator[Pulse, None, dict[int, EpochResult]]:
        """Add the layer statistics that are due; leave out who has left meanwhile."""
        probed = {}
        for number, result in results.items():
            member = self.members[number]
            statistics = None
            if self._has(number) and member.probing.at(member.epoch, ending=result.diverged):
                statistics = yield from self._probe(
                    member, TRAINING_WORK * len(self.data.train), last=self._ends(result)
                )
            probed[number] = replace(result, statistics=statistics)
        return {number: each for number, each in probed.items() if self._has(number)}

    def _ends(self, result: EpochResult) -> bool:
        return result.diverged or result.epoch == self.members[0].recipe.config.epochs

    def _evaluate(self, part: Part, lane: Lane) -> Generator[Pulse, None, list[list[float]]]:
        """Give each row's loss and metrics on a part of the data."""
        step = self._compiled(lane)
        sums = torch.zeros(len(lane.numbers), len(self._metrics.names), dtype=torch.float64)
        sums = sums.to(self.device)
        size = EVALUATION_BATCH[self.device.type]
        for start in range(0, len(part), size):
            sums += step.evaluate(lane.rows, part, slice(start, start + size))
            yield from self._pulse(TRAINING_WORK * len(self.data.train) + start, lane)
        found: list[list[float]] = (sums / len(part)).tolist()
        return found

    def _probe(
        self, member: Member, work: int, *, last: bool = False
    ) -> Generator[Pulse, None, NetworkStatistics]:
        """Take the layer statistics of a member's present weights, in a network of its own."""
        network = member.recipe.network.to(self.device)
        network.load_state_dict(member.weights())
        last = last or member.recipe.config.epochs == 0

        def pulse() -> Iterator[Pulse]:
            return self._pulse(work)

        samples = member.probing.samples
        statistics = yield from probed(
            network, self._loss, self.data.train, samples, pulse, last=last
        )
        yield from pulse()
        return statistics

    def _pulse(self, work: int, lane: Lane | None = None) -> Iterator[Pulse]:
        """Yield a pulse if one is due; ``work`` is what a lane has done of its epoch."""
        if time.monotonic() - self._running_since < solo.PULSE_SECONDS or not self._lanes:
            return
        if lane is not None:
            self._spend(lane)
        total = TRAINING_WORK * len(self.data.train) + len(self.data.validation)
        yield Pulse(min(each.epoch for each in self._present()), min(work / total, 1.0))
        self._running_since = time.monotonic()

    def _spend(self, lane: Lane) -> None:
        """Put the time since the last pulse or lane on a lane's account."""
        now = time.monotonic()
        lane.seconds += (now - self._running_since) / len(lane.members)
        self._running_since = now


def _only_too_wide(error: Exception, lane: Lane) -> None:
    """Let pass that the memory was too small for a lane that can be split.

    Raises:
        Exception: the error, if it is anything else.
    """
    if not is_out_of_memory(error) or len(lane.members) == 1:
        raise error


def _recipe(config: RunConfig, seed: int, data: Dataset, steps: int) -> Recipe:
    streams = Streams(seed)
    network = build_network(config, data, streams)
    return Recipe(config, streams, network, learning_rates(config, steps), steps)
