"""A server of S3 for tests, in a process of its own, behind a relay that can cut it off."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.support.http_peers import Relay
from tests.support.processes import wait_for

#: Of the server, which takes any keys.
KEYS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@contextlib.contextmanager
def s3_server(log: Path, *buckets: str) -> Iterator[Relay]:
    """Serve S3 with these buckets until the block ends; give the relay before it."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = opened.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output) as server,
    ):
        try:
            wait_for(lambda: _answers(url), what="the server of S3 answers", seconds=120)
            for bucket in buckets:
                httpx.put(f"{url}/{bucket}", timeout=120).raise_for_status()
            with Relay(url) as relay:
                yield relay
        finally:
            server.kill()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/moto-api/", timeout=30).status_code == 200
    except httpx.TransportError:
        return False
