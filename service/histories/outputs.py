"""What a run's network makes of points and samples, recorded with its layer statistics."""

from typing import Any

from service.errors import ConflictError
from service.histories.layer_statistics import LayersAtEpoch
from service.statuses import FINISHED


def also_recorded(found: LayersAtEpoch) -> list[str]:
    """Return what is recorded beside the layers at their epoch, by the names of its endpoints."""
    confusion = (found.outputs or {}).get("confusion")
    recorded = {
        "decision_boundary": found.boundary,
        "outputs": found.outputs,
        "confusion": confusion,
    }
    return [name for name, content in recorded.items() if content is not None]


def boundary_of(found: LayersAtEpoch) -> dict[str, Any]:
    """Return the decision boundary recorded at an epoch.

    Raises:
        ConflictError: none was.
    """
    if found.boundary is not None:
        return found.boundary
    raise ConflictError(
        f"This run has no decision boundary at epoch {found.epoch}: that needs classes of two "
        "features, such as circles, moons or parabola, and a network whose output is finite. "
        "Older versions recorded it after the last epoch only."
    )


def outputs_of(found: LayersAtEpoch) -> dict[str, Any]:
    """Return the outputs on the validation part, recorded at a run's last epoch.

    Raises:
        ConflictError: the run has not ended, or they were not recorded.
    """
    if found.outputs is not None:
        return {name: value for name, value in found.outputs.items() if name != "confusion"}
    if found.status not in FINISHED:
        raise ConflictError("The outputs are recorded after the last epoch.")
    raise ConflictError(
        "The outputs of this run were not recorded: its targets are numbers and no classes, or it "
        "is of an older version."
    )
