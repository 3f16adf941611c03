"""Training loop: keeps the files of what a job yields, diagnoses it and hands it to the recorder.

An epoch has two shapes on its way: the ``EpochResult`` that the training yields becomes the
``EpochRecord`` that the recorder stores.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from service.runs.fencing import Claim
from service.runs.recording import EpochRecord
from service.settings import Settings
from service.specs.spec import RunConfig
from service.statuses import RunStatus
from service.weights.storage import open_storage
from workers.datasets.dataset import Dataset
from workers.execution.checkpoints import CheckpointOwner, Checkpoints, last_checkpoint_deadline
from workers.execution.insights import InsightBuilder, guessing_of
from workers.execution.recorder import Progress, Recorder, WorkerStoppingError
from workers.training.jobs import Job, JobMember
from workers.training.results import EpochResult, Pulse, Round, StartResult


@dataclass(frozen=True)
class _TrainedRun:
    """One run of a job: its claim, its training, and what is kept of it."""

    claim: Claim
    member: JobMember
    checkpoints: Checkpoints
    insights: InsightBuilder

    def begin(self, recorder: Recorder) -> None:
        """Keep the initial weights, and go on from a checkpoint where there is one."""
        self.checkpoints.keep_weights(self.member, "initial")
        if self.checkpoints.resume(self.member, self.claim.recorded_epochs):
            past = recorder.recorded_before(self.claim.run_id, self.member.epoch)
            self.insights.recall(past)

    def record_of(self, result: EpochResult) -> EpochRecord:
        """Return an epoch as it is to be stored."""
        ending = self._ending(result)
        insight = self.insights.of_epoch(result, last=ending is not None)
        return EpochRecord(self.claim, result.epoch, result.metrics, ending, insight)

    def keep(self, record: EpochRecord) -> bool:
        """Keep the files of an epoch: the final weights with the last one, else a checkpoint.

        Returns:
            Whether a checkpoint was saved.
        """
        if record.ending is None:
            return self.checkpoints.after_epoch(self.member)
        self.checkpoints.keep_weights(self.member, "final")
        return False

    def _ending(self, result: EpochResult) -> RunStatus | None:
        if result.diverged:
            return RunStatus.DIVERGED
        last = result.stopped or result.epoch == self.claim.epochs
        return RunStatus.COMPLETED if last else None


class TrainingLoop:
    """Trains a job to its end, and keeps the files and the record of each of its runs.

    Args:
        claims: of the runs, in the order of the job's members.
        configs: of the runs, in the same order.
        data: their data set.
        settings: of the service.
        recorder: of these claims.
        job: the training, not yet begun.
    """

    def __init__(
        self,
        claims: Sequence[Claim],
        configs: Sequence[RunConfig],
        data: Dataset,
        *,
        settings: Settings,
        recorder: Recorder,
        job: Job,
    ) -> None:
        self._settings = settings
        self._recorder = recorder
        self._job = job
        self._fraction = 0.0
        storage = open_storage(settings)
        #: The runs that are still being trained, by their number in the job.
        self._present = {
            number: _TrainedRun(
                claim,
                member,
                Checkpoints(
                    storage,
                    CheckpointOwner(claim.run_id, claim.attempt, config, claim.seed, claim.engine),
                    settings,
                    self._report_progress,
                    members=len(claims),
                ),
                InsightBuilder(config, partial(guessing_of, config, data)),
            )
            for number, (claim, config, member) in enumerate(
                zip(claims, configs, job.members, strict=True)
            )
        }

    def train(self) -> None:
        """Train until the last epoch of each run is recorded.

        Raises:
            NoneLeftError: no run is left to train.
            WorkerStoppingError: the worker has to stop; each run's state is saved if there is time.
        """
        self._begin()
        try:
            for results in self._job.run():
                if isinstance(results, Pulse):
                    self._pulse(results)
                else:
                    self._record(results)
                self._let_leave()
        except WorkerStoppingError:
            deadline = last_checkpoint_deadline(self._settings)
            for run in self._present.values():
                run.checkpoints.before_leaving(run.member, deadline)
            raise

    def _begin(self) -> None:
        for run in self._present.values():
            run.begin(self._recorder)
        self._let_leave()

    def _report_progress(self) -> None:
        self._recorder.pulse(
            {
                run.claim.run_id: Progress(run.member.epoch, self._fraction)
                for run in self._present.values()
            }
        )

    def _pulse(self, pulse: Pulse) -> None:
        self._fraction = pulse.fraction
        self._report_progress()
        for run in self._present.values():
            run.checkpoints.within_epoch(run.member)

    def _record(self, results: Round) -> None:
        """Record the results of a round."""
        starts = {
            self._present[number].claim.run_id: self._present[number].insights.of_start(result)
            for number, result in results.items()
            if isinstance(result, StartResult)
        }
        if starts:
            self._recorder.record_starts(starts)
        epochs = {
            number: result for number, result in results.items() if isinstance(result, EpochResult)
        }
        if epochs:
            self._record_epochs(epochs)

    def _record_epochs(self, results: Mapping[int, EpochResult]) -> None:
        self._fraction = 0.0
        records = {
            number: self._present[number].record_of(result) for number, result in results.items()
        }
        saved = [self._present[number].keep(record) for number, record in records.items()]
        self._recorder.record_epochs(list(records.values()), checkpointed=any(saved))
        for number, record in records.items():
            if record.ending is not None:
                self._present.pop(number).checkpoints.forget()

    def _let_leave(self) -> None:
        leaving = self._recorder.leaving()
        numbers = [n for n, run in self._present.items() if run.claim.run_id in leaving]
        for number in numbers:
            del self._present[number]
        self._job.leave(*numbers)
