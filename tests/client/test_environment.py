"""The client in odd environments: proxies, certificates, no width, other processes."""

import os
import pickle

import pytest

from actinium import AsyncClient, Client, Retries, UnreachableError
from actinium.environment import Route
from actinium.terminal import prepare_terminal


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """Take away what the machine's environment says of connections."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


def test_without_variables_it_goes_directly():
    assert Route.to("http://service.example:8000") == Route(None, True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://127.8.9.1", "http://localhost:1", "http://[::1]:8000"]
)
@pytest.mark.parametrize("proxy", ["http://proxy:3128", "socks5://proxy:1080", "nonsense:x"])
def test_this_machine_is_reached_without_a_proxy(monkeypatch, url, proxy):
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.setenv("ALL_PROXY", proxy)
    assert Route.to(url).proxy is None
    Client(url).close()


def test_the_proxy_of_the_scheme_comes_before_that_of_all(monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "http://all:1")
    monkeypatch.setenv("HTTP_PROXY", "proxy:3128")
    assert Route.to("http://service.example").proxy == "http://proxy:3128"
    assert Route.to("https://service.example").proxy == "http://all:1"


@pytest.mark.parametrize(
    ("url", "exceptions"),
    [
        ("http://service.example", "other.example,service.example"),
        ("http://a.service.example", ".service.example"),
        ("http://10.1.2.3:8000", "10.0.0.0/8"),
        ("http://[fe80::5]:8000", "::1,fe80::/10"),
        ("http://[fd00::5]:8000", "[fd00::5]"),
        ("http://service.example", "*"),
    ],
)
def test_exceptions_are_names_addresses_and_networks(monkeypatch, url, exceptions):
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:3128")
    assert Route.to(url).proxy == "http://proxy:3128"
    monkeypatch.setenv("NO_PROXY", exceptions)
    assert Route.to(url).proxy is None


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("HTTP_PROXY", "foo:bar", "HTTP_PROXY is not the address of a proxy"),
        ("ALL_PROXY", ":", "ALL_PROXY is not the address of a proxy"),
        ("ALL_PROXY", "ftp://proxy", "ALL_PROXY is not the address of a proxy"),
        ("ALL_PROXY", "socks5://proxy:1080", "ALL_PROXY names a SOCKS proxy"),
    ],
)
def test_an_unusable_proxy_is_a_sentence_that_names_the_variable(
    monkeypatch, variable, value, reason
):
    monkeypatch.setenv(variable, value)
    for kind in (Client, AsyncClient):
        with pytest.raises(ValueError, match=reason):
            kind("http://service.example")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_missing_certificates_are_a_sentence_that_names_the_variable(
    monkeypatch, tmp_path, variable
):
    monkeypatch.setenv(variable, str(tmp_path / "none"))
    with pytest.raises(ValueError, match=f"{variable} names no readable certificates"):
        Client("https://service.example")
    Client("http://service.example").close()


def test_a_client_can_be_pickled():
    client = Client("http://service.example:1", "a-key")
    copy = pickle.loads(pickle.dumps(client))
    assert copy.url == client.url
    assert copy._http.headers["authorization"] == "Bearer a-key"
    copied = pickle.loads(pickle.dumps(AsyncClient("http://service.example:1")))
    assert isinstance(copied, AsyncClient)


@pytest.mark.parametrize(("given", "kept"), [("0", None), ("x", None), ("", None), ("80", "80")])
def test_a_width_of_nothing_is_ignored(monkeypatch, given, kept):
    monkeypatch.setenv("COLUMNS", given)
    prepare_terminal()
    assert os.environ.get("COLUMNS") == kept


def test_no_answer_through_a_proxy_names_its_variable(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://me:secret@127.0.0.1:9")
    with (
        Client("http://service.example", retries=Retries(attempts=1)) as client,
        pytest.raises(UnreachableError, match="through the proxy that HTTP_PROXY names") as refused,
    ):
        client.preset("depth_study")
    assert "secret" not in str(refused.value)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with (
        Client("http://127.0.0.1:9", retries=Retries(attempts=1)) as client,
        pytest.raises(UnreachableError, match="Is the service running there"),
    ):
        client.preset("depth_study")
