"""Targets of webhooks: public addresses alone, unless the settings allow more."""

import pytest

from service.errors import InvalidError
from service.settings import Settings
from service.webhooks import subscriptions
from service.webhooks.subscriptions import Subscription
from service.webhooks.targets import checked_url, is_public


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
    ],
)
def test_no_webhook_leads_inside(host):
    with pytest.raises(InvalidError, match="not a public address") as refused:
        checked_url(f"http://{host}/", Settings())
    (error,) = refused.value.errors
    assert error.location == ("url",)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
def test_public_addresses_are_told_from_others(address):
    assert is_public(address)


def test_the_settings_can_allow_private_addresses(session, settings):
    wanted = Subscription("http://LOCALHOST:80/a b")
    with pytest.raises(InvalidError, match="localhost leads to"):
        subscriptions.create(session, wanted, caller="test", settings=settings)
    allowed = settings.model_copy(update={"webhook_private_addresses": True})
    created = subscriptions.create(session, wanted, caller="test", settings=allowed)
    assert created.url == "http://localhost/a%20b"


def test_a_name_that_nobody_knows_yet_may_be_subscribed():
    assert checked_url("https://later.invalid", Settings()) == "https://later.invalid/"
