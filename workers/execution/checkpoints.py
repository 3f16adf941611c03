"""A run's training on disk: checkpoints to go on from, and weights to be downloaded.

The history comes out the same whatever checkpoint is found, and also where none is: training is
repeatable, and epochs already recorded are lived again without being written again. A checkpoint
saves time, nothing else hangs on it. So a failure to write one is logged and counted, and the
training goes on; a damaged one is passed over for the one before.

A checkpoint is usable where the epochs before its own are recorded. Each is on disk before the
row of the epoch that it concludes is committed, and the one before it was usable when it was
written, so the last two are enough.
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
from service.weights.checksums import DamagedFileError, check, seal
from service.weights.storage import CHECKPOINTS, Moment, Storage, run_of, weights_name
from workers.execution.background import wait_for
from workers.training.jobs import Trainee

#: Raised when ``Trainee.state`` changes what it gives: older checkpoints are not used then.
STATE_VERSION = 1

#: Epochs shorter than this share a checkpoint.
_SHORTEST_SECONDS = 1.0

#: Largest share of a job's time that goes into checkpoints, whatever one costs.
_SHARE = 0.02

#: Share of the time a stopping worker has that it may take for a last checkpoint.
_PATIENCE_WHEN_STOPPING = 0.25

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, order=True)
class Place:
    """Where a training stands: the next step to take, and which attempt is taking it."""

    epoch: int
    step: int
    attempt: int

    def name(self, run_id: uuid.UUID) -> str:
        """Name the checkpoint of a run at this place."""
        return f"{CHECKPOINTS}/{run_id}-{self.attempt}-{self.epoch}-{self.step}.safetensors"

    @classmethod
    def of(cls, name: str) -> Self | None:
        """Read a checkpoint's name; None where it is another kind of file."""
        attempt, _, rest = name.removesuffix(".safetensors").rpartition("/")[2][37:].partition("-")
        epoch, _, step = rest.partition("-")
        if not (attempt.isdecimal() and epoch.isdecimal() and step.isdecimal()):
            return None
        return cls(int(epoch), int(step), int(attempt))


@dataclass(frozen=True)
class Owner:
    """Whose checkpoints they are. All but the attempt has to agree where one is used."""

    run_id: uuid.UUID
    attempt: int
    config: RunConfig
    seed: int
    engine: Mapping[str, Any]

    def facts(self) -> dict[str, str]:
        """Give what belongs to the run, as a file's metadata."""
        return {
            "run_id": str(self.run_id),
            "config_hash": config_hash(self.config),
            "seed": str(self.seed),
            "engine": json.dumps(dict(self.engine), sort_keys=True),
        }


def patience(settings: Settings) -> float:
    """Say until when, by ``time.monotonic``, a worker that is told to stop now may save."""
    return time.monotonic() + _PATIENCE_WHEN_STOPPING * settings.soft_shutdown_seconds


