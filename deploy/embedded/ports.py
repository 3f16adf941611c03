"""Free TCP ports, and the address at which a server of this machine is asked."""

import ipaddress
import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"

_LOWEST_PORT = 15_000


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback now."""
    return listening_error(LOOPBACK, port) is None


def listening_error(host: str, port: int) -> OSError | None:
    """Return why no server could listen on a port of an address of this machine now."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            # As the servers do: lingering connections of an earlier server do not matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def reachable_host(host: str) -> str:
    """Return how a URL of this machine names a host that a server listens on.

    A server on all addresses (``0.0.0.0``, ``::``) is asked at the loopback.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return LOOPBACK if address.version == 4 else "[::1]"
    return str(address) if address.version == 4 else f"[{address}]"


def free_port() -> int:
    """Return a random free port below the kernel's range for outgoing connections.

    A server returns to its port after a restart. Meanwhile the kernel may use a port of that range
    for an outgoing connection, even for a client's attempt to reach the stopped server.
    """
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = range(_LOWEST_PORT, lowest_outgoing)
    for port in random.sample(candidates, k=min(100, len(candidates))):
        if is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        chosen: int = probe.getsockname()[1]
        return chosen
