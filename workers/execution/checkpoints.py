"""Checkpoints: a run's training on disk, to resume from, and its weights, to be downloaded.

The history comes out the same from any checkpoint, or from none: training is repeatable, and epochs
that are already recorded are retrained but not written a second time. A checkpoint only saves time.
So a failure to write one is logged and counted while the training goes on, and a damaged one is
passed over for the one before it.

A checkpoint is usable if all epochs before its own are recorded. It is on disk before the epoch it
concludes is recorded, and the checkpoint before it was usable when it was written, so the last two
are enough.
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import structlog
from safetensors.torch import load, save
from torch import Tensor

from service.settings import Settings
from service.specs.expansion import config_hash
from service.specs.spec import RunConfig
from service.weights.checksums import DamagedFileError, check, with_checksum
from service.weights.storage import CHECKPOINTS, Moment, Storage, run_of, weights_name
from workers.execution.background import wait_for
from workers.training.jobs import JobMember

#: Raised when the content of ``JobMember.state`` changes: older checkpoints are not used then.
STATE_VERSION = 2

#: Least time between the checkpoints of a run: shorter epochs share one.
SHORTEST_PAUSE_SECONDS = 1.0

#: Largest share of a job's time that goes into checkpoints, however long one takes.
TIME_SHARE = 0.02

#: Share of a stopping worker's time that it may spend on the last checkpoints.
_PATIENCE_SHARE = 0.25

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, order=True)
class CheckpointPosition:
    """Where a checkpoint was saved: the next step of which epoch, by which attempt."""

    epoch: int
    step: int
    attempt: int

    def name(self, run_id: uuid.UUID) -> str:
        """Return the name of a run's checkpoint at this position."""
        return f"{CHECKPOINTS}/{run_id}-{self.attempt}-{self.epoch}-{self.step}.safetensors"

    def facts(self) -> dict[str, str]:
        """Return the position, and the version of the state, as a file's metadata."""
        version = str(STATE_VERSION)
        return {"state_version": version, "epoch": str(self.epoch), "step": str(self.step)}

    @classmethod
    def of(cls, name: str) -> Self | None:
        """Return the position in a checkpoint's name; None for another kind of file."""
        attempt, _, rest = name.removesuffix(".safetensors").rpartition("/")[2][37:].partition("-")
        epoch, _, step = rest.partition("-")
        if not (attempt.isdecimal() and epoch.isdecimal() and step.isdecimal()):
            return None
        return cls(int(epoch), int(step), int(attempt))


@dataclass(frozen=True)
class CheckpointOwner:
    """The attempt that checkpoints belong to. A checkpoint is used where all but the attempt agree.

    Attributes:
        run_id: the run.
        attempt: the number of the attempt.
        config: the run's configuration.
        seed: the run's seed.
        engine: the run's engine, as it is recorded.
    """

    run_id: uuid.UUID
    attempt: int
    config: RunConfig
    seed: int
    engine: Mapping[str, Any]

    def facts(self) -> dict[str, str]:
        """Return what belongs to the run, as a file's metadata."""
        return {
            "run_id": str(self.run_id),
            "config_hash": config_hash(self.config),
            "seed": str(self.seed),
            "engine": json.dumps(dict(self.engine), sort_keys=True),
        }


def last_checkpoint_deadline(settings: Settings) -> float:
    """Return until when, by ``time.monotonic``, a worker that stops now may save checkpoints."""
    return time.monotonic() + _PATIENCE_SHARE * settings.soft_shutdown_seconds


