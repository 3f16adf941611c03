"""docker-compose.yml and the Dockerfiles keep the rules of a deployment."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from compose_spec import PyCompose, parse_duration

from service.database.roles import SERVICE_ROLE
from service.settings import Settings
from tests.support.compose_file import (
    COMPOSE,
    compose,
    copied,
    dockerfile_of,
    image_environment,
    stages,
    variables_of_compose,
    variables_of_example,
)
from tests.support.paths import ROOT

SECRETS = {
    "ACTINIUM_API_KEY": "a-key",
    "POSTGRES_PASSWORD": "the-owners",
    "SERVICE_PASSWORD": "the-services",
    "REDIS_PASSWORD": "of-redis",
}
FILE = compose(SECRETS)
SERVICES = FILE["services"]
OURS = ("migrate", "api", "scheduler", "worker", "worker-gpu")
#: Ends when its work is done: its exit status says all, and a health check nothing.
ONE_SHOT = "migrate"
#: Run by a person, who sees how it ends.
BY_HAND = ("fetch", "restore")
#: What starts only where it is asked for; tests/deploy/test_profiles.py holds it to more.
PROFILES = {
    "worker-gpu": "gpu",
    "tls": "tls",
    "prometheus": "monitoring",
    "grafana": "monitoring",
    "backup": "backup",
    "fetch": "fetch",
    "restore": "restore",
}
#: Which service builds each of our images; the others take it by its tag.
BUILDERS = {"api": "api", "worker": "worker", "worker-gpu": "worker"}
DOCKERFILES = sorted((ROOT / "deploy").glob("*.Dockerfile"))

#: Where PyTorch publishes its builds for CPUs: the default in what users build, and there alone.
TORCH_CPU_INDEX = "https://download.py" + "torch.org/whl/cpu"
USERS_TORCH_INDEX = {
    ".env.example",
    "README.md",
    "README.zh.md",
    "deploy/worker.Dockerfile",
    "docker-compose.yml",
}

every_service = pytest.mark.parametrize("name", SERVICES)
every_dockerfile = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)


def test_the_compose_file_is_valid():
    # The library does not know the specification's `on-failure:TRIES`.
    parsed = PyCompose.from_yaml(yaml.safe_dump(FILE).replace("on-failure:3", "on-failure"))
    parsed.validate()
    assert set(parsed.service_names()) == {"postgres", "redis", *PROFILES, *OURS}


@every_service
def test_a_service_has_no_more_rights_than_it_needs(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    uid, gid = map(int, service["user"].split(":"))
    assert uid > 0
    assert gid > 0
    assert any(mount.startswith("/tmp:") for mount in service["tmpfs"])
    # The proxy's program does not start without: what an image's file asks for must not be dropped.
    assert service.get("cap_add", []) == ["NET_BIND_SERVICE"] * (name == "tls")
    assert not service.keys() & {
        "privileged",
        "network_mode",
        "pid",
        "ipc",
        "devices",
    }
    for volume in service.get("volumes", []):
        assert volume.split(":")[0] in FILE["volumes"], "no folder of the host is mounted"


@every_service
def test_a_service_cannot_use_up_the_machine(name):
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]
    assert float(limits["cpus"]) > 0
    assert re.fullmatch(r"\d+[mg]", limits["memory"])
    assert limits["pids"] > 0
    assert service["logging"]["options"].keys() >= {"max-size", "max-file"}
    for mount in service["tmpfs"]:
        assert "size=" in mount


@every_service
def test_a_service_is_watched_restarted_and_stopped_with_patience(name):
    service = SERVICES[name]
    # Few tries, then an end: where the migration cannot work, `up --wait` would never return.
    restart = {ONE_SHOT: "on-failure:3", **dict.fromkeys(BY_HAND, "no")}
    assert service["restart"] == restart.get(name, "unless-stopped")
    assert parse_duration(service["stop_grace_period"]) >= 30
    if name in restart:
        assert service["healthcheck"] == {"disable": True}
        return
    check = service["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert parse_duration(check["timeout"]) <= parse_duration(check["interval"])
    assert check.keys() >= {"retries", "start_period"}
    assert check["start_interval"] == "1s", "what is ready counts as healthy at once"


def test_what_answers_comes_before_what_trains():
    shares = {name: service.get("cpu_shares", 1024) for name, service in SERVICES.items()}
    first = {name for name, share in shares.items() if share > 1024}
    assert first == {"api", "postgres", "redis"}
    assert min(shares.values()) == 1024


@pytest.mark.parametrize("name", sorted(set(OURS) - {ONE_SHOT}))
def test_a_health_check_starts_no_python(name):
    """A worker's check took a second of processor time, twice a minute."""
    _, *command = SERVICES[name]["healthcheck"]["test"]
    assert "python" not in " ".join(command)


