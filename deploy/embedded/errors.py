"""The one error of the embedded servers."""


class EmbeddedServerError(RuntimeError):
    """A server cannot start or answer; the message says what stands in the way and what to do."""
