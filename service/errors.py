"""Errors of use-cases, each with its HTTP status and problem type, which only the API uses."""

from typing import ClassVar

from service.fields import FieldError


class DomainError(Exception):
    """A request that is understood and declined, with a sentence that says why."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str, *, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []


class NotFoundError(DomainError):
    """The resource does not exist."""

    status = 404
    type = "not-found"
    title = "Not found"


class GoneError(DomainError):
    """The resource was there and has been deleted."""

    status = 410
    type = "gone"
    title = "Deleted"


class ConflictError(DomainError):
    """The state of the resource does not allow this."""

    status = 409
    type = "conflict"
    title = "Conflict"


class PreconditionFailedError(DomainError):
    """The resource changed since the client read it."""

    status = 412
    type = "precondition-failed"
    title = "Changed meanwhile"


class InvalidError(DomainError):
    """The body or a parameter of the request cannot be used."""

    status = 422
    type = "invalid"
    title = "The request cannot be used"


class PayloadTooLargeError(DomainError):
    """The content of the request passes a limit."""

    status = 413
    type = "body-too-large"
    title = "Body too large"


class IdempotencyMismatchError(DomainError):
    """An Idempotency-Key was used again with another body."""

    status = 422
    type = "idempotency-key-reused"
    title = "Idempotency-Key was used for another request"


class UnauthorizedError(DomainError):
    """The request has no valid API key."""

    status = 401
    type = "unauthorized"
    title = "A valid API key is needed"


class ForbiddenError(DomainError):
    """The key does not allow this, or no key exists and the caller is on another machine."""

    status = 403
    type = "forbidden"
    title = "Not allowed"


class UnavailableError(DomainError):
    """A server that the service needs does not answer; trying again later will help."""

    status = 503
    type = "unavailable"
    title = "Temporarily unavailable"
