"""Claims that are added to an experiment after its submission."""

import uuid
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.database.tables import Experiment, Run
from service.errors import ConflictError, NotFoundError
from service.specs.claim_rules import Labelled, claim_errors
from service.specs.claims import SubmittedClaim
from service.specs.expansion import SpecError

#: Claims that an experiment can get after its submission.
_MOST = 100


def add(session: Session, experiment_id: uuid.UUID, claim: SubmittedClaim, caller: str) -> None:
    """Add a claim to an experiment.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        claim: the claim.
        caller: the name of the API key that adds it.

    Raises:
        NotFoundError: there is no such experiment.
        SpecError: the claim cannot be checked on the experiment's configurations.
        ConflictError: the experiment has this claim already, or has as many as it can.
    """
    with session.begin():
        experiment = session.get(Experiment, experiment_id, with_for_update=True)
        if experiment is None:
            raise NotFoundError(f"There is no experiment {experiment_id}.")
        errors = claim_errors(claim, _configurations(session, experiment_id))
        if errors:
            raise SpecError(errors)
        written = claim.model_dump(mode="json")
        later = experiment.later_claims
        known = [*experiment.spec.get("claims", ()), *(added["claim"] for added in later)]
        if written in known:
            raise ConflictError("The experiment has this claim already.")
        if len(later) >= _MOST:
            raise ConflictError(f"An experiment can get at most {_MOST} claims later.")
        now = datetime.now(UTC).isoformat()
        # A new list: a change within the old one would not be noticed.
        experiment.later_claims = [
            *later,
            {"claim": written, "added_at": now, "added_by": caller},
        ]


def _configurations(session: Session, experiment_id: uuid.UUID) -> list[Labelled]:
    runs = session.execute(
        select(Run.label, Run.config_hash, Run.config)
        .where(Run.experiment_id == experiment_id)
        .order_by(Run.position)
    )
    found = {(label, config_hash): config for label, config_hash, config in runs}
    return [(label, config) for (label, _), config in found.items()]
