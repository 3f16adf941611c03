"""Models in ONNX: made by a worker when first asked for, and kept beside the weights."""

import hashlib
import uuid
from dataclasses import dataclass
from typing import BinaryIO

import structlog
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.errors import NotFoundError, UnavailableError
from service.settings import Settings
from service.weights.files import FilesOfRun
from service.weights.storage import WEIGHTS, open_storage

_PIECE_BYTES = 1 << 20

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OnnxFile:
    """A model in ONNX, open at its beginning."""

    file: BinaryIO
    size: int
    sha256: str


def onnx_name(session: Session, run_id: uuid.UUID) -> str:
    """Return the name of the file with a run's model.

    It begins with the run's id, as those of weights do, and so is removed with them.

    Raises:
        NotFoundError: there is no such run.
    """
    with session.begin():
        run = session.get(Run, run_id)
    if run is None:
        raise NotFoundError(f"There is no run {run_id}.")
    source = FilesOfRun.of(run)
    return f"{WEIGHTS}/{source.run_id}-{source.attempt}-final.onnx"


def find_onnx(session: Session, run_id: uuid.UUID, settings: Settings) -> OnnxFile | None:
    """Open the model of a run; None where none was made yet.

    Raises:
        NotFoundError: there is no such run.
        UnavailableError: the location of weights cannot be read.
    """
    name = onnx_name(session, run_id)
    try:
        file = open_storage(settings).open(name)
        digest = hashlib.sha256()
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
        size = file.tell()
        file.seek(0)
    except FileNotFoundError:
        return None
    except OSError as error:
        _log.warning("The location of weights cannot be read", reason=str(error))
        raise UnavailableError("The model cannot be read at the moment; try again.") from None
    return OnnxFile(file, size, digest.hexdigest())