class Checkpoints:
    """The checkpoints and weights that one attempt at a run writes and finds.

    ``pulse`` is called while a location is slow, and may raise to end the training. ``members``
    counts the runs that are trained side by side and share the time for checkpoints.
    """

    def __init__(
        self,
        storage: Storage,
        owner: Owner,
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
        self._share = _SHARE / members
        self._kept: list[Place] = []
        self._saved_at = time.monotonic()
        self._cost = 0.0
        self.failures = 0

    def resume(self, training: Trainee, recorded_epochs: int) -> bool:
        """Take a training up where the newest usable checkpoint of an earlier attempt left it.

        Returns:
            Whether there was one; the training stands at its beginning otherwise.
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

    def within_epoch(self, training: Trainee) -> None:
        """Save a checkpoint if this epoch has been going on for long since the last one."""
        self._save_if_due(training, self._settings.checkpoint_seconds)

    def after_epoch(self, training: Trainee) -> bool:
        """Save a checkpoint, before the epoch is recorded, unless one is very recent.

        Returns:
            Whether one was due. The epoch is to be recorded before the training goes on then.
        """
        return self._save_if_due(training, _SHORTEST_SECONDS)

    def before_leaving(self, training: Trainee, until: float) -> None:
        """Save a checkpoint of a training that is given back, if it is there in time.

        Args:
            training: as it is left.
            until: by ``time.monotonic``; see ``patience``.
        """

        def look_at_the_clock() -> None:
            if time.monotonic() > until:
                raise TimeoutError("The location of checkpoints is too slow.")

        if not self._kept or self._place(training) != self._kept[-1]:
            self._save(training, look_at_the_clock)

    def keep_weights(self, training: Trainee, moment: Moment) -> None:
        """Save the network's weights for download, if they are to be kept at all."""
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
        # Initial weights can be made again from configuration and seed: not worth a sync, but
        # where they are all that the run gives.
        durable = moment == "final" or owner.config.epochs == 0
        weights = training.weights()

        def write() -> None:
            name = weights_name(owner.run_id, owner.attempt, moment)
            self._storage.write(name, seal(save(weights, metadata)), durable=durable)
            for attempt in range(1, owner.attempt):
                self._storage.remove(weights_name(owner.run_id, attempt, moment))

        try:
            wait_for(write, self._pulse)
        except OSError as error:
            self._fail(f"Could not keep the {moment} weights", error)

    def forget(self) -> None:
        """Remove the checkpoints of a run that is over, whichever attempt wrote them."""
        if self._owner.attempt == 1 and not self._kept:
            return
        try:
            for name in self._storage.names(CHECKPOINTS):
                if run_of(name) == self._owner.run_id:
                    self._storage.remove(name)
        except OSError as error:
            self._fail("Could not remove checkpoints; the scheduler will", error)

    def _save_if_due(self, training: Trainee, least: float) -> bool:
        due = time.monotonic() - self._saved_at >= max(least, self._cost / self._share)
        if due:
            self._save(training, self._pulse)
        return due

    def _save(self, training: Trainee, pulse: Callable[[], None]) -> None:
        began = time.monotonic()
        place, state = self._place(training), training.state()
        try:
            wait_for(lambda: self._write(place, state), pulse)
        except OSError as error:
            self._fail("Could not save a checkpoint; training goes on without", error)
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - began

    def _place(self, training: Trainee) -> Place:
        return Place(training.epoch, training.step, self._owner.attempt)

    def _write(self, place: Place, state: dict[str, Tensor]) -> None:
        data = seal(save(state, self._facts | _told(place)))
        self._storage.write(place.name(self._owner.run_id), data)
        if place not in self._kept:
            self._kept.append(place)
        # Only what this attempt wrote or went on from: another may own the run by now.
        while len(self._kept) > 2:
            self._storage.remove(self._kept[0].name(self._owner.run_id))
            del self._kept[0]

    def _newest(self, recorded_epochs: int) -> dict[str, Tensor] | None:
        """Find the newest usable state; remove what is of no use."""
        found = sorted(
            place
            for name in self._storage.names(CHECKPOINTS)
            if run_of(name) == self._owner.run_id
            and (place := Place.of(name)) is not None
            # Later ones are there where this attempt has meanwhile lost the run: not its to touch.
            and place.attempt < self._owner.attempt
        )
        state, before = None, list(found)
        while before and state is None:
            place = before.pop()
            if place.epoch <= recorded_epochs + 1 and (state := self._read(place)) is not None:
                self._kept = [*before[-1:], place]
        for place in set(found).difference(self._kept):
            self._storage.remove(place.name(self._owner.run_id))
        return state

    def _read(self, place: Place) -> dict[str, Tensor] | None:
        """Read a checkpoint, or log why it cannot be used."""
        name = place.name(self._owner.run_id)
        try:
            with self._storage.open(name) as file:
                metadata = check(file)
                file.seek(0)
                state = load(file.read())
        except (DamagedFileError, FileNotFoundError) as damage:
            _log.warning("Passed over a damaged checkpoint", name=name, reason=str(damage))
            return None
        expected = self._facts | _told(place)
        other = {key for key, value in expected.items() if metadata.get(key) != value}
        if other:
            _log.info("Passed over a checkpoint of another make", name=name, differs=sorted(other))
            return None
        return state

    def _fail(self, what: str, error: OSError) -> None:
        self.failures += 1
        _log.warning(what, reason=str(error), failures=self.failures)


def _told(place: Place) -> dict[str, str]:
    """What a checkpoint's metadata tell beside what belongs to the run."""
    version = str(STATE_VERSION)
    return {"state_version": version, "epoch": str(place.epoch), "step": str(place.step)}
