"""What a campaign of faults has left: in the database, and as the API tells it."""

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
    """All that a run's training gave, to be compared bit for bit."""

    status: str
    history: list[tuple[Any, ...]]
    layers: list[tuple[Any, ...]]
    weights: dict[str, bytes]
    verdict: str | None
    findings: Any


class Findings(Looks):
    """What is in the database and comes out of the API after a campaign."""

    def __init__(self, sessions: sessionmaker[Session], client: httpx.Client) -> None:
        super().__init__(sessions)
        self._client = client

    def runs(self) -> list[Run]:
        with self._sessions() as session:
            return list(session.scalars(select(Run).order_by(Run.id)))

    def unfinished(self) -> int:
        with self._sessions() as session:
            waiting = select(func.count()).where(Run.status.not_in(ENDED))
            return session.scalar(waiting) or 0

    def what_waits(self) -> str:
        """How each run stands that has not ended."""
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

    def announced(self) -> Counter[Reported]:
        """What webhooks have to tell: each stored event of their kinds."""
        with self._sessions() as session:
            rows = session.execute(
                select(Event.type, Event.experiment_id, Event.run_id).where(
                    Event.type.in_(WEBHOOK_EVENTS)
                )
            )
            return Counter((kind, str(of), run and str(run)) for kind, of, run in rows)

    def experiments(self) -> set[str]:
        with self._sessions() as session:
            return {str(each) for each in session.scalars(select(tables.Experiment.id))}

    def stream(self, experiment_id: str) -> list[tuple[Any, ...]]:
        """The stored events of an experiment: number, type, run and data."""
        wanted = select(Event.id, Event.type, Event.run_id, Event.data)
        return rows(
            self._sessions, wanted.where(Event.experiment_id == experiment_id).order_by(Event.id)
        )

    def result(self, run: Run) -> Result:
        answer = self._client.get(f"/v1/runs/{run.id}/weights")
        assert answer.status_code == 200, answer.text
        weights = {name: each.tobytes() for name, each in load(answer.content).items()}
        history, layers = self.history(run.id), self.layers(run.id)
        return Result(run.status, history, layers, weights, run.verdict, run.findings)
