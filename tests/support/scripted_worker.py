"""A scripted worker: tests claim, record and end runs with made-up metrics."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session, sessionmaker

from service.catalog.losses import task_of
from service.database.tables import Attempt, Epoch, Event, Run, Worker
from service.experiments import lifecycle, submission
from service.experiments.kept_forecasts import KeptForecasts
from service.experiments.progress import ExperimentProgress, with_forecasts
from service.histories.diagnoses import NO_INSIGHT, Insight
from service.runs import claims, endings, leases, recording
from service.runs.fencing import Claim, RunsToLeave
from service.runs.recording import EpochRecord
from service.settings import Settings
from service.specs.spec import ExperimentSpec
from tests.support.run_rows import Looks, rows

ENGINE = {"device": "cpu", "torch": "2.13.0", "numpy": "2.4.0"}

#: The metrics of an epoch, unless a test passes others.
METRICS = {
    "loss": 1.0,
    "accuracy": 0.5,
    "val_loss": 1.5,
    "val_accuracy": 0.25,
    "learning_rate": 0.001,
    "gradient_norm": 2.0,
    "clipped_fraction": 0.0,
    "epoch_seconds": 3.0,
}


#: The same of a run whose targets are numbers.
ERRORS = {
    **{name: value for name, value in METRICS.items() if "accuracy" not in name},
    "mae": 0.5,
    "rmse": 0.75,
    "val_mae": 1.0,
    "val_rmse": 1.25,
    "val_r2": 0.25,
}


class Lab:
    """Submits experiments and acts as their worker; every call has a session of its own."""

    def __init__(self, sessions: sessionmaker[Session], settings: Settings) -> None:
        self.sessions = sessions
        self.settings = settings

    def submit(self, caller: str = "test", **fields: Any) -> uuid.UUID:
        """Store an experiment of two epochs with one run, or as the fields say."""
        spec = ExperimentSpec.model_validate({"activation": "relu", "epochs": 2} | fields)
        with self.sessions() as session:
            made = submission.submit(session, spec, caller=caller, settings=self.settings)
        return made.experiment.id

    def runs(self, experiment_id: uuid.UUID) -> list[Run]:
        """Return the runs of an experiment, in order."""
        with self.sessions() as session:
            wanted = select(Run).where(Run.experiment_id == experiment_id)
            return list(session.scalars(wanted.order_by(Run.position)))

    def run(self, run_id: uuid.UUID) -> Run:
        """Return a run as it is now."""
        return Looks(self.sessions).run(run_id)

    def claim(self, worker: str = "one", **engine: Any) -> Claim | None:
        """Claim the next run alone; None where no run waits."""
        return next(iter(self.pack(worker, most=1, **engine)), None)

    def taken(self, worker: str = "one", **engine: Any) -> Claim:
        """Claim the next run alone, which must exist."""
        claim = self.claim(worker, **engine)
        assert claim is not None, "no run waits"
        return claim

    def pack(self, worker: str = "one", most: int | None = None, **engine: Any) -> list[Claim]:
        """Claim the next run with those that are packed with it."""
        with self.sessions() as session:
            return claims.claim(
                session, worker=worker, engine=ENGINE | engine, settings=self.settings, most=most
            )

    def start(self, claim: Claim, insight: Insight) -> RunsToLeave:
        """Record the start of a run."""
        return self.starts([(claim, insight)])

    def starts(self, insights: Sequence[tuple[Claim, Insight]]) -> RunsToLeave:
        """Record the start of several runs."""
        with self.sessions() as session:
            return recording.record_starts(session, insights, self.settings)

    def epoch(
        self,
        claim: Claim,
        epoch: int,
        ending: str | None = None,
        insight: Insight = NO_INSIGHT,
        **metrics: float,
    ) -> RunsToLeave:
        """Record an epoch."""
        usual = ERRORS if task_of(claim.config["loss"]["name"]) == "regression" else METRICS
        return self.epochs([EpochRecord(claim, epoch, usual | metrics, ending, insight)])

    def epochs(self, records: Sequence[EpochRecord]) -> RunsToLeave:
        """Record epochs of several runs."""
        with self.sessions() as session:
            return recording.record_epochs(session, records, self.settings)

    def renew(self, *claimed: Claim) -> RunsToLeave:
        """Renew leases, half an epoch on."""
        with self.sessions() as session:
            return leases.renew(session, [(claim, 1, 0.5) for claim in claimed], self.settings)

    def finish(self, *claimed: Claim) -> RunsToLeave:
        """Complete runs that have nothing left to record."""
        with self.sessions() as session:
            return endings.finish(session, claimed)

    def confirm_cancel(self, *claimed: Claim) -> RunsToLeave:
        """Cancel runs whose cancel was requested."""
        with self.sessions() as session:
            return endings.confirm_cancels(session, claimed)

    def release(self, *claimed: Claim, reason: str = "It was given back.") -> RunsToLeave:
        """Queue runs again, as a worker that stops does."""
        with self.sessions() as session:
            return endings.release(session, claimed, reason, self.settings)

    def train(self, claim: Claim, ending: str = "completed", **metrics: float) -> None:
        """Record the rest of a run, to its end."""
        for epoch in range(claim.recorded_epochs + 1, claim.epochs + 1):
            self.epoch(claim, epoch, ending if epoch == claim.epochs else None, **metrics)

    def train_all(self, **metrics: float) -> None:
        """Train all queued runs."""
        while claim := self.claim():
            self.train(claim, **metrics)

    def fail(self, claim: Claim, reason: str = "Out of luck.") -> RunsToLeave:
        """Record a failed attempt, and skip the pause before the next one."""
        with self.sessions() as session:
            answer = endings.fail_attempts(session, [claim], reason, self.settings)
        self.execute("UPDATE runs SET not_before = NULL WHERE id = :id", id=claim.run_id)
        return answer

    def expire(self, claim: Claim) -> None:
        """Let a lease expire."""
        self.execute(
            "UPDATE runs SET lease_expires_at = now() - interval '1 second' WHERE id = :id",
            id=claim.run_id,
        )

    def execute(self, statement: str, **values: Any) -> None:
        """Run SQL."""
        with self.sessions.begin() as session:
            session.execute(text(statement), values)

    def progress(self, experiment_id: uuid.UUID) -> ExperimentProgress:
        """Return an experiment with its status and progress."""
        with self.sessions() as session:
            found = lifecycle.get(session, experiment_id)
            (experiment,) = with_forecasts(session, [found], KeptForecasts(self.settings))
        return experiment

    def seen(self, worker: str = "one", device: str = "cpu", memory: int | None = None) -> None:
        """Have a worker that is seen for as long as the test takes."""
        later = func.now() + timedelta(hours=1)
        values = {"name": worker, "device": device, "memory_bytes": memory, "seen_at": later}
        with self.sessions.begin() as session:
            session.execute(insert(Worker).values(values))

    def history(self, run_id: uuid.UUID) -> list[dict[str, Any]]:
        """Return a run's epochs, as columns by name."""
        with self.sessions() as session:
            rows = session.scalars(
                select(Epoch).where(Epoch.run_id == run_id).order_by(Epoch.epoch)
            )
            names = [column.key for column in Epoch.__table__.columns if column.key != "run_id"]
            return [{name: getattr(row, name) for name in names} for row in rows]

    def attempts(self, run_id: uuid.UUID) -> list[tuple[int, str | None, str | None]]:
        """Return a run's attempts: number, outcome, reason."""
        wanted = select(Attempt.attempt, Attempt.outcome, Attempt.reason)
        return rows(self.sessions, wanted.where(Attempt.run_id == run_id).order_by(Attempt.attempt))

    def events(self, experiment_id: uuid.UUID) -> list[tuple[str, uuid.UUID | None]]:
        """Return an experiment's stored events: type and run."""
        wanted = select(Event.type, Event.run_id).where(Event.experiment_id == experiment_id)
        return rows(self.sessions, wanted.order_by(Event.id))

    def event_numbers(self, experiment_id: uuid.UUID) -> list[int]:
        """Return the numbers of an experiment's stored events, in order."""
        wanted = select(Event.id).where(Event.experiment_id == experiment_id).order_by(Event.id)
        return [number for (number,) in rows(self.sessions, wanted)]

    def snapshot(self, run_id: uuid.UUID) -> Any:
        """Return everything that is stored of a run, to compare it later."""
        run = self.run(run_id)
        columns = {column.key: getattr(run, column.key) for column in Run.__table__.columns}
        return columns, self.history(run_id), self.attempts(run_id), self.events(run.experiment_id)
