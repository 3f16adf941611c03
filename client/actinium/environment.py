"""What the environment says of connections: proxies (``HTTP_PROXY``, ...) and certificates."""

import ipaddress
import os
import ssl
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_PROXY_SCHEMES = ("http", "https", "socks4", "socks5", "socks5h")


@dataclass(frozen=True)
class Route:
    """How the service is reached.

    Attributes:
        proxy: the URL of the proxy in between; None: directly.
        verify: the certificates that are trusted; True: those of the HTTP library.
    """

    proxy: str | None
    verify: ssl.SSLContext | bool

    @classmethod
    def to(cls, url: str) -> "Route":
        """Return the route to a URL. This machine's own addresses are reached directly.

        Raises:
            ValueError: a variable cannot be used; the message names it.
        """
        return cls(_proxy(url), _certificates() if url.startswith("https:") else True)


def proxy_variable(url: str) -> str | None:
    """Return the variable that names the proxy to a URL; None where it is reached directly."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _is_own(host) or proxy_bypass(host) or _is_excepted(host):
        return None
    proxies = getproxies()
    name = parts.scheme if parts.scheme in proxies else "all"
    return f"{name.upper()}_PROXY" if proxies.get(name) else None


def _proxy(url: str) -> str | None:
    variable = proxy_variable(url)
    if variable is None:
        return None
    return _checked(getproxies()[variable.removesuffix("_PROXY").lower()], variable)


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _is_excepted(host: str) -> bool:
    """Whether ``NO_PROXY`` lists an address or its network, which Python's own reading passes."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for entry in getproxies().get("no", "").split(","):
        try:
            network = ipaddress.ip_network(entry.strip().strip("[]"), strict=False)
        except ValueError:
            continue
        if address.version == network.version and address in network:
            return True
    return False


def _checked(proxy: str, variable: str) -> str:
    """Return a proxy's URL as the HTTP library takes it.

    Raises:
        ValueError: it is no address of a proxy, or a SOCKS proxy that needs another package.
    """
    written = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(written)
        right = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        raise ValueError(f"{variable} is not the address of a proxy, as http://host:3128.")
    if parts.scheme.startswith("socks") and find_spec("socksio") is None:
        raise ValueError(
            f"{variable} names a SOCKS proxy, which needs the package socksio: install "
            "'httpx[socks]', or add the service's host to NO_PROXY."
        )
    return written


def _certificates() -> ssl.SSLContext | bool:
    """Return the certificates that ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` names.

    Raises:
        ValueError: there are none.
    """
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        path = os.environ.get(variable)
        if not path:
            continue
        try:
            if variable == "SSL_CERT_FILE":
                return ssl.create_default_context(cafile=path)
            if not os.path.isdir(path):  # noqa: PTH112 - as it is in the environment
                raise FileNotFoundError(path)
            return ssl.create_default_context(capath=path)
        except (OSError, ssl.SSLError):
            raise ValueError(f"{variable} names no readable certificates: {path}.") from None
    return True
