"""The error of the embedded servers."""


class EmbeddedServerError(RuntimeError):
    """A server cannot start or answer; the message says why and what to do."""
