"""Where a webhook may lead: out into the public network, unless the settings allow more.

Whoever can subscribe could otherwise have the service post to its own database, to the address
that hands out a cloud machine's credentials, or to anything else that only it can reach. The
check at the door gives a clear answer early; the one that protects is made at each connection,
on the very address that is then connected to (``service.webhooks.sender``).
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

#: Carries an IPv4 address in its last 32 bits (RFC 6052): where that leads is what counts.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class RefusedTargetError(Exception):
    """A host leads where webhooks may not be sent."""


def checked_url(url: str, settings: Settings) -> str:
    """Check an address at the door, and give it in its normal form.

    A name that cannot be resolved passes: it may be known later, or to the scheduler alone, and
    every delivery asks again.

    Raises:
        InvalidError: it is no http or https address, carries a password or a fragment, or leads
            to an address that is not public.
    """
    try:
        parsed = _URL.validate_python(url)
    except ValidationError as error:
        raise _invalid(f"{error.errors()[0]['msg']}.") from error
    if parsed.username is not None or parsed.password is not None:
        raise _invalid("Leave user and password out: a receiver knows the sender by the signature.")
    if parsed.fragment is not None:
        raise _invalid("Leave out what follows '#': it is never sent.")
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
    """Give the addresses in what ``getaddrinfo`` found, each once, in its order."""
    return list(dict.fromkeys(str(each[-1][0]) for each in found))


def refuse_private(host: str, addresses: Iterable[str]) -> None:
    """Refuse a host of which any address is not public: of a mixed answer nothing is trusted.

    Raises:
        RefusedTargetError: with a sentence that names the address.
    """
    for each in addresses:
        if not is_public(each):
            leads = "" if each == host else f"leads to {each}, which "
            raise RefusedTargetError(
                f"{host} {leads}is not a public address. Webhooks are sent to private and local "
                "ones only where ACTINIUM_WEBHOOK_PRIVATE_ADDRESSES is true."
            )


def is_public(address: str) -> bool:
    """Say whether an address is one of the public network, looking into addresses in addresses.

    Private, loopback, link-local, multicast, shared (RFC 6598), documentation and reserved ones
    are not, nor are the tunnels of 6to4 and Teredo.
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
