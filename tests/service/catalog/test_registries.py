"""Every catalog entry has its function, every function its entry."""

import pytest

from service.catalog.axes import AXES
from service.catalog.entry import Entry
from service.specs.choices import choice

#: Values of parameters that must be given and for which 1 will not do.
REQUIRED = {
    "sha256": "0" * 64,
    "input_shape": [2],
    "classes": 2,
    "validation_split": 0.0,
    "layers": ["flatten", {"name": "dense", "units": 4}],
}


def _entries() -> list[tuple[str, Entry]]:
    return [(axis, entry) for axis, entries in AXES.items() for entry in entries.values()]


@pytest.mark.parametrize(
    ("axis", "entry"), _entries(), ids=lambda value: getattr(value, "name", value)
)
def test_an_entry_says_what_it_is(axis, entry):
    assert entry.meaning.endswith(".")
    assert entry.source.title
    assert entry.source.link.startswith("http")
    assert entry.formula or entry.symbolic or axis == "model"
    for parameter in entry.parameters:
        assert parameter.meaning


@pytest.mark.parametrize(
    ("axis", "entry"), _entries(), ids=lambda value: getattr(value, "name", value)
)
def test_an_entry_can_be_chosen_with_its_defaults(axis, entry):
    stated = entry.resolved or entry.parameters
    required = {
        parameter.name: REQUIRED.get(parameter.name, 1)
        for parameter in stated
        if parameter.default is ...
    }
    chosen = choice(axis, {"name": entry.name, **required})
    assert set(chosen.parameters) == {parameter.name for parameter in stated}


@pytest.mark.parametrize("axis", AXES)
def test_an_alias_names_one_entry(axis):
    names = [name for entry in AXES[axis].values() for name in (entry.name, *entry.aliases)]
    assert len(set(names)) == len(names)
    for entry in AXES[axis].values():
        for alias in entry.aliases:
            assert choice(axis, alias) == choice(axis, entry.name)
