"""Domain errors: each knows its HTTP status and problem type; only the API maps them."""

from typing import ClassVar

from service.fields import FieldError


class DomainError(Exception):
    """A request the service understands and declines, with a sentence that says why."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, *, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []


class NotFoundError(DomainError):
    """There is no such thing."""

    status = 404
    type = "not-found"
    title = "Not found"


class ConflictError(DomainError):
    """The state of the thing does not allow this."""

    status = 409
    type = "conflict"
    title = "Conflict"


class InvalidError(DomainError):
    """The payload or a parameter cannot be used."""

    status = 422
    type = "invalid"
    title = "The request cannot be used"


class IdempotencyMismatchError(DomainError):
    """An Idempotency-Key came back with another body."""

    status = 422
    type = "idempotency-key-reused"
    title = "Idempotency-Key was used for another request"


class UnauthorizedError(DomainError):
    """No valid key."""

    status = 401
    type = "unauthorized"
    title = "A valid API key is needed"


class ForbiddenError(DomainError):
    """The key does not allow this, or no key exists and the caller is not local."""

    status = 403
    type = "forbidden"
    title = "Not allowed"


class UnavailableError(DomainError):
    """A part the service needs is away; trying again later will help."""

    status = 503
    type = "unavailable"
    title = "Temporarily unavailable"