def test_each_image_is_built_by_one_service():
    built = {name: service["build"] for name, service in SERVICES.items() if "build" in service}
    assert {name: build["dockerfile"] for name, build in built.items()} == {
        name: f"deploy/{image}.Dockerfile" for name, image in BUILDERS.items()
    }
    tags = {name: SERVICES[name]["image"] for name in OURS}
    assert tags["migrate"] == tags["api"] == tags["scheduler"]
    assert len(set(tags.values())) == len(built)
    for name in OURS:
        assert SERVICES[name]["pull_policy"] == "never", "no registry is asked for our images"


def test_two_deployments_do_not_share_an_image():
    other = compose({**SECRETS, "COMPOSE_PROJECT_NAME": "other"})["services"]
    assert not {other[name]["image"] for name in OURS} & {SERVICES[name]["image"] for name in OURS}


def test_the_cpu_worker_gets_the_build_of_torch_for_cpus():
    arguments = {
        name: SERVICES[name]["build"]["args"]["TORCH_INDEX"] for name in BUILDERS if name != "api"
    }
    assert arguments == {"worker": TORCH_CPU_INDEX, "worker-gpu": ""}
    assert f"ARG TORCH_INDEX={TORCH_CPU_INDEX}\n" in (ROOT / "deploy/worker.Dockerfile").read_text()


def test_migrate_reads_every_setting_that_another_service_does():
    """It refuses a bad one with a sentence; the others would start again and again."""
    read = SERVICES["migrate"]["environment"]
    fixed = {"ACTINIUM_HOST", "ACTINIUM_PORT", "ACTINIUM_API_KEY", "ACTINIUM_SOFT_SHUTDOWN_SECONDS"}
    fixed.add("XDG_CACHE_HOME")
    for name in set(OURS) - {ONE_SHOT}:
        assert SERVICES[name]["environment"].keys() - fixed <= read.keys(), name


def test_only_the_migration_connects_as_the_owner_of_the_schema():
    roles = {
        name: urlsplit(SERVICES[name]["environment"]["ACTINIUM_DATABASE_URL"]).username
        for name in OURS
    }
    assert roles.pop("migrate") == SERVICES["postgres"]["environment"]["POSTGRES_USER"]
    assert set(roles.values()) == {SERVICE_ROLE}


@pytest.mark.parametrize("name", ["worker", "worker-gpu"])
def test_a_worker_has_time_to_give_its_run_back(name):
    given = SERVICES[name]["environment"]["ACTINIUM_SOFT_SHUTDOWN_SECONDS"]
    default = Settings.model_fields["soft_shutdown_seconds"].default
    grace = parse_duration(SERVICES[name]["stop_grace_period"])
    assert grace >= max(float(given), default) + 10


def test_only_the_api_can_be_reached_and_only_from_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    https = published.pop("tls")
    assert published == {"api": ["127.0.0.1:8000:8000"], "grafana": ["127.0.0.1:3000:3000"]}
    assert https == ["0.0.0.0:443:443", "0.0.0.0:80:80"]
    assert FILE["networks"]["backend"]["internal"] is True
    mode = "com.docker.network.bridge.gateway_mode_ipv4"
    assert FILE["networks"]["backend"]["driver_opts"] == {mode: "nat"}
    assert FILE["networks"]["edge"]["ipam"]["config"] == [{"subnet": "172.30.84.0/24"}]
    for name, service in SERVICES.items():
        wanted = ["backend", "edge"] if name in {"api", "scheduler", "grafana"} else ["backend"]
        wanted = ["edge"] if name in {"fetch", "tls"} else wanted
        joined = list(service["networks"])
        assert joined == wanted, "the scheduler sends webhooks; no port leads to it"


@pytest.mark.parametrize("name", sorted(set(OURS) - {ONE_SHOT}))
def test_our_services_start_on_a_migrated_database(name):
    waits_for = {name: rule["condition"] for name, rule in SERVICES[name]["depends_on"].items()}
    assert waits_for["migrate"] == "service_completed_successfully"
    migration = SERVICES["migrate"]["depends_on"]
    assert migration["postgres"]["condition"] == "service_healthy"


