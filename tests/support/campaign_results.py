"""The results of a campaign of faults: in the database, and in answers of the API."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
from safetensors.numpy import load
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from service.database import tables
from service.database.tables import Event, Run
from service.events.event_types import WEBHOOK_EVENTS
from service.statuses import ENDED
from tests.support.run_rows import Looks, rows
from tests.support.webhook_subscriber import Reported


@dataclass(frozen=True)
class Result:
    """Everything that a run's training yields, to be compared bit by bit."""

    status: str
    history: list[tuple[Any, ...]]
    layers: list[tuple[Any, ...]]
    weights: dict[str, bytes]
    outcome: str | None
    verdict: str | None
    findings: Any


class CampaignResults(Looks):
    """Reads what a campaign left in the database, and what the API answers."""

    def __init__(self, sessions: sessionmaker[Session], client: httpx.Client) -> None:
        super().__init__(sessions)
        self._client = client

    def runs(self) -> list[Run]:
        """Return all runs, in the order of their ids."""
        with self._sessions() as session:
            return list(session.scalars(select(Run).order_by(Run.id)))

    def unfinished(self) -> int:
        """Return the number of runs that have not ended."""
        with self._sessions() as session:
            waiting = select(func.count()).where(Run.status.not_in(ENDED))
            return session.scalar(waiting) or 0

    def describe_unfinished(self) -> str:
        """Return a description of every run that has not ended."""
        left = func.extract("epoch", Run.lease_expires_at - func.now())
        with self._sessions() as session:
            rows = session.execute(
                select(Run, left).where(Run.status.not_in(ENDED)).order_by(Run.id)
            ).all()
        return "every run ends, but" + "".join(
            f"\n  {run.id} is {run.status} at epoch {run.epoch} of {run.epochs}: attempt "
            f"{run.attempt}, worker {run.worker}, "
            + ("no lease" if seconds is None else f"a lease of {seconds:.1f} s more")
            + f", {run.failures} of {run.max_attempts} failures, not before {run.not_before}"
            for run, seconds in rows
        )

    def reported(self) -> Counter[Reported]:
        """Return the stored events that webhooks have to report."""
        with self._sessions() as session:
            rows = session.execute(
                select(Event.type, Event.experiment_id, Event.run_id).where(
                    Event.type.in_(WEBHOOK_EVENTS)
                )
            )
            return Counter(
                (kind, str(experiment), run and str(run)) for kind, experiment, run in rows
            )

    def experiments(self) -> set[str]:
        """Return the ids of all experiments."""
        with self._sessions() as session:
            return {
                str(experiment_id)
                for experiment_id in session.scalars(select(tables.Experiment.id))
            }

    def stream(self, experiment_id: str) -> list[tuple[Any, ...]]:
        """Return the stored events of an experiment: number, type, run and data."""
        wanted = select(Event.id, Event.type, Event.run_id, Event.data)
        return rows(
            self._sessions, wanted.where(Event.experiment_id == experiment_id).order_by(Event.id)
        )

    def result(self, run: Run) -> Result:
        """Return everything that a run's training yielded."""
        answer = self._client.get(f"/v1/runs/{run.id}/weights")
        assert answer.status_code == 200, answer.text
        weights = {name: tensor.tobytes() for name, tensor in load(answer.content).items()}
        history, layers = self.history(run.id), self.layers(run.id)
        seen = (run.outcome, run.verdict, run.findings)
        return Result(run.status, history, layers, weights, *seen)
