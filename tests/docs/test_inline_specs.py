"""Values of axes that the documentation writes inside its sentences are accepted by the service."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.catalog.axes import AXES
from service.specs.expansion import SpecError, expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from tests.support.paths import ROOT

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "client" / "README.md"]
INLINE = re.compile(r"(?<!`)`(\{[^`]*\})`(?!`)")


def entries() -> Iterator[tuple[Path, str]]:
    """Yield each object with a name that a sentence has in code."""
    for page in PAGES:
        for written in INLINE.findall(page.read_text()):
            text = " ".join(written.split())
            if text.startswith('{"name"') and "..." not in text:
                yield page, text


def is_accepted(axis: str, value: dict[str, Any]) -> bool:
    spec = {"activation": "relu", "dataset": "digits", "model": "mlp"} | {axis: value}
    try:
        expand(ExperimentSpec.model_validate(spec), Limits())
    except (ValueError, SpecError):
        return False
    return True


def test_the_pages_have_some():
    assert len({text for _, text in entries()}) >= 4


@pytest.mark.parametrize(
    ("page", "text"), [pytest.param(*each, id=f"{each[0].stem}: {each[1]}") for each in entries()]
)
def test_a_value_in_a_sentence_is_one_of_an_axis(page, text):
    value = json.loads(text)
    axes = [axis for axis in AXES if value["name"] in AXES[axis]]
    assert any(is_accepted(axis, value) for axis in axes), f"{page}: {text}"


def test_what_the_service_refuses_is_found():
    assert not is_accepted("clipping", {"name": "norm", "threshold": 1})
    assert is_accepted("clipping", {"name": "norm", "max_norm": 1})
