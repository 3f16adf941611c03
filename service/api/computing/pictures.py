"""Pictures that are drawn in computing processes."""

import uuid
from typing import Any, Literal

from fastapi import Request
from starlette.responses import Response

from service.api.computing.processes import compute
from service.api.web.picture_answers import picture_response
from service.figures.plots.style import Look


async def drawn(
    request: Request,
    source: str,
    subject: uuid.UUID,
    *question: Any,
    look: Look,
    kind: Literal["gif"] | None = None,
    **asked: Any,
) -> Response:
    """Return the answer with a picture that a function draws.

    Args:
        request: for the picture.
        source: the function, as ``module:name``. It is named, and not imported: numpy, scipy and
            matplotlib take two seconds to import.
        subject: the experiment or the run.
        question: what is compared.
        look: of the picture.
        kind: ``gif`` of a film; a picture's is that of its look.
        **asked: the function's other parameters.
    """
    picture = await compute(request, source, subject, *question, look=look, **asked)
    return picture_response(request, picture.data, kind or look.kind, immutable=picture.finished)
