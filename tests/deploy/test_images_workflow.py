"""The workflow that publishes the images builds what is here, under the names asked for."""

import re

import pytest
import yaml

from tests.support.compose_file import Instruction, compose, stages, variables_of_example
from tests.support.paths import ROOT

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/images.yml").read_text())
JOB = WORKFLOW["jobs"]["publish"]
STEPS = {step["uses"].partition("@")[0]: step for step in JOB["steps"] if "uses" in step}
BUILD = STEPS["docker/build-push-action"]["with"]
IMAGES = {image["name"]: image for image in JOB["strategy"]["matrix"]["include"]}
#: Which service of docker-compose.yml takes each image.
SERVICES = {"api": "api", "worker-cpu": "worker", "worker-cuda": "worker-gpu"}


def build_arguments(image):
    """Return the names and values of an image's build arguments."""
    text = BUILD["build-args"].replace("${{ matrix.arguments }}", image["arguments"])
    return dict(line.split("=", 1) for line in text.split("\n") if line.strip())


def test_every_image_is_published_on_a_tag_and_on_nothing_else():
    # YAML reads the key `on` as true.
    assert WORKFLOW[True] == {"push": {"tags": ["v*"]}}
    assert IMAGES.keys() == SERVICES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_built_as_compose_builds_it(name):
    image, service = IMAGES[name], compose(dict.fromkeys(variables_of_example().required, "x"))
    service = service["services"][SERVICES[name]]
    assert image["dockerfile"] == service["build"]["dockerfile"]
    assert (ROOT / image["dockerfile"]).is_file()
    assert service["image"].partition(":")[0] == image["image"], "compose pulls it by this name"
    assert BUILD["file"] == "${{ matrix.dockerfile }}"
    assert BUILD["context"] == service["build"]["context"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_build_argument_is_one_of_its_dockerfile(name):
    image = IMAGES[name]
    known = {
        instruction.arguments.partition("=")[0]
        for instruction in _instructions(ROOT / image["dockerfile"])
        if instruction.name == "ARG"
    }
    given = build_arguments(image)
    assert given.keys() <= known
    assert {"VERSION", "REVISION"} <= given.keys()
    # Without the argument a worker gets the build for CPUs, with an empty one that for CUDA.
    assert ("TORCH_INDEX" in given) == (name == "worker-cuda")


def test_images_say_what_they_are_made_of_and_how_they_were_built():
    assert BUILD["sbom"] is True
    assert BUILD["provenance"] == "mode=max"
    assert BUILD["push"] is True
    assert set(BUILD["platforms"].split(",")) == {"linux/amd64", "linux/arm64"}


def test_every_action_is_pinned_to_a_version_and_may_write_nothing():
    for step in JOB["steps"]:
        assert "uses" not in step or re.search(r"@v\d+\.\d+\.\d+$", step["uses"])
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert STEPS["actions/checkout"]["with"] == {"persist-credentials": False}


def test_what_a_tag_is_called_reaches_the_shell_as_a_variable_only():
    for step in JOB["steps"]:
        assert "${{" not in step.get("run", "")


def _instructions(dockerfile) -> list[Instruction]:
    """The instructions of a Dockerfile, those before its first stage too."""
    head = dockerfile.read_text().partition("\nFROM ")[0]
    before = re.findall(r"^ARG (.*)$", head, re.M)
    return [Instruction("ARG", arguments) for arguments in before] + [
        instruction for stage in stages(dockerfile) for instruction in stage
    ]
