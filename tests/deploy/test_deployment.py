"""docker-compose.yml and the Dockerfiles keep the rules of a deployment."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from compose_spec import PyCompose, parse_duration

from service.settings import Settings
from tests.support.compose_file import (
    COMPOSE,
    compose,
    copied,
    image_environment,
    stages,
    variables_of_compose,
    variables_of_example,
)
from tests.support.paths import ROOT

SECRETS = {"ACTINIUM_API_KEY": "a-key", "POSTGRES_PASSWORD": "a-password"}
FILE = compose(SECRETS)
SERVICES = FILE["services"]
OURS = ("migrate", "api", "scheduler", "worker", "worker-gpu")
#: Ends when its work is done: its exit status says all, and a health check nothing.
ONE_SHOT = "migrate"
DOCKERFILES = sorted((ROOT / "deploy").glob("*.Dockerfile"))

every_service = pytest.mark.parametrize("name", SERVICES)
every_dockerfile = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)


def test_the_compose_file_is_valid():
    parsed = PyCompose.from_yaml(yaml.safe_dump(FILE))
    parsed.validate()
    assert set(parsed.service_names()) == {"postgres", "redis", *OURS}


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
    assert not service.keys() & {
        "privileged",
        "cap_add",
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
    assert service["restart"] == ("on-failure" if name == ONE_SHOT else "unless-stopped")
    assert parse_duration(service["stop_grace_period"]) >= 30
    if name == ONE_SHOT:
        assert service["healthcheck"] == {"disable": True}
        return
    check = service["healthcheck"]
    assert check["test"][0] in {"CMD", "CMD-SHELL"}
    assert parse_duration(check["timeout"]) <= parse_duration(check["interval"])
    assert check.keys() >= {"retries", "start_period"}


@pytest.mark.parametrize("name", ["worker", "worker-gpu"])
def test_a_worker_has_time_to_give_its_run_back(name):
    given = SERVICES[name]["environment"]["ACTINIUM_SOFT_SHUTDOWN_SECONDS"]
    default = Settings.model_fields["soft_shutdown_seconds"].default
    grace = parse_duration(SERVICES[name]["stop_grace_period"])
    assert grace >= max(float(given), default) + 10


def test_only_the_api_can_be_reached_and_only_from_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:8000:8000"]}
    assert FILE["networks"]["backend"] == {"internal": True}
    for name, service in SERVICES.items():
        wanted = ["backend", "edge"] if name in {"api", "scheduler"} else ["backend"]
        assert service["networks"] == wanted, "the scheduler sends webhooks; no port leads to it"


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


def test_workers_scheduler_and_api_share_checkpoints_and_weights():
    for name in ("worker", "worker-gpu", "scheduler", "api"):
        (volume,) = SERVICES[name]["volumes"]
        source, folder, *mode = volume.split(":")
        assert (source, mode) == ("training-data", ["ro"] if name == "api" else [])
        assert SERVICES[name]["environment"]["ACTINIUM_CHECKPOINT_DIR"] == folder
        made = f"install --directory --owner=actinium --group=actinium {folder}"
        (user,) = (
            instruction
            for instruction in stages(_dockerfile(SERVICES[name]))[-1]
            if instruction.name == "RUN"
        )
        assert made in user.arguments, "a new volume would belong to root"


def test_the_gpu_worker_runs_only_where_it_is_asked_for():
    with_profile = {
        name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service
    }
    assert with_profile == {"worker-gpu": ["gpu"]}
    (device,) = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "device_ids": ["0"], "capabilities": ["gpu"]}


def test_every_image_is_pinned_to_a_version():
    images = {service["image"] for service in SERVICES.values()}
    images |= {SERVICES[name]["build"]["args"]["PYTHON_IMAGE"] for name in OURS}
    for image in images:
        assert re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?(-[a-z0-9-]+)?", image), image


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_starts_without_its_secrets(name):
    with pytest.raises(ValueError, match=rf"^Set {name} in \.env; \.env\.example says how"):
        compose({secret: value for secret, value in SECRETS.items() if secret != name})


def test_secrets_come_from_the_environment_alone():
    for service in yaml.safe_load(COMPOSE)["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("KEY|PASSWORD|SECRET|TOKEN", name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), name
            else:
                assert not re.search(r"://[^$@/]*:[^$@/]*@", str(value)), name


def test_each_secret_goes_only_where_it_is_used():
    def holders(secret):
        return {
            name for name, service in SERVICES.items() if secret in str(service.get("environment"))
        }

    assert holders(SECRETS["ACTINIUM_API_KEY"]) == {"api"}
    assert holders(SECRETS["POSTGRES_PASSWORD"]) == {"postgres", *OURS}


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
    users = {service["user"] for service in SERVICES.values() if _dockerfile(service) == path}
    assert users == {last["USER"]}
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert last["CMD"].startswith('["'), "a shell would swallow the stop signal"


@every_dockerfile
def test_compose_and_a_dockerfile_name_the_same_python(path):
    python = variables_of_compose().defaults["PYTHON_IMAGE"]
    assert f"\nARG PYTHON_IMAGE={python}\n" in path.read_text()
    assert all(stage[0].arguments.startswith("${PYTHON_IMAGE}") for stage in stages(path))


@every_dockerfile
def test_an_image_is_built_in_stages_and_its_code_comes_last(path):
    *_, build, final = stages(path)
    assert "RUN pip" not in str(final), "pip's leftovers stay in the stage that builds"
    lines = [f"{instruction.name} {instruction.arguments}" for instruction in build]
    installs = next(i for i, line in enumerate(lines) if "--requirement" in line)
    code = next(i for i, line in enumerate(lines) if line.startswith("COPY service"))
    assert installs < code
    assert not any("pyproject.toml" in line for line in lines[:installs])


def test_the_api_image_has_neither_torch_nor_data():
    api, worker = (ROOT / "deploy" / f"{name}.Dockerfile" for name in ("api", "worker"))
    lock = "deploy/requirements/worker.txt"
    assert _names(worker) - _names(api) == {"workers", "data", lock}


@every_dockerfile
def test_an_image_writes_only_where_it_may(path):
    environment = image_environment(path)
    assert environment["PYTHONDONTWRITEBYTECODE"] == "1"
    assert environment["HOME"] == "/tmp"
    assert environment["MPLCONFIGDIR"].startswith("/tmp/")


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
            found = pattern.search(path.read_text(errors="replace"))
            assert found is None, f"{name} names {found}"


def _dockerfile(service):
    return ROOT / service["build"]["dockerfile"] if "build" in service else None


def _names(dockerfile):
    return {source for sources, _ in copied(dockerfile) for source in sources}
