"""Targets of webhooks: public addresses alone, unless the settings allow more."""

import ipaddress
import socket

import pytest

from service.errors import InvalidError
from service.settings import Settings
from service.webhooks import subscriptions
from service.webhooks.subscriptions import Subscription
from service.webhooks.targets import RefusedTargetError, checked_url, is_public, refuse_private


@pytest.mark.parametrize(
    "host",
    [
        "localhost",  # a name, which leads home
        "127.0.0.1",
        "127.9.9.9:8000",
        "2130706433",  # 127.0.0.1 as one number
        "0x7f.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # where clouds hand out credentials
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:db8::1]",
        *("printer.local", "db.internal", "LOCALHOST.", "a.localhost", "nas.home.arpa"),
        *("0177.0.0.1", "127.1", "0", "[::ffff:7f00:1]", "[::ffff:0:127.0.0.1]"),
    ],
)
def test_no_webhook_leads_inside(host):
    with pytest.raises(InvalidError, match="not a public address") as refused:
        checked_url(f"http://{host}/", Settings())
    (error,) = refused.value.errors
    assert error.location == ("url",)


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1", "2a00:1450::1"),
        *("9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "100.63.255.255"),
        *("100.128.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:200::1"),
    ],
)
def test_public_addresses_are_told_from_others(address):
    assert is_public(address)


#: Both ends of every network in the IANA registries of special-purpose addresses (2026).
SPECIAL = [
    *("0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32"),
    *("192.0.0.10/32", "192.0.0.170/32", "192.0.0.171/32", "192.0.2.0/24", "192.31.196.0/24"),
    *("192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15"),
    *("198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32", "224.0.0.0/4"),
    *("::1/128", "::/128", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23"),
    *("2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48"),
    *("2001:3::/32", "2001:4:112::/48", "2001:10::/28", "2001:20::/28", "2001:30::/28"),
    *("2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7"),
    *("fe80::/10", "fec0::/10", "ff00::/8"),
]


@pytest.mark.parametrize("network", SPECIAL)
def test_special_purpose_addresses_are_not_public(network):
    parsed = ipaddress.ip_network(network)
    for address in (parsed[0], parsed[-1], parsed[parsed.num_addresses // 2]):
        assert not is_public(str(address))
        if parsed.version == 4:
            number = int(address)
            for prefix in ("::ffff:0:0", "64:ff9b::", "2002::"):
                inside = int(ipaddress.IPv6Address(prefix)) + number
                assert not is_public(str(ipaddress.IPv6Address(inside)))
            isatap = int(ipaddress.IPv6Address("2606:4700::5efe:0:0")) + number
            assert not is_public(str(ipaddress.IPv6Address(isatap)))


def test_no_name_is_resolved_at_subscription(monkeypatch):
    """A name server that is silent would hold the threads that all routes share."""

    def resolve(*_arguments, **_options):
        raise AssertionError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for host in ("lab.example.org", "db", "host.docker.internal.example.org"):
        assert checked_url(f"https://{host}/", Settings()) == f"https://{host}/"


def test_what_a_name_leads_to_is_not_told():
    """An inner name is answered as one that nobody knows."""
    said = set()
    for addresses in ([], ["10.0.0.1"], ["1.1.1.1", "192.168.0.9"], ["fd00::1"]):
        with pytest.raises(RefusedTargetError) as refused:
            refuse_private(addresses)
        said.add(str(refused.value))
    assert len(said) == 1
    refuse_private(["1.1.1.1", "2606:4700::1111"])


def test_the_settings_can_allow_private_addresses(session, settings):
    wanted = Subscription("http://LOCALHOST:80/a b")
    with pytest.raises(InvalidError, match="localhost is not a public"):
        subscriptions.create(session, wanted, caller="test", settings=settings)
    allowed = settings.model_copy(update={"webhook_private_addresses": True})
    created = subscriptions.create(session, wanted, caller="test", settings=allowed)
    assert created.url == "http://localhost/a%20b"


def test_a_url_without_a_scheme_or_with_port_0_is_refused():
    for url, words in (
        ("example.com", "write https:// before it"),
        ("/hooks", "write https:// before it"),
        ("https://example.com:0/", "Port 0"),
        ("ftp://example.com", "scheme"),
    ):
        with pytest.raises(InvalidError, match=words):
            checked_url(url, Settings())


def test_a_name_that_nobody_knows_yet_may_be_subscribed():
    assert checked_url("https://later.invalid", Settings()) == "https://later.invalid/"
