"""Targets of webhooks: public addresses only, unless the settings allow more.

Otherwise a subscriber could have the service post to its own database, to the address at which a
cloud machine gets its credentials, or to anything else that only the service can reach. At
subscription an address in the URL is checked, and no name is resolved: what a name leads to inside
this network is not the subscriber's to know, and a name server that does not answer would hold a
thread. Every connection is checked, on the address that is then connected to
(``service.webhooks.sender``); a name that leads inside fails there as one that leads nowhere.
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

#: The IANA registry of special-purpose IPv4 addresses (RFC 6890), and multicast.
_SPECIAL_IPV4 = [
    ipaddress.IPv4Network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24"),
        *("192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15"),
        *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
    )
]

#: Global unicast: all other IPv6 addresses are local, reserved or multicast.
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")

#: What the IANA registry of special-purpose IPv6 addresses takes out of global unicast. 2001::/23
#: has Teredo, benchmarks and identifiers; 2002::/16 is 6to4.
_SPECIAL_IPV6 = [
    ipaddress.IPv6Network(network)
    for network in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")
]

#: Addresses of these networks lead to the IPv4 address in their last 32 bits: mapped, and NAT64
#: (RFC 6052).
_LEADS_TO_IPV4 = [ipaddress.IPv6Network(text) for text in ("::ffff:0:0/96", "64:ff9b::/96")]

#: The third quarter of an ISATAP address, which leads to the IPv4 address in the last (RFC 5214).
_ISATAP = {0x0000_5EFE, 0x0200_5EFE}

#: Names that are never public (RFC 6761, 6762, 8375, 9476 and ICANN's .internal).
_LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa", "alt", "localdomain", "onion")


_LONGEST_LABEL = 63

#: How pydantic says that a URL begins with no scheme.
_NO_SCHEME = "relative URL without a base"

#: Said of a name that leads inside as of one that is not known.
NOWHERE = (
    "The host leads to no public address. Webhooks are sent to private and local addresses only "
    "where ACTINIUM_WEBHOOK_PRIVATE_ADDRESSES is true."
)


class RefusedTargetError(Exception):
    """A host has an address that webhooks must not be sent to."""


def checked_url(url: str, settings: Settings) -> str:
    """Return a subscriber's URL in its normal form.

    Names are not resolved here, but at every delivery.

    Raises:
        InvalidError: the URL is not http or https, has a password or a fragment, or its host is an
            address or a name that is not public.
    """
    try:
        parsed = _URL.validate_python(url)
    except ValidationError as error:
        reason = error.errors()[0]
        if reason.get("ctx", {}).get("error") == _NO_SCHEME:
            raise _invalid("It has no scheme: write https:// before it.") from error
        raise _invalid(f"{reason['msg']}.") from error
    if parsed.username is not None or parsed.password is not None:
        raise _invalid("Leave out user and password: the signature identifies the sender.")
    if parsed.fragment is not None:
        raise _invalid("Leave out '#' and what follows it: a fragment is never sent.")
    if parsed.port == 0:
        raise _invalid("Port 0 is none that a server can have.")
    host = urlsplit(str(parsed)).hostname or ""
    if not settings.webhook_private_addresses:
        try:
            _refuse_local(host)
        except RefusedTargetError as error:
            raise _invalid(str(error)) from error
    if any(len(label) > _LONGEST_LABEL for label in host.split(".")):
        raise _invalid("A part of the host's name is longer than 63 characters.")
    return str(parsed)


def _invalid(detail: str) -> InvalidError:
    return InvalidError(f"The URL cannot be used: {detail}", errors=[FieldError(("url",), detail)])


def _refuse_local(host: str) -> None:
    """Refuse a URL's host if it is an address, or a kind of name, that is not public.

    Raises:
        RefusedTargetError: it is one.
    """
    address = _address(host)
    name = host.rstrip(".").lower()
    local = any(name == local or name.endswith(f".{local}") for local in _LOCAL_NAMES)
    if local or (address is not None and not is_public(address)):
        raise RefusedTargetError(
            f"{host} is not a public address. Webhooks are sent to private and local addresses "
            "only where ACTINIUM_WEBHOOK_PRIVATE_ADDRESSES is true."
        )


def _address(host: str) -> str | None:
    """Return the address that a host is, also where it is written as numbers; None for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def addresses_in(found: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return the addresses in a result of ``getaddrinfo``, each once, in its order."""
    return list(dict.fromkeys(str(entry[-1][0]) for entry in found))


def refuse_private(addresses: Iterable[str]) -> None:
    """Refuse a host that has any address that is not public, or none.

    Raises:
        RefusedTargetError: the sentence tells neither the address nor whether there is one.
    """
    found = list(addresses)
    if not found or not all(map(is_public, found)):
        raise RefusedTargetError(NOWHERE)


def is_public(address: str) -> bool:
    """Whether an address is public; an IPv4 address inside an IPv6 address is what counts.

    What the IANA registries of special-purpose addresses name is not public, nor is multicast, nor
    IPv6 outside of global unicast.
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in _SPECIAL_IPV4)
    if any(parsed in network for network in _LEADS_TO_IPV4):
        return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF)))
    return (
        parsed in _GLOBAL_IPV6
        and not any(parsed in network for network in _SPECIAL_IPV6)
        and int(parsed) >> 32 & 0xFFFF_FFFF not in _ISATAP
    )
