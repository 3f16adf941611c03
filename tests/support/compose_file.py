"""docker-compose.yml, .env.example and the Dockerfiles as tests read them."""

import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.paths import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text()

#: ${NAME:-default}, or ${NAME:?what to do where it is not set}.
_VARIABLE = re.compile(r"\$\{(?P<name>\w+):(?P<kind>[-?])(?P<rest>[^}]*)\}")


@dataclass(frozen=True)
class Variables:
    """What can be set: with a default, or with a sentence for those who do not set it."""

    defaults: dict[str, str]
    required: dict[str, str]


def variables_of_compose() -> Variables:
    """The variables that docker-compose.yml reads."""
    found = Variables({}, {})
    for each in _VARIABLE.finditer(COMPOSE):
        into = found.defaults if each["kind"] == "-" else found.required
        assert into.setdefault(each["name"], each["rest"]) == each["rest"], each["name"]
    return found


def variables_of_example() -> Variables:
    """The variables that .env.example explains: with a default, or to be filled in."""
    found = Variables({}, {})
    for line in (ROOT / ".env.example").read_text().splitlines():
        if each := re.fullmatch(r"(#?)([A-Z_]+)=(.*)", line):
            into = found.defaults if each[1] else found.required
            into[each[2]] = each[3]
    return found


def compose(values: dict[str, str]) -> dict[str, Any]:
    """The compose file with these values in its environment.

    Raises:
        ValueError: a required one is missing, with the file's own sentence.
    """

    def fill(found: re.Match[str]) -> str:
        if value := values.get(found["name"]):
            return value
        if found["kind"] == "?":
            raise ValueError(found["rest"])
        return found["rest"]

    filled = _VARIABLE.sub(fill, COMPOSE)
    assert "${" not in filled
    # A doubled dollar is one that the container's own shell reads.
    filled = filled.replace("$$", "$")
    loaded: dict[str, Any] = yaml.safe_load(filled)
    return loaded


def dockerfile_of(service: dict[str, Any]) -> Path:
    """The Dockerfile of one of our services' images, which another service may build."""
    image = service["image"].rpartition(":")[0].rpartition("/")[2].partition("-")[2]
    return ROOT / "deploy" / f"{image.removesuffix('-gpu')}.Dockerfile"


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile, its continued lines joined."""

    name: str
    arguments: str


def stages(dockerfile: Path) -> list[list[Instruction]]:
    """The instructions of a Dockerfile, by stage."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.M).replace("\\\n", " ")
    found: list[list[Instruction]] = [[]]
    for line in filter(None, map(str.strip, text.splitlines())):
        name, arguments = line.split(maxsplit=1)
        if name == "FROM":
            found.append([])
        found[-1].append(Instruction(name, arguments))
    return found[1:]


def copied(dockerfile: Path) -> list[tuple[list[str], str]]:
    """What an image takes from the repository: sources and target of each COPY."""
    copies = [
        shlex.split(each.arguments)
        for stage in stages(dockerfile)
        for each in stage
        if each.name == "COPY"
    ]
    return [(words[:-1], words[-1]) for words in copies if not words[0].startswith("--")]


def image_environment(dockerfile: Path) -> dict[str, str]:
    """The environment that an image gives its processes."""
    words = [
        word
        for each in stages(dockerfile)[-1]
        if each.name == "ENV"
        for word in shlex.split(each.arguments)
    ]
    return dict(word.split("=", 1) for word in words)


def lay_out_app(dockerfile: Path, app: Path) -> None:
    """Make the folder /app as an image has it."""
    for sources, target in copied(dockerfile):
        if target.startswith("/app/"):
            (source,) = sources
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / source, app / target.removeprefix("/app/"), ignore=ignore)
