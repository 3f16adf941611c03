"""Targets of webhooks: public addresses only, unless the settings allow more.

Otherwise a subscriber could have the service post to its own database, to the address at which a
cloud machine gets its credentials, or to anything else that only the service can reach. The check
at subscription gives a clear answer early. The check that protects is repeated for every
connection, on the address that is then connected to (``service.webhooks.sender``).
"""

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import HttpUrl, TypeAdapter, ValidationError

from service.errors import InvalidError
from service.fields import FieldError
from service.settings import Settings

_URL = TypeAdapter(HttpUrl)

#: Addresses of this network lead to the IPv4 address in their last 32 bits (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class RefusedTargetError(Exception):
    """A host has an address that webhooks must not be sent to."""


def checked_url(url: str, settings: Settings) -> str:
    """Return a subscriber's URL in its normal form.

    A name that cannot be resolved is accepted: it may be known later, or to the scheduler only, and
    every delivery resolves it again.

    Raises:
        InvalidError: the URL is not http or https, has a password or a fragment, or leads to an
            address that is not public.
    """
    try:
        parsed = _URL.validate_python(url)
    except ValidationError as error:
        raise _invalid(f"{error.errors()[0]['msg']}.") from error
    if parsed.username is not None or parsed.password is not None:
        raise _invalid("Leave out user and password: the signature identifies the sender.")
    if parsed.fragment is not None:
        raise _invalid("Leave out '#' and what follows it: a fragment is never sent.")
    host = urlsplit(str(parsed)).hostname or ""
    if not settings.webhook_private_addresses:
        try:
            refuse_private(host, _look_up(host))
        except RefusedTargetError as error:
            raise _invalid(str(error)) from error
    return str(parsed)


def _invalid(detail: str) -> InvalidError:
    return InvalidError(f"The URL cannot be used: {detail}", errors=[FieldError(("url",), detail)])


def _look_up(host: str) -> list[str]:
    try:
        return addresses_in(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except OSError:
        return []
    except UnicodeError as error:
        raise _invalid("A part of the host's name is longer than 63 characters.") from error


def addresses_in(found: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return the addresses in a result of ``getaddrinfo``, each once, in its order."""
    return list(dict.fromkeys(str(entry[-1][0]) for entry in found))


def refuse_private(host: str, addresses: Iterable[str]) -> None:
    """Refuse a host that has any address that is not public.

    Raises:
        RefusedTargetError: with a sentence that names the address.
    """
    for address in addresses:
        if not is_public(address):
            leads = "" if address == host else f"leads to {address}, which "
            raise RefusedTargetError(
                f"{host} {leads}is not a public address. Webhooks are sent to private and local "
                "addresses only where ACTINIUM_WEBHOOK_PRIVATE_ADDRESSES is true."
            )


def is_public(address: str) -> bool:
    """Whether an address is public; an IPv4 address inside an IPv6 address is what counts.

    Private, loopback, link-local, multicast, shared (RFC 6598), documentation and reserved
    addresses are not public, nor are those of 6to4 and Teredo.
    """
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return is_public(str(parsed.ipv4_mapped))
        if parsed in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF)))
        if parsed.sixtofour is not None or parsed.teredo is not None or parsed.is_site_local:
            return False
    return parsed.is_global and not (
        parsed.is_multicast
        or parsed.is_reserved
        or parsed.is_private
        or parsed.is_loopback
        or parsed.is_link_local
        or parsed.is_unspecified
    )