def test_what_must_last_is_in_a_volume():
    # From version 18 on, a volume at .../data would hold nothing.
    assert SERVICES["postgres"]["volumes"] == ["postgres-data:/var/lib/postgresql"]
    assert SERVICES["redis"]["volumes"] == ["redis-data:/data"]


def test_workers_scheduler_and_api_share_checkpoints_weights_and_uploads():
    for name in ("worker", "worker-gpu", "scheduler", "api"):
        (volume,) = SERVICES[name]["volumes"]
        source, folder = volume.split(":")  # with a mode the API could store no upload
        assert source == "training-data"
        assert SERVICES[name]["environment"]["ACTINIUM_CHECKPOINT_DIR"] == folder
        # What is large and can be lost is on a disk: /tmp is memory, and little of it.
        assert SERVICES[name]["environment"]["ACTINIUM_SCRATCH_DIR"] == f"{folder}/scratch"
        made = f"install --directory --owner=actinium --group=actinium {folder}"
        (user,) = (
            instruction
            for instruction in stages(dockerfile_of(SERVICES[name]))[-1]
            if instruction.name == "RUN"
        )
        assert made in user.arguments, "a new volume would belong to root"


def test_what_is_fetched_is_where_workers_look_for_it():
    fetch = SERVICES["fetch"]
    assert fetch["image"] == SERVICES["worker"]["image"]
    assert fetch["volumes"] == SERVICES["worker"]["volumes"]
    cache = fetch["environment"]["XDG_CACHE_HOME"]
    for name in ("worker", "worker-gpu"):
        assert SERVICES[name]["environment"]["XDG_CACHE_HOME"] == cache
    assert cache.startswith(fetch["volumes"][0].split(":")[1])


def test_what_has_a_profile_runs_only_where_it_is_asked_for():
    with_profile = {
        name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service
    }
    assert with_profile == {name: [profile] for name, profile in PROFILES.items()}
    (device,) = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "device_ids": ["0"], "capabilities": ["gpu"]}


def test_every_image_is_pinned_to_a_version():
    images = {service["image"] for service in SERVICES.values()}
    images |= {SERVICES[name]["build"]["args"]["PYTHON_IMAGE"] for name in BUILDERS}
    for image in images:
        assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9-]+)?", image), image


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_starts_without_its_secrets(name):
    with pytest.raises(ValueError, match=rf"^Set {name} in \.env; \.env\.example says how"):
        compose({secret: value for secret, value in SECRETS.items() if secret != name})


