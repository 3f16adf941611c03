"""The profiles of docker-compose.yml: HTTPS, monitoring, backups."""

import asyncio
import os
import shutil
import subprocess
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from deploy.embedded.binaries import postgres_bin
from tests.support.compose_file import compose, variables_of_example
from tests.support.paths import ROOT

SECRETS = dict.fromkeys(variables_of_example().required, "a-secret")
FILE = compose(SECRETS)
SERVICES = FILE["services"]
PROXY = "172.30.84.250"


def compose_config(tmp_path, *profiles):
    """Return the services that Compose itself makes of the file; skip where it is not there."""
    if shutil.which("docker") is None:
        pytest.skip("Docker is not installed")
    version = ["docker", "compose", "version"]
    if subprocess.run(version, check=False, capture_output=True).returncode:
        pytest.skip("Docker has no Compose")
    (tmp_path / "env").write_text("".join(f"{name}={text}\n" for name, text in SECRETS.items()))
    asked = [word for profile in profiles for word in ("--profile", profile)]
    command = ["docker", "compose", "--env-file", tmp_path / "env", *asked, "config"]
    rendered = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert rendered.returncode == 0, rendered.stderr
    return yaml.safe_load(rendered.stdout)["services"]


@pytest.mark.parametrize(
    ("profiles", "added"),
    [
        ([], set()),
        (["gpu"], {"worker-gpu"}),
        (["tls"], {"tls"}),
        (["monitoring"], {"prometheus", "grafana"}),
        (["backup"], {"backup"}),
        (["tls", "backup"], {"tls", "backup"}),
    ],
)
def test_a_profile_adds_its_services_and_no_more(tmp_path, profiles, added):
    base = {"postgres", "redis", "migrate", "api", "scheduler", "worker"}
    assert set(compose_config(tmp_path, *profiles)) == base | added


@pytest.mark.parametrize("name", SERVICES)
def test_every_file_and_secret_that_a_service_mounts_exists_or_is_explained(name):
    for config in SERVICES[name].get("configs", []):
        assert (ROOT / FILE["configs"][config["source"]]["file"]).is_file()
    for secret in SERVICES[name].get("secrets", []):
        path = FILE["secrets"][secret]["file"]
        page = (ROOT / "docs/howto/compose.md").read_text()
        assert path.removeprefix("./") in page


@pytest.mark.parametrize(
    ("peer", "believed"), [(PROXY, True), ("172.30.84.1", False), ("172.30.84.3", False)]
)
def test_the_api_believes_its_own_proxy_and_nobody_else(peer, believed):
    (address,) = (network["ipv4_address"] for network in SERVICES["tls"]["networks"].values())
    assert address == PROXY
    trusted = SERVICES["api"]["environment"]["FORWARDED_ALLOW_IPS"]
    assert _client(trusted, peer, "203.0.113.9") == ("203.0.113.9" if believed else peer)


def test_proxies_that_are_named_are_believed_beside_it():
    services = compose({**SECRETS, "TRUSTED_PROXIES": "172.30.84.1"})["services"]
    trusted = services["api"]["environment"]["FORWARDED_ALLOW_IPS"]
    for peer in ("172.30.84.1", PROXY):
        assert _client(trusted, peer, "203.0.113.9") == "203.0.113.9"
    assert _client(trusted, PROXY, "203.0.113.9, 172.30.84.1") == "203.0.113.9"


def test_the_proxy_reads_every_setting_that_it_is_given_and_leads_to_the_api():
    text = (ROOT / FILE["configs"]["caddy"]["file"]).read_text()
    for name in SERVICES["tls"]["environment"].keys() - {"HOME"}:
        assert f"{{${name}}}" in text or name.startswith("XDG_"), name
    port = SERVICES["api"]["environment"]["ACTINIUM_PORT"]
    assert f"reverse_proxy api:{port} " in text
    _, _, health = SERVICES["tls"]["healthcheck"]["test"][-1].partition("//")
    assert f"http://{health.rstrip('/')} {{" in text


def test_the_proxy_keeps_its_certificates_in_its_volume():
    data = SERVICES["tls"]["environment"]["XDG_DATA_HOME"]
    assert SERVICES["tls"]["volumes"] == [f"tls-data:{data}"]


def test_prometheus_reads_the_files_that_it_is_given():
    scraper = SERVICES["prometheus"]
    targets = {config["target"] for config in scraper["configs"]}
    (option,) = (word for word in scraper["command"] if word.startswith("--config.file="))
    assert option.partition("=")[2] in targets
    settings = yaml.safe_load((ROOT / "deploy/monitoring/prometheus.yml").read_text())
    (job,) = settings["scrape_configs"]
    key = job["authorization"]["credentials_file"]
    assert key.removeprefix("/run/secrets/") in scraper["secrets"]
    (target,) = job["static_configs"][0]["targets"]
    assert target == f"api:{SERVICES['api']['environment']['ACTINIUM_PORT']}"
    assert set(settings["rule_files"]) <= targets


