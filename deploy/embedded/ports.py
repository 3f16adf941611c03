"""Free TCP ports of the loopback."""

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"

_LOWEST_PORT = 15_000


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: lingering connections of an earlier server do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


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
