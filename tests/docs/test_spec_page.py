"""The page of a spec's fields is the generator's, and says what can be submitted."""

import json
import re
from typing import Any

import pytest
from pydantic import ValidationError

from docs.generate.spec_page import PAGE, page
from service.settings import Settings
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import AXIS_FIELDS, ExperimentSpec, LayerStatistics, Variant

SMALLEST: dict[str, Any] = {"activation": "relu", "model": "mlp", "dataset": "digits"}


@pytest.fixture(scope="module")
def rows() -> dict[str, list[str]]:
    """Give the page's rows by field."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    table = [line.strip("| ").split(" | ") for line in lines]
    return {cells[0].strip("`"): cells for cells in table}


def test_the_page_is_the_generators() -> None:
    assert PAGE.read_text() == page(), "Run `make catalog`."


def test_every_field_stands_in_the_page_with_a_meaning(rows: dict[str, list[str]]) -> None:
    models = (ExperimentSpec, Variant, LayerStatistics)
    for name in {field for model in models for field in model.model_fields}:
        assert rows[name][-1].endswith((".", ").")), name


def test_a_default_written_out_changes_nothing(rows: dict[str, list[str]]) -> None:
    left_out = ExperimentSpec.model_validate({"activation": "relu"})
    tried = 0
    for name in ExperimentSpec.model_fields:
        written = re.fullmatch(r"`(.+)`", rows[name][2])
        if written:
            tried += 1
            default = written[1] if name in AXIS_FIELDS else json.loads(written[1])
            spec = ExperimentSpec.model_validate({"activation": "relu", name: default})
            assert expand(spec, Limits()) == expand(left_out, Limits())
            if name not in AXIS_FIELDS:
                assert getattr(spec, name) == getattr(left_out, name)
    assert tried > 12


@pytest.mark.parametrize("name", ["epochs", "priority", "max_attempts", "samples", "batch_size"])
def test_the_door_takes_what_is_in_the_range_and_nothing_beyond(
    rows: dict[str, list[str]], name: str
) -> None:
    text = " ".join(rows[name])
    bounds = re.findall(r"at (least|most) (-?[\d,]+\d|\d)", text)
    assert bounds
    for side, written in bounds:
        bound = int(written.replace(",", ""))
        ExperimentSpec.model_validate(_spec_with(name, bound))
        with pytest.raises(ValidationError):
            ExperimentSpec.model_validate(_spec_with(name, bound + (1 if side == "most" else -1)))


def test_the_limits_are_those_a_service_has(rows: dict[str, list[str]]) -> None:
    limits = {name: most for name, most in vars(Limits()).items() if name in Settings.model_fields}
    for name, default in limits.items():
        assert rows[name][1] == f"{default:,}" == f"{Settings.model_fields[name].default:,}"
    assert rows["max_body_bytes"][1] == f"{Settings.model_fields['max_body_bytes'].default:,}"


def _spec_with(name: str, value: int) -> dict[str, Any]:
    if name in LayerStatistics.model_fields:
        return SMALLEST | {"layer_statistics": {name: value}}
    return SMALLEST | {name: value}
