"""The lock files of deploy/requirements: complete, hashed, in agreement, used by the images."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from deploy.lock import API_ALONE, FOLDER, LOCKS, TORCH_NEEDS, requirements_of
from tests.support.compose_file import stages
from tests.support.paths import ROOT

_PIN = re.compile(r"^(?P<name>[\w.-]+)(\[.*\])?==(?P<version>[^ ;]+)( ;.*)? \\$")
_INDEX = "${TORCH_INDEX:+--index-url $TORCH_INDEX}"


def _pins(name: str) -> dict[str, Version]:
    """Return the version of each package, each of which must have a hash."""
    pins = {}
    lines = (FOLDER / f"{name}.txt").read_text().splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        found = _PIN.match(line)
        if found:
            assert following.startswith("    --hash=sha256:"), f"{line} has no hash"
            pins[canonicalize_name(found["name"])] = Version(found["version"])
        else:
            assert line.startswith(("#", "    --hash=sha256:")), f"{line!r} is no pin"
    return pins


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_to_a_version_it_allows(name: str) -> None:
    pins = _pins(name)
    for line in requirements_of(name):
        requirement = Requirement(line)
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{line} is not in {name}.txt. Run `make lock`."
        assert version in requirement.specifier, f"{line} is at {version}. Run `make lock`."


@pytest.mark.parametrize("name", LOCKS)
def test_all_lock_files_agree(name: str) -> None:
    largest = _pins("dev")
    assert {pin: largest.get(pin) for pin in _pins(name)} == _pins(name)


@pytest.mark.parametrize("name", LOCKS)
def test_torch_is_left_to_the_machine(name: str) -> None:
    pins = _pins(name)
    assert "torch" not in pins
    assert not [pin for pin in pins if pin.startswith("nvidia-")]


@pytest.mark.parametrize("name", ["api", "worker"])
def test_an_image_installs_its_lock_file_by_hashes(name: str) -> None:
    dockerfile = ROOT / "deploy" / f"{name}.Dockerfile"
    installs = [
        " ".join(found[1].split())
        for stage in stages(dockerfile)
        for instruction in stage
        if instruction.name == "RUN"
        and (found := re.search(r"(?<![\w-])pip (.*)", instruction.arguments))
    ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (torch,) = (
        line for line in project["optional-dependencies"]["train"] if line.startswith("torch")
    )
    into = "--python /opt/actinium/bin/python install"
    assert installs == [
        *([f"install --target /opt/torch {_INDEX} {torch}"] if name == "worker" else []),
        f"{into} --require-hashes --requirement /tmp/requirements.txt",
        f"{into} --require-hashes --requirement /tmp/build.txt",
        f"{into} --no-deps --no-build-isolation --target /app /tmp/package",
    ]
    assert f"COPY deploy/requirements/{name}.txt /tmp/requirements.txt" in dockerfile.read_text()


def test_the_image_of_a_worker_has_nothing_that_only_the_api_imports() -> None:
    assert not _pins("worker").keys() & API_ALONE
    assert _pins("api").keys() >= API_ALONE


def test_what_torch_brings_along_is_left_to_the_lock_file() -> None:
    (torch, *_) = (
        stage
        for stage in stages(ROOT / "deploy/worker.Dockerfile")
        if "torch" in stage[0].arguments
    )
    removed = " ".join(instruction.arguments for instruction in torch)
    for line in TORCH_NEEDS:
        name = Requirement(line).name.replace("-", "_")
        assert f" {name}*" in removed, name
