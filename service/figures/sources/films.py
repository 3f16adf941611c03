"""Reading a run's layer statistics over its epochs, and drawing them as films."""

import uuid

from sqlalchemy.orm import Session

from service.figures.plots.decision_boundary import Boundary, film_decision_boundary
from service.figures.plots.layers import film_layers
from service.figures.plots.style import AxisScale, Look
from service.figures.sources.common import Picture, moment, run_title
from service.figures.sources.layers import evenly_spaced, plotted_layer, without_output
from service.histories import layer_statistics, outputs
from service.runs import search
from service.statuses import FINISHED

#: Most frames of a film: with a few layers they take about ten seconds to draw.
MOST_FRAMES = 24
#: Most layers in all frames of a film together: one of a deep network has fewer frames.
MOST_LAYERS = 240


def layers_film(
    session: Session,
    run_id: uuid.UUID,
    *,
    output: bool = True,
    y: AxisScale | None = None,
    look: Look,
) -> Picture:
    """Film the four panels of a run's layers over its epochs, all on the same axes, as a GIF.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        output: whether the output layer is drawn.
        y: the scale of the gradients; None for a logarithmic one where they are far apart.
        look: theme and title of the film.

    Raises:
        NotFoundError: there is no such run, or it has no layer statistics.
        ConflictError: without the output no layer is left.
    """
    last = layer_statistics.read_layers(session, run_id)
    frames = min(MOST_FRAMES, max(2, MOST_LAYERS // len(last.content["layers"])))
    networks = []
    for epoch in evenly_spaced(last.epochs_available, frames):
        found = layer_statistics.read_layers(session, run_id, epoch)
        layers = found.content["layers"] if output else without_output(found.content["layers"])
        networks.append((moment(epoch), [plotted_layer(layer) for layer in layers]))
    data = film_layers(
        networks,
        title=look.title or f"{run_title(search.get(session, run_id))}: layers",
        note=f"{last.content['samples']:,} samples.",
        y=y,
        theme=look.theme,
    )
    return Picture(data, last.status in FINISHED)


def decision_boundary_film(session: Session, run_id: uuid.UUID, *, look: Look) -> Picture:
    """Film a run's decision boundary over its epochs, as a GIF.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        look: theme and title of the film.

    Raises:
        NotFoundError: there is no such run, or it has no layer statistics.
        ConflictError: no boundary was recorded.
    """
    last = layer_statistics.read_layers(session, run_id)
    frames = []
    for epoch in evenly_spaced(last.epochs_available, MOST_FRAMES):
        found = layer_statistics.read_layers(session, run_id, epoch)
        if found.boundary is not None:
            frames.append((moment(epoch), Boundary(**found.boundary)))
    if not frames:
        outputs.boundary_of(last)
    data = film_decision_boundary(
        frames,
        title=look.title or f"{run_title(search.get(session, run_id))}: decision boundary",
        theme=look.theme,
    )
    return Picture(data, last.status in FINISHED)
