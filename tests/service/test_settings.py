"""Settings as people write them: empty, with Windows line ends, misspelled, out of range."""

import pytest

from service.settings import Settings, SettingsError, get_settings


@pytest.fixture(autouse=True)
def unread(monkeypatch):
    """Read the settings anew, from an environment without any."""
    for name in (*(f"ACTINIUM_{name.upper()}" for name in Settings.model_fields), "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.mark.parametrize("blank", ["", " ", "\r", "\t\r"])
def test_an_empty_variable_is_not_set(monkeypatch, blank):
    for name in Settings.model_fields:
        monkeypatch.setenv(f"ACTINIUM_{name.upper()}", blank)
    monkeypatch.setenv("DATABASE_URL", blank)
    settings = get_settings()
    assert settings.model_fields_set == set()
    assert settings == Settings()


def test_an_empty_variable_leaves_the_platforms_own(monkeypatch):
    monkeypatch.setenv("ACTINIUM_DATABASE_URL", "")
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/else\r")
    assert get_settings().database_url == "postgres://somewhere/else"


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("ACTINIUM_PORT", "abc", "must be a whole number"),
        ("ACTINIUM_PORT", "70000", "must be less than or equal to 65535"),
        ("ACTINIUM_WORKERS", "-1", "must be greater than or equal to 0"),
        ("ACTINIUM_LEASE_SECONDS", "soon", "must be a number"),
        ("ACTINIUM_LEASE_SECONDS", "inf", "must be a finite number"),
        ("ACTINIUM_LOG_JSON", "perhaps", "must be true or false"),
        ("ACTINIUM_LOG_LEVEL", "verbose", "must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("ACTINIUM_RATE_LIMIT", "many", "must be an amount and a period, as 100000/minute"),
        ("ACTINIUM_WEBHOOK_RETRY_SECONDS", "5,x", "must be seconds, with commas between them"),
        ("ACTINIUM_REDIS_URL", "http://h", "must be an address that begins with redis://"),
        ("DATABASE_URL", "mysql://u:pw@h/d", "must be an address that begins with postgresql://"),
        ("ACTINIUM_DATABASE_URL", "h:x", "must be an address that begins with postgresql://"),
    ],
)
def test_a_bad_one_is_a_sentence_that_names_the_variable(monkeypatch, variable, value, reason):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        get_settings()
    assert str(caught.value) == f"{variable} {reason}."


def test_a_value_may_be_in_a_file(monkeypatch, tmp_path):
    for name, value in (("key", "a-key\n"), ("url", "postgresql://u:pw@h/d\n"), ("port", "81\n")):
        (tmp_path / name).write_text(value)
    monkeypatch.setenv("ACTINIUM_API_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    monkeypatch.setenv("ACTINIUM_PORT_FILE", str(tmp_path / "port"))
    settings = get_settings()
    assert settings.api_key.get_secret_value() == "a-key"
    assert (settings.database_url, settings.port) == ("postgresql://u:pw@h/d", 81)


def test_a_file_that_cannot_be_read_or_a_value_besides_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("ACTINIUM_API_KEY_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match=r"^ACTINIUM_API_KEY_FILE names .*none, which cannot"):
        get_settings()
    (tmp_path / "none").write_text("a-key")
    monkeypatch.setenv("ACTINIUM_API_KEY", "another")
    with pytest.raises(SettingsError, match="ACTINIUM_API_KEY and ACTINIUM_API_KEY_FILE are both"):
        get_settings()


def test_each_bad_one_has_a_line_and_no_value_is_shown(monkeypatch):
    monkeypatch.setenv("ACTINIUM_PORT", "abc")
    monkeypatch.setenv("ACTINIUM_DATABASE_URL", "mysql://user:secret@host/d")
    with pytest.raises(SettingsError) as caught:
        get_settings()
    assert len(str(caught.value).splitlines()) == 2
    assert "secret" not in str(caught.value)


def test_every_number_refuses_a_word_with_its_name(monkeypatch):
    numbers = {
        name
        for name, field in Settings.model_fields.items()
        if any(kind in str(field.annotation) for kind in ("int", "float"))
    }
    assert len(numbers) > 30
    for name in numbers:
        monkeypatch.setenv(f"ACTINIUM_{name.upper()}", "many")
        get_settings.cache_clear()
        with pytest.raises(SettingsError, match=f"^ACTINIUM_{name.upper()} must be"):
            get_settings()
        monkeypatch.delenv(f"ACTINIUM_{name.upper()}")