class Checkpoints:
    """The checkpoints and weights that one attempt at a run writes and finds.

    Args:
        storage: where they are.
        owner: the attempt.
        settings: of the service.
        pulse: called while the storage is slow; may raise to end the training.
        members: runs that are trained side by side and share the time for checkpoints.
    """

    def __init__(
        self,
        storage: Storage,
        owner: CheckpointOwner,
        settings: Settings,
        pulse: Callable[[], None],
        *,
        members: int = 1,
    ) -> None:
        self._storage = storage
        self._owner = owner
        self._facts = owner.facts()
        self._settings = settings
        self._pulse = pulse
        self._share = TIME_SHARE / members
        self._kept: list[CheckpointPosition] = []
        self._saved_at = time.monotonic()
        self._cost_seconds = 0.0
        self.failures = 0

    def resume(self, training: JobMember, recorded_epochs: int) -> bool:
        """Set a training to the newest usable checkpoint of an earlier attempt.

        Args:
            training: not yet begun.
            recorded_epochs: how many epochs of the run are recorded.

        Returns:
            Whether there was one; otherwise the training begins with its first step.
        """
        if self._owner.attempt == 1:
            return False
        try:
            state = wait_for(lambda: self._newest(recorded_epochs), self._pulse)
        except OSError as error:
            self._fail("Could not read the checkpoints; starting from the first epoch", error)
            return False
        if state is None:
            return False
        training.restore(state)
        _log.info("Went on from a checkpoint", epoch=training.epoch, step=training.step)
        self._saved_at = time.monotonic()
        return True

    def within_epoch(self, training: JobMember) -> None:
        """Save a checkpoint if the last one is ``checkpoint_seconds`` old."""
        self._save_if_due(training, self._settings.checkpoint_seconds)

    def after_epoch(self, training: JobMember) -> bool:
        """Save a checkpoint before the epoch is recorded, unless the last one is very recent.

        Returns:
            Whether one was due. If so, record the epoch before the training goes on.
        """
        return self._save_if_due(training, SHORTEST_PAUSE_SECONDS)

    def before_leaving(self, training: JobMember, deadline: float) -> None:
        """Save a checkpoint of a run that is given back, unless there is one or time runs out.

        Args:
            training: of the run.
            deadline: by ``time.monotonic``; see ``last_checkpoint_deadline``.
        """

        def check_the_clock() -> None:
            if time.monotonic() > deadline:
                raise TimeoutError("The location of checkpoints is too slow.")

        if not self._kept or self._position(training) != self._kept[-1]:
            self._save(training, check_the_clock)

    def keep_weights(self, training: JobMember, moment: Moment) -> None:
        """Save the network's weights for download, unless the settings keep none."""
        if not self._settings.weights_retention_days:
            return
        owner = self._owner
        epoch = 0 if moment == "initial" else training.epoch - 1
        metadata = {
            "format": "pt",
            **self._facts,
            "config": json.dumps(owner.config.model_dump(mode="json")),
            "epoch": str(epoch),
        }
        # Initial weights can be drawn again from configuration and seed, so they are not worth a
        # sync, except where they are the only result of the run.
        durable = moment == "final" or owner.config.epochs == 0
        weights = training.weights()

        def write() -> None:
            name = weights_name(owner.run_id, owner.attempt, moment)
            self._storage.write(name, with_checksum(save(weights, metadata)), durable=durable)
            for attempt in range(1, owner.attempt):
                self._storage.remove(weights_name(owner.run_id, attempt, moment))

        try:
            wait_for(write, self._pulse)
        except OSError as error:
            self._fail(f"Could not keep the {moment} weights", error)

    def forget(self) -> None:
        """Remove the checkpoints of a run that has ended, of all attempts."""
        if self._owner.attempt == 1 and not self._kept:
            return
        try:
            for name in self._storage.names(CHECKPOINTS):
                if run_of(name) == self._owner.run_id:
                    self._storage.remove(name)
        except OSError as error:
            self._fail("Could not remove checkpoints; the scheduler will", error)

    def _save_if_due(self, training: JobMember, pause_seconds: float) -> bool:
        pause_seconds = max(pause_seconds, self._cost_seconds / self._share)
        due = time.monotonic() - self._saved_at >= pause_seconds
        if due:
            self._save(training, self._pulse)
        return due

    def _save(self, training: JobMember, pulse: Callable[[], None]) -> None:
        began = time.monotonic()
        position, state = self._position(training), training.state()
        try:
            wait_for(lambda: self._write(position, state), pulse)
        except OSError as error:
            self._fail("Could not save a checkpoint; the training goes on without", error)
        self._saved_at = time.monotonic()
        self._cost_seconds = self._saved_at - began

    def _position(self, training: JobMember) -> CheckpointPosition:
        return CheckpointPosition(training.epoch, training.step, self._owner.attempt)

    def _write(self, position: CheckpointPosition, state: dict[str, Tensor]) -> None:
        data = with_checksum(save(state, self._facts | position.facts()))
        self._storage.write(position.name(self._owner.run_id), data)
        if position not in self._kept:
            self._kept.append(position)
        # Only files that this attempt wrote or resumed from: the run may be another's by now.
        while len(self._kept) > 2:
            self._storage.remove(self._kept[0].name(self._owner.run_id))
            del self._kept[0]

    def _newest(self, recorded_epochs: int) -> dict[str, Tensor] | None:
        """Return the newest usable state, or None; remove the checkpoints that are of no use."""
        found = sorted(
            position
            for name in self._storage.names(CHECKPOINTS)
            if run_of(name) == self._owner.run_id
            and (position := CheckpointPosition.of(name)) is not None
            # If this attempt has lost the run meanwhile, files of later attempts are not its own.
            and position.attempt < self._owner.attempt
        )
        state, before = None, list(found)
        while before and state is None:
            position = before.pop()
            usable = position.epoch <= recorded_epochs + 1
            if usable and (state := self._read(position)) is not None:
                self._kept = [*before[-1:], position]
        for position in set(found).difference(self._kept):
            self._storage.remove(position.name(self._owner.run_id))
        return state

    def _read(self, position: CheckpointPosition) -> dict[str, Tensor] | None:
        """Return a checkpoint's state, or None with a log line that says why it is not used."""
        name = position.name(self._owner.run_id)
        try:
            with self._storage.open(name) as file:
                metadata = check(file)
                file.seek(0)
                state = load(file.read())
        except (DamagedFileError, FileNotFoundError) as damage:
            _log.warning("Passed over a damaged checkpoint", name=name, reason=str(damage))
            return None
        expected = self._facts | position.facts()
        differs = {key for key, value in expected.items() if metadata.get(key) != value}
        if differs:
            _log.info("Passed over a checkpoint of another run", name=name, differs=sorted(differs))
            return None
        return state

    def _fail(self, event: str, error: OSError) -> None:
        self.failures += 1
        _log.warning(event, reason=str(error), failures=self.failures)