def test_secrets_come_from_the_environment_alone():
    for service in yaml.safe_load(COMPOSE)["services"].values():
        for name, value in service.get("environment", {}).items():
            if name.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
            elif re.search("KEY|PASSWORD|SECRET|TOKEN|AUTH", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name
            else:
                assert not re.search(r"://[^$@/]*:[^$@/]*@", str(value)), name


def test_each_secret_goes_only_where_it_is_used():
    def holders(secret):
        return {
            name for name, service in SERVICES.items() if secret in str(service.get("environment"))
        }

    assert holders(SECRETS["ACTINIUM_API_KEY"]) == {"api"}
    owners = {"postgres", "migrate", "backup", "restore"}
    assert holders(SECRETS["POSTGRES_PASSWORD"]) == owners
    assert holders(SECRETS["SERVICE_PASSWORD"]) == set(OURS)
    assert holders(SECRETS["REDIS_PASSWORD"]) == {"redis", *OURS}


def test_no_secret_is_an_argument_that_lists_of_processes_show():
    for name, service in SERVICES.items():
        assert not any(secret in str(service.get("command")) for secret in SECRETS.values()), name


def test_what_a_deployment_writes_is_not_committed():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    wanted = {".env", "settings.env", "docker-compose.override.yml", "*.dump", "weights-*.tar.gz"}
    assert wanted | {"/secrets/"} <= set(ignored)


def test_the_example_environment_explains_just_what_is_read():
    read, explained = variables_of_compose(), variables_of_example()
    assert explained.defaults == read.defaults
    assert explained.required.keys() == read.required.keys()
    assert set(explained.required.values()) == {""}, "an example's secret would be used"


@every_dockerfile
def test_a_dockerfile_lints_without_a_remark(path):
    hadolint = Path(sys.executable).parent / "hadolint"
    linted = subprocess.run([hadolint, path], check=False, capture_output=True, text=True)
    assert (linted.returncode, linted.stdout, linted.stderr) == (0, "", "")


@every_dockerfile
def test_an_image_runs_as_a_user_that_compose_names_too(path):
    last = {instruction.name: instruction.arguments for instruction in stages(path)[-1]}
    users = {SERVICES[name]["user"] for name in OURS if dockerfile_of(SERVICES[name]) == path}
    assert users == {last["USER"]}
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert last["CMD"].startswith('["'), "a shell would swallow the stop signal"


@every_dockerfile
def test_compose_and_a_dockerfile_name_the_same_python(path):
    python = variables_of_compose().defaults["PYTHON_IMAGE"]
    assert f"\nARG PYTHON_IMAGE={python}\n" in path.read_text()
    known = {"${PYTHON_IMAGE}"}
    for first, *_ in stages(path):
        base, *alias = first.arguments.split(" AS ")
        assert base in known
        known.update(alias)


@every_dockerfile
def test_a_change_of_the_code_renews_no_layer_of_packages(path):
    by_name = {}
    for first, *rest in stages(path):
        by_name[first.arguments.partition(" AS ")[2]] = [f"{i.name} {i.arguments}" for i in rest]
    code, final = by_name["code"], by_name[""]
    own = ("pyproject.toml", "service", "workers", "migrations", "data", "docs")
    for name, lines in by_name.items():
        copies = [line for line in lines if line.startswith("COPY ") and "--from" not in line]
        if name not in {"code", ""}:
            assert not any(source in line for line in copies for source in own), name
    assert any("pyproject.toml README.md" in line for line in code)
    folders = [line.split()[-1] for line in final if line.startswith("COPY --from")]
    assert folders == ["/opt/torch"] * ("torch" in by_name) + ["/opt/actinium", "/app"]
    assert final[-1].startswith("LABEL"), "a revision renews no layer"


@every_dockerfile
def test_an_image_has_no_pip(path):
    *_, final = stages(path)
    commands = [i.arguments for i in final if i.name == "RUN"]
    assert commands[0].startswith("rm -rf /usr/local/bin/pip*")
    environments = [
        i.arguments for stage in stages(path) for i in stage if "-m venv" in i.arguments
    ]
    assert environments == ["python -m venv --without-pip /opt/actinium"]


@every_dockerfile
def test_an_image_says_what_it_is(path):
    label = next(i.arguments for i in stages(path)[-1] if i.name == "LABEL")
    for name in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{name}=" in label


@every_dockerfile
def test_each_download_of_a_build_trusts_the_certificates_of_a_secret(path):
    commands = [i.arguments for stage in stages(path) for i in stage if i.name == "RUN"]
    downloads = [line for line in commands if re.search(r"\bpip .*install (?!--no-deps)", line)]
    assert len(downloads) >= 2
    assert all(line.startswith("--mount=type=secret,id=ca ") for line in downloads)
    assert "secrets" in SERVICES["api"]["build"]
    assert FILE["secrets"]["ca"] == {"file": "/dev/null"}


def test_the_api_image_has_neither_torch_nor_data():
    api, worker = (ROOT / "deploy" / f"{name}.Dockerfile" for name in ("api", "worker"))
    lock = "deploy/requirements/worker.txt"
    assert _names(worker) - _names(api) == {"workers", "data", lock}


@every_dockerfile
def test_an_image_writes_only_where_it_may(path):
    environment = image_environment(path)
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert environment["HOME"] == "/tmp"
    # One compiles kernels, the other draws figures.
    cache = "NUMBA_CACHE_DIR" if "worker" in path.name else "MPLCONFIGDIR"
    assert environment[cache].startswith("/tmp/")


def test_only_what_the_images_copy_is_sent_to_be_built():
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"
    sent = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert sent == set().union(*map(_names, DOCKERFILES))
    assert all((ROOT / name).exists() for name in sent)


def test_no_file_names_the_host_of_a_package_registry():
    hosts = [
        *("pypi" + ".org", "python" + "hosted.org", "download.py" + "torch.org"),
        *("npmjs" + ".org", "npmjs" + ".com", "unpkg" + ".com", "jsdelivr" + ".net"),
        *("docker" + ".io", "docker" + ".com", "ghcr" + ".io", "quay" + ".io", "gcr" + ".io"),
        *("nvcr" + ".io", "crates" + ".io", "debian" + ".org", "anaconda" + ".org"),
    ]
    pattern = re.compile("|".join(map(re.escape, hosts)))
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix != ".gz":
            text = path.read_text(errors="replace")
            if name in USERS_TORCH_INDEX:
                text = text.replace(TORCH_CPU_INDEX, "")
            found = pattern.search(text)
            assert found is None, f"{name} names {found}"


def _names(dockerfile):
    return {source for sources, _ in copied(dockerfile) for source in sources}