def test_grafana_shows_the_dashboard_that_ships():
    targets = {config["source"]: config["target"] for config in SERVICES["grafana"]["configs"]}
    folder = ROOT / "deploy/monitoring/grafana"
    (source,) = yaml.safe_load((folder / "datasources.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((folder / "dashboards.yml").read_text())["providers"]
    assert provider["options"]["path"] == targets["dashboard"].rpartition("/")[0]


# ---- backups: the script on a real server -----------------------------------------------------


@pytest.fixture
def backups(database_url, tmp_path):
    """Return a function that runs the script of the backups with this test's folders."""
    server = urlsplit(database_url.replace("+psycopg", ""))
    here = {
        "/var/lib/postgresql": str(tmp_path / "backups"),
        "/var/lib/actinium": str(tmp_path / "files"),
        "/tmp/failed": str(tmp_path / "failed"),
    }
    script = (ROOT / FILE["configs"]["backup"]["file"]).read_text()
    for there, path in here.items():
        script = script.replace(there, path)
    for folder in ("backups", "files"):
        (tmp_path / folder).mkdir()
    environment = SERVICES["backup"]["environment"] | {
        "PATH": f"{postgres_bin()}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": server.hostname,
        "PGPORT": str(server.port),
        "PGUSER": server.username,
        "PGPASSWORD": server.password or "",
        "PGDATABASE": server.path.removeprefix("/"),
    }

    def run(*arguments, **changed):
        command = ["sh", "-c", script, "backup.sh", *arguments]
        return subprocess.run(
            command, env=environment | changed, check=False, capture_output=True, text=True
        )

    return run


def test_a_backup_is_restored_with_its_files(backups, database_url, tmp_path):
    url = database_url.replace("+psycopg", "")
    made = "INSERT INTO api_keys (id, name, digest, scopes) VALUES (%s, 'one', 'digest', '{read}')"
    key = "0190b0e0-0000-7000-8000-000000000001"
    with psycopg.connect(url) as connection:
        connection.execute(made, [key])
    (tmp_path / "files/weights").write_text("of a run")
    taken = backups("now")
    assert taken.returncode == 0, taken.stderr
    (dump,) = (tmp_path / "backups").glob("actinium-*.dump")
    name = dump.stem.removeprefix("actinium-")

    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM api_keys")
        open_still = backups("restore", name)
    (tmp_path / "files/weights").unlink()
    assert open_still.returncode == 1
    assert "1 connections are open: stop api, scheduler and workers first." in open_still.stderr
    restored = backups("restore", name)
    assert restored.returncode == 0, restored.stderr
    assert (tmp_path / "files/weights").read_text() == "of a run"
    with psycopg.connect(url) as connection:
        assert str(connection.execute("SELECT id FROM api_keys").fetchone()[0]) == key


def test_only_the_newest_backups_are_kept(backups, tmp_path):
    folder = tmp_path / "backups"
    for day in ("01", "02", "03"):
        for file in (
            f"actinium-2026-11-{day}T030000Z.dump",
            f"weights-2026-11-{day}T030000Z.tar.gz",
        ):
            (folder / file).touch()
    taken = backups("now", BACKUP_KEEP="2")
    assert taken.returncode == 0, taken.stderr
    kept = sorted(path.name for path in folder.iterdir())
    assert len(kept) == 4
    assert {name for name in kept if "2026-11" in name and "T030000Z" in name} == {
        "actinium-2026-11-03T030000Z.dump",
        "weights-2026-11-03T030000Z.tar.gz",
    }


def test_a_backup_that_fails_leaves_nothing_that_looks_like_one(backups, tmp_path):
    taken = backups("now", PGPASSWORD="another", PGUSER="nobody")
    assert taken.returncode != 0
    assert not list((tmp_path / "backups").glob("actinium-*"))


def test_a_backup_that_is_not_there_is_told_with_those_that_are(backups, tmp_path):
    (tmp_path / "backups/actinium-2026-11-01T030000Z.dump").touch()
    ended = backups("restore", "yesterday")
    assert ended.returncode == 1
    assert "There is no backup yesterday. There are: 2026-11-01T030000Z" in ended.stderr


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"BACKUP_KEEP": "0"}, "BACKUP_KEEP must be a whole number, 1 or more."),
        ({"BACKUP_KEEP": "many"}, "BACKUP_KEEP must be a whole number, 1 or more."),
        ({"BACKUP_AT": "at night"}, "BACKUP_AT must be a time, as 03:00."),
        ({"BACKUP_AT": ""}, "BACKUP_AT must be a time, as 03:00."),
    ],
)
def test_a_bad_setting_of_the_backups_is_refused_with_a_sentence(backups, setting, sentence):
    ended = backups("now", **setting)
    assert (ended.returncode, ended.stderr.strip()) == (1, sentence)


def _client(trusted, peer, forwarded):
    """Return whom the API takes a request for that a peer forwards."""
    seen = []

    async def application(scope, receive, send):
        seen.append(scope["client"][0])

    scope = {
        "type": "http",
        "client": (peer, 1),
        "headers": [(b"x-forwarded-for", forwarded.encode())],
    }
    asyncio.run(ProxyHeadersMiddleware(application, trusted)(scope, None, None))
    return seen[0]
