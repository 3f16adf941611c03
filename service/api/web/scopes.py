"""Values read from the ASGI scope of a request."""

from starlette.types import Scope

from service.api_keys import LOCAL


def path_of(scope: Scope) -> str:
    """Return the path as the client sent it, without its query."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("ascii", "replace")


def address_of(scope: Scope) -> str:
    """Return the client's address, empty where the server does not know it."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def caller_of(scope: Scope) -> str:
    """Return what tells callers apart: the id of the key, or the address of a request without."""
    caller = scope["state"].get("caller")
    return f"address {address_of(scope)}" if caller in (None, LOCAL) else str(caller.id)
