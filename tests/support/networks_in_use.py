"""Trained networks that tests ask something of: real runs of a second, trained in this process."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import torch
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from service.settings import Settings
from workers.execution.runner import train_waiting_runs

#: Digits of 8 x 8 pixels from 0 to 16.
DIGITS: dict[str, Any] = {
    "dataset": {"name": "digits", "train_size": 300, "test_size": 60},
    "model": {"name": "mlp", "hidden_units": [12]},
    "activation": "relu",
    "batch_size": 32,
    "epochs": 1,
}


class Bench:
    """Trains runs that a client submits, and asks for predictions."""

    def __init__(
        self, api: httpx.Client, sessions: sessionmaker[Session], settings: Settings
    ) -> None:
        self.api = api
        self._sessions = sessions
        self._settings = settings

    def submitted(self, **fields: Any) -> str:
        """Return the id of a new run."""
        made = self.api.post("/v1/experiments", json=DIGITS | fields)
        assert made.status_code == 201, made.text
        runs = self.api.get("/v1/runs", params={"experiment_id": made.json()["id"]}).json()
        (run,) = runs["items"]
        return str(run["id"])

    def trained(self, **fields: Any) -> str:
        """Return the id of a run that has been trained."""
        run_id = self.submitted(**fields)
        self.train_all()
        assert self.api.get(f"/v1/runs/{run_id}").json()["status"] == "completed"
        return run_id

    def train_all(self) -> None:
        """Train the runs that wait."""
        train_waiting_runs(
            self._sessions,
            self._settings,
            worker="bench",
            device=torch.device("cpu"),
            stopping=lambda: False,
        )

    def see_worker(self) -> None:
        """Have a worker be seen from now on, however busy the machine is."""
        seen = "INSERT INTO workers (name, device, seen_at) VALUES (:name, 'cpu', :until)"
        self.execute(seen, name="seen", until=datetime.now(UTC) + timedelta(hours=1))

    def execute(self, statement: str, **values: Any) -> None:
        """Run SQL."""
        with self._sessions.begin() as session:
            session.execute(text(statement), values)

    def ask(self, run_id: str | uuid.UUID, inputs: Any, wait: int = 30) -> httpx.Response:
        """Ask for predictions."""
        return self.api.post(
            f"/v1/runs/{run_id}/predictions",
            json={"inputs": inputs},
            headers={"Prefer": f"wait={wait}"},
            timeout=wait + 30,
        )
