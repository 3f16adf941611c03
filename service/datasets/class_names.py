"""The names of the classes of a run's data."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.database.tables import UploadedDataset
from service.specs.resolution import stored_facts


def class_names(session: Session, dataset: Mapping[str, Any]) -> list[str]:
    """Return the names of the classes of a configuration's data set, in the order of their labels.

    Those of built-in data sets, and of uploaded ones that were deleted, are their numbers.

    Args:
        session: a session outside any transaction.
        dataset: of a run's configuration, as it is stored.
    """
    if (sha256 := dataset.get("sha256")) is not None:
        with session.begin():
            classes = session.scalar(
                select(UploadedDataset.understood["classes"]).where(
                    UploadedDataset.sha256 == sha256
                )
            )
        if classes is not None:
            return [found["name"] for found in classes]
    facts = stored_facts(dataset)
    return [str(label) for label in range(facts.classes if facts else 0)]
