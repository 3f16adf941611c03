"""HTTP as clients write it, byte by byte: versions, upgrades, refusals, and slow or greedy ones."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import httpx
import psycopg
import pytest

from deploy.embedded import Endpoints
from service.settings import Settings
from tests.support.served_api import Served, serving

PROBLEM = "application/problem+json"
SPEC = json.dumps({"activation": "relu", "dataset": "circles", "model": "mlp"}).encode()


@pytest.fixture(scope="module")
def served(servers: Endpoints, template: str, tmp_path_factory) -> Iterator[Served]:
    """The API under its own server, with a database for the whole module."""
    base = servers.database_url.rpartition("/")[0]
    with psycopg.connect(f"{base}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE test_connections TEMPLATE {template}".encode())
    settings = Settings(
        database_url=f"{base}/test_connections",
        redis_url=servers.redis_url,
        home=tmp_path_factory.mktemp("home"),
        api_key="secret",
        max_body_bytes=100_000,
        max_connections=40,
        head_seconds=2,
        body_seconds=2,
        stalled_seconds=1,
    )
    with serving(settings) as api:
        yield api


@contextlib.contextmanager
def connected(served: Served, seconds: float = 30) -> Iterator[socket.socket]:
    url = httpx.URL(served.url)
    with socket.create_connection((url.host, url.port), timeout=seconds) as connection:
        yield connection


def request(
    method: str, path: str, body: bytes = b"", version: str = "1.1", **headers: str
) -> bytes:
    named = {"Host": "127.0.0.1", "Authorization": "Bearer secret", **headers}
    if body:
        named = {"Content-Length": str(len(body)), "Content-Type": "application/json", **named}
    lines = [
        f"{method} {path} HTTP/{version}",
        *(f"{name}: {value}" for name, value in named.items()),
    ]
    return "\r\n".join(lines).replace("_", "-").encode() + b"\r\n\r\n" + body


def whole(connection: socket.socket) -> bytes:
    """Read until the server closes."""
    received = b""
    while part := connection.recv(65_536):
        received += part
    return received


def answer(received: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of one answer."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


def exchange(served: Served, sent: bytes) -> tuple[int, dict[str, str], bytes]:
    with connected(served) as connection:
        connection.sendall(sent)
        return answer(whole(connection))


def refused(received: tuple[int, dict[str, str], bytes], status: int) -> str:
    """Return the detail of a problem."""
    assert received[0] == status, received
    assert received[1]["content-type"] == PROBLEM
    problem = json.loads(received[2])
    assert problem["status"] == status
    return problem["detail"]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_both_versions_are_answered(served: Served, version: str) -> None:
    status, _, body = exchange(
        served, request("GET", "/healthz", version=version, Connection="close")
    )
    assert (status, json.loads(body)) == (200, {"status": "alive"})


@pytest.mark.parametrize("target", ["http://127.0.0.1/healthz", "HTTP://a.example:80/healthz?x=1"])
def test_a_request_to_a_whole_address_is_served(served: Served, target: str) -> None:
    query = "?" in target
    status, _, body = exchange(served, request("GET", target, Connection="close"))
    assert (status, "takes no query" in body.decode()) == ((422, True) if query else (200, False))


def test_the_host_in_a_whole_address_counts(served: Served) -> None:
    sent = request("GET", "http://a.example:81/v1/experiments?limit=1", Connection="close")
    assert exchange(served, sent)[0] == 200
    _, _, body = exchange(served, request("GET", "http://a.example/nothing", Connection="close"))
    assert json.loads(body)["instance"] == "/nothing"


def test_http_1_0_without_a_host_closes_after_the_answer(served: Served) -> None:
    assert exchange(served, b"GET /healthz HTTP/1.0\r\n\r\n")[0] == 200


UPGRADES = {
    "java": {
        "Connection": "Upgrade, HTTP2-Settings",
        "Upgrade": "h2c",
        "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    },
    "curl": {
        "Connection": "Upgrade, HTTP2-Settings",
        "Upgrade": "h2c",
        "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA",
    },
    "websocket": {"Connection": "Upgrade", "Upgrade": "websocket"},
}


@pytest.mark.parametrize("client", UPGRADES)
def test_an_offer_to_change_the_protocol_loses_no_body(served: Served, client: str) -> None:
    """The spec arrives whole: what it lacks is named, and not that there was none."""
    headers = {**UPGRADES[client]}
    wrong = json.dumps({"activation": "rleu", "note": "x" * 30_000}).encode()
    with connected(served) as connection:
        head, body = request("POST", "/v1/experiments", wrong, **headers).split(b"\r\n\r\n", 1)
        connection.sendall(head.replace(b"HTTP2_Settings", b"HTTP2-Settings") + b"\r\n\r\n")
        time.sleep(0.1)  # a body in its own packets, as clients send it
        connection.sendall(body[:10_000])
        connection.sendall(body[10_000:])
        received = b""
        while b"rleu" not in received:
            part = connection.recv(65_536)
            assert part, received
            received += part
    assert answer(received)[0] == 422


def test_a_connection_serves_one_request_after_another(served: Served) -> None:
    with connected(served) as connection:
        connection.sendall(request("GET", "/healthz", **UPGRADES["curl"]) * 2)
        connection.sendall(request("GET", "/healthz", Connection="close"))
        assert whole(connection).count(b'{"status":"alive"}') == 3


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@pytest.mark.parametrize("size", [150_000, 6_000_000])
@pytest.mark.parametrize("key", ["secret", "wrong"])
def test_a_body_too_large_gets_its_answer(
    served: Served, connection: str, size: int, key: str
) -> None:
    """Also where a client sends all of it before it reads, and where it has no key."""
    headers = {"Authorization": f"Bearer {key}", "Connection": connection}
    with connected(served) as client:
        client.sendall(request("POST", "/v1/experiments", b"x" * size, **headers))
        received = client.recv(65_536)
    status, named, _ = answer(received)
    assert status == (413 if key == "secret" else 401)
    assert named["content-type"] == PROBLEM


def test_a_body_in_chunks_too_large_gets_its_answer(served: Served) -> None:
    head = request("POST", "/v1/experiments", Transfer_Encoding="chunked", Connection="close")
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    assert "max_body_bytes" in refused(exchange(served, head + chunk * 90 + b"0\r\n\r\n"), 413)


def test_a_client_that_asks_first_sends_no_body_in_vain(served: Served) -> None:
    announced = {"Expect": "100-continue", "Content-Length": "6000000", "Connection": "close"}
    sent = request("POST", "/v1/experiments", **announced)
    began = time.monotonic()
    refused(exchange(served, sent), 413)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Length: 4\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_by_a_problem(served: Served, sent: bytes) -> None:
    status, headers, body = exchange(served, sent)
    assert status in {400, 501}, (status, body)
    assert headers["content-type"] == PROBLEM


def test_headers_are_bounded(served: Served) -> None:
    """Many, or one, or a request line, none of which the server keeps."""
    line = b"x" * 100_000
    for head in (
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + line,
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000,
        b"GET /" + line,
        line,
    ):
        refused(exchange(served, head), 431)


def test_an_endless_header_ends(served: Served) -> None:
    with connected(served) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ")
        for _ in range(1_000):
            connection.sendall(b"x" * 65_536)
        raise AssertionError("64 MB of a header were taken")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n",
        request("GET", "/healthz") + b"\r\n",
        request("GET", "/healthz") + b"GET /heal",
    ],
)
def test_a_head_that_does_not_come_ends_the_connection(served: Served, sent: bytes) -> None:
    with connected(served) as connection:
        connection.sendall(sent)
        received = whole(connection)  # and does not time out
    assert b"408 " in received or sent.startswith(request("GET", "/healthz"))


def test_a_head_letter_by_letter_ends_the_connection(served: Served) -> None:
    with connected(served) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        for number in range(100):
            connection.sendall(b"X: y\r\n")
            time.sleep(0.1)
            if number > 30 and connection.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b"":
                break
        received = whole(connection)
        assert received == b"" or answer(received)[0] == 408


def test_a_slow_body_is_not_awaited(served: Served) -> None:
    sent = request("POST", "/v1/experiments", Content_Length="500", Connection="close")
    with connected(served) as connection:
        connection.sendall(sent + b"{")
        assert "not complete" in refused(answer(whole(connection)), 408)


def test_connections_are_capped_and_come_back(served: Served) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(39):
            stack.enter_context(connected(served))
        time.sleep(0.2)
        received = [answer(whole(stack.enter_context(connected(served)))) for _ in range(5)]
        assert "connections are taken" in refused(received[-1], 503)
        assert received[-1][1]["retry-after"]
    deadline = time.monotonic() + 20
    while exchange(served, request("GET", "/healthz", Connection="close"))[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_client_that_reads_nothing_is_cut_off(served: Served) -> None:
    with connected(served) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        # Some megabytes of answers, more than the kernel takes for the client.
        with contextlib.suppress(OSError):
            connection.settimeout(2)
            for _ in range(40):
                connection.sendall(request("GET", "/openapi.json") * 5)
        connection.settimeout(30)
        time.sleep(3)
        # What the kernels hold comes at once, and not in parts of four kilobytes.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        received = b""
        with contextlib.suppress(ConnectionError):
            while part := connection.recv(65_536):
                received += part
    assert received.count(b"HTTP/1.1 200") < 200
