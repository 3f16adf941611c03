"""The runs that lottery tickets of a spec name, and the weights that they ended with."""

import uuid

from sqlalchemy.orm import Session

from service.database.tables import Run
from service.errors import NotFoundError
from service.settings import Settings
from service.specs.spec import ExperimentSpec
from service.specs.ticket_rules import runs_of
from service.specs.tickets import TicketFacts, TicketSources
from service.statuses import RunStatus
from service.weights import files
from service.weights.files import FilesOfRun

#: Of one spec: the weights of each are read, to be known by their content.
MOST_RUNS = 20


def ticket_sources(session: Session, spec: ExperimentSpec, settings: Settings) -> TicketSources:
    """Return what is known of the runs that tickets of a spec name.

    Args:
        session: a session outside any transaction.
        spec: the experiment.
        settings: give the location of weights.

    Raises:
        UnavailableError: the location of weights cannot be read.
    """
    named = runs_of(spec)
    too_many = f"The tickets of a spec name at most {MOST_RUNS} runs. Split the experiment."
    found: dict[str, TicketFacts | str] = dict.fromkeys(named, too_many)
    for run in named[:MOST_RUNS]:
        found[run] = _facts(session, uuid.UUID(run), settings)
    return found


def _facts(session: Session, run_id: uuid.UUID, settings: Settings) -> TicketFacts | str:
    """Return what is known of a run, or why it has no ticket."""
    with session.begin():
        run = session.get(Run, run_id)
        if run is None:
            return f"There is no run {run_id}."
        if run.status != RunStatus.COMPLETED or not run.epochs:
            state = run.status if run.epochs else "initialized only"
            return f"Run {run_id} is {state}; a ticket is made of a run that has completed."
        source, seed, config = FilesOfRun.of(run), run.seed, run.config
    try:
        weights = files.find(session, run_id, "last", settings)
    except NotFoundError as error:
        return error.detail
    weights.file.close()
    attempt = source.attempt or 0
    return TicketFacts(str(source.run_id), attempt, weights.sha256, seed, config)
