"""Reading what a run's network makes of points and samples, and drawing it."""

import uuid

from sqlalchemy.orm import Session

from service.datasets.class_names import class_names
from service.errors import ConflictError
from service.figures.plots.confusion import draw_confusion
from service.figures.plots.decision_boundary import Boundary, draw_decision_boundary
from service.figures.plots.outputs import DrawnClass, draw_outputs
from service.figures.plots.style import AxisScale, Look
from service.figures.sources.common import Picture, moment, run_title
from service.histories import layer_statistics, outputs
from service.histories.confusion import confusion_of
from service.runs import search
from service.statuses import FINISHED


def decision_boundary_picture(
    session: Session, run_id: uuid.UUID, *, epoch: int | None = None, look: Look
) -> Picture:
    """Draw the class a run's network predicts at each point.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        epoch: an epoch with layer statistics; None for the last.
        look: format, theme and title of the picture.

    Raises:
        NotFoundError: there is no such run, or no statistics at that epoch.
        ConflictError: no boundary was recorded there.
    """
    found = layer_statistics.read_layers(session, run_id, epoch)
    data = draw_decision_boundary(
        Boundary(**outputs.boundary_of(found)),
        title=look.title or f"{run_title(search.get(session, run_id))}: decision boundary",
        note=f"{moment(found.epoch).capitalize()}.",
        kind=look.kind,
        theme=look.theme,
    )
    return Picture(data, found.status in FINISHED)


def outputs_picture(
    session: Session, run_id: uuid.UUID, *, y: AxisScale | None = None, look: Look
) -> Picture:
    """Draw histograms of the true class's probability and of the losses, class by class.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        y: the scale of the shares; None for a linear one.
        look: format, theme and title of the picture.

    Raises:
        NotFoundError: there is no such run, or it has no layer statistics.
        ConflictError: the run has not ended, its outputs were not recorded, or are of no sample.
    """
    found = layer_statistics.read_layers(session, run_id)
    content = outputs.outputs_of(found)
    if not content["classes"]:
        raise ConflictError("The validation part of this run has no sample to draw.")
    title = f"{run_title(search.get(session, run_id))}: probabilities and losses by class"
    data = draw_outputs(
        [DrawnClass(**of_class) for of_class in content["classes"]],
        probability_edges=content["probability_edges"],
        loss_edges=content["loss_edges"],
        title=look.title or title,
        note=f"{moment(found.epoch).capitalize()}, on {content['samples']:,} validation samples.",
        y=y,
        kind=look.kind,
        theme=look.theme,
    )
    return Picture(data, found.status in FINISHED)


def confusion_picture(session: Session, run_id: uuid.UUID, *, look: Look) -> Picture:
    """Draw which classes of the validation part a run's network takes for which.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        look: format, theme and title of the picture.

    Raises:
        NotFoundError: there is no such run, or it has no layer statistics.
        ConflictError: the run has not ended, its confusion was not recorded, or is of no sample.
    """
    found = layer_statistics.read_layers(session, run_id)
    run = search.get(session, run_id)
    content = confusion_of(found, class_names(session, run.config["dataset"]))
    if not content["samples"]:
        raise ConflictError("The validation part of this run has no sample to draw.")
    note = (
        f"{moment(found.epoch).capitalize()}, on {content['samples']:,} validation samples: "
        f"{content['accuracy']:.1%} right. "
        "A cell: the share of its row's samples, and their number."
    )
    if content["non_finite"]:
        note += f" Samples whose outputs are not finite: {content['non_finite']:,}."
    data = draw_confusion(
        content["matrix"],
        [of_class["name"] for of_class in content["classes"]],
        counts=[of_class["count"] for of_class in content["classes"]],
        title=look.title or f"{run_title(run)}: confusion matrix",
        note=note,
        kind=look.kind,
        theme=look.theme,
    )
    return Picture(data, found.status in FINISHED)
