"""docs/settings.md is the generator's, and its defaults and ranges are those of the service."""

import re

import pytest
from pydantic import ValidationError

from docs.generate.settings_page import PAGE, page
from service.settings import Settings


@pytest.fixture(scope="module")
def rows():
    """Return the cells of the page's rows, by variable."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| `ACTINIUM_")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0].strip("` "): row for row in cells}


def test_the_page_is_the_generators():
    assert PAGE.read_text() == page(), "Run `make catalog`."


def test_every_setting_has_a_row_with_a_meaning(rows):
    assert set(rows) == {f"ACTINIUM_{name.upper()}" for name in Settings.model_fields}
    assert all(row[-1].endswith(".") for row in rows.values())


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_default_written_out_changes_nothing(rows, name, monkeypatch):
    for alias in ("DATABASE_URL", "REDIS_URL", f"ACTINIUM_{name.upper()}"):
        monkeypatch.delenv(alias, raising=False)
    default = getattr(Settings(), name)
    variable = f"ACTINIUM_{name.upper()}"
    written = re.fullmatch("`(.+)`", rows[variable][1])
    if written is None:
        assert rows[variable][1] in {"not set", "the machine's"}
        assert default is None or name == "cores"
        return
    monkeypatch.setenv(variable, written[1])
    assert getattr(Settings(), name) == default


def test_the_ranges_are_those_that_are_checked(rows, monkeypatch):
    checked = 0
    for variable, (_, _, text, _) in rows.items():
        for side, number in re.findall(r"(at least|at most) ([\d,]+)", text):
            bound = int(number.replace(",", ""))
            monkeypatch.setenv(variable, str(bound))
            Settings()
            monkeypatch.setenv(variable, str(bound + (1 if side == "at most" else -1)))
            with pytest.raises(ValidationError):
                Settings()
            checked += 1
        if found := re.search(r"more than (\d+)", text):
            monkeypatch.setenv(variable, found[1])
            with pytest.raises(ValidationError):
                Settings()
            checked += 1
        monkeypatch.delenv(variable, raising=False)
    assert checked > 25
