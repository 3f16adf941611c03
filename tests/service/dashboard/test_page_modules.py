"""Tests of the page's modules in JavaScript, run in the browser: each is a case of pytest.

The files of ``modules/`` import the page's own modules from ``/static`` and are served beside them,
under the page's policy. Nothing else is there: what is tested here needs no API.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from service.api.schemas.catalog import Catalog
from service.catalog.axes import AXES
from service.catalog.metrics import MAIN_METRICS, METRICS, STOPPING_METRICS
from service.specs.spec import AXIS_FIELDS, ExperimentSpec
from service.statuses import (
    ACTIVE,
    ENDED,
    EndedBy,
    ExperimentStatus,
    Remark,
    RunStatus,
    Verdict,
)
from tests.support.paths import ROOT
from workers.nn.models import MODELS

_STATIC = ROOT / "service" / "dashboard" / "static"
_MODULES = Path(__file__).parent / "modules"
_NAME = re.compile(r'^test\("((?:[^"\\]|\\.)*)"', re.MULTILINE)
_CASES = [
    (path.name, json.loads(f'"{name}"'))
    for path in sorted(_MODULES.glob("*_test.js"))
    for name in _NAME.findall(path.read_text())
]

#: Run every test of a file; the error of each by its name, null for those that pass.
_RUN_FILE = """async (file) => {
  const { tests } = await import("/tests/harness.js");
  tests.clear();
  await import(`/tests/${file}`);
  const outcomes = {};
  for (const [name, body] of tests) {
    localStorage.clear();
    sessionStorage.clear();
    try {
      await body();
      outcomes[name] = null;
    } catch (error) {
      outcomes[name] = error.stack.includes(error.message) ? error.stack : String(error);
    }
  }
  return outcomes;
}"""


@pytest.fixture(scope="module")
def outcomes(page: Any) -> dict[str, dict[str, str | None]]:
    """The outcome of every test by file and name."""
    return {file: page.evaluate(_RUN_FILE, file) for file in sorted({file for file, _ in _CASES})}


@pytest.mark.parametrize(("file", "name"), _CASES)
def test_module(outcomes, file, name):
    error = outcomes[file][name]
    assert error is None, error


def test_every_test_of_the_files_is_a_case(outcomes):
    ran = {(file, name) for file, tests in outcomes.items() for name in tests}
    assert ran == set(_CASES)


#: The values that a module exports, without its functions.
_EXPORTS = """async (path) => {
  const isValue = ([, value]) => typeof value !== "function";
  return Object.fromEntries(Object.entries(await import(path)).filter(isValue));
}"""


def _exports(page: Any, module: str) -> Any:
    return page.evaluate(_EXPORTS, f"/static/lib/{module}.js")


def test_facts_that_the_page_repeats_are_those_of_the_service(page):
    assert _exports(page, "axes")["AXES"] == [*AXIS_FIELDS]
    assert _exports(page, "metrics")["MAIN_METRICS"] == MAIN_METRICS
    statuses = _exports(page, "statuses")
    assert statuses["RUN_STATUSES"] == [*RunStatus]
    assert statuses["EXPERIMENT_STATUSES"] == [*ExperimentStatus]
    assert statuses["ENDED"] == [*ENDED]
    assert statuses["ACTIVE"] == [*ACTIVE]
    assert statuses["REMARKS"] == [*Remark]
    assert statuses["HEALTHY"] == Verdict.HEALTHY
    assert statuses["EARLY_STOPPING"] == EndedBy.EARLY_STOPPING
    assert _exports(page, "metrics")["STOPPING_METRICS"] == [*STOPPING_METRICS]


#: Build the form of each spec; return the fields of a spec it has, and the parameters of each axis.
_FORM_FIELDS = """async ([axes, specs]) => {
  const { SpecForm } = await import("/static/views/compose_form.js");
  const byAxis = new Map(axes.map((axis) => [axis.axis, axis]));
  const nothing = () => {};
  const every = (element, selector) => [...element.querySelectorAll(selector)];
  const titles = (element) => every(element, ".parameter").map(({ title }) => title.split(":")[0]);
  const nameOf = ({ dataset: { field, axis } }) => field ?? axis;
  return specs.map((spec) => {
    const { element } = new SpecForm(byAxis, spec, { onChange: nothing, onUnreadable: nothing });
    return {
      fields: every(element, "[data-field], [data-axis]").map(nameOf),
      parameters: Object.fromEntries(
        every(element, "[data-axis]").map((axis) => [nameOf(axis), titles(axis)]),
      ),
    };
  });
}"""


def _forms_of(page: Any, specs: list[dict[str, Any]]) -> Any:
    axes = Catalog.of(list(AXES), None).model_dump(mode="json")["items"]
    return page.evaluate(_FORM_FIELDS, [axes, specs])


def test_the_form_has_a_field_for_every_field_of_a_spec(page):
    (form,) = _forms_of(page, [{}])
    assert set(form["fields"]) == set(ExperimentSpec.model_fields)


def test_the_form_has_a_field_for_every_parameter_of_what_is_chosen(page):
    """Also for those of an entry that is itself a parameter, as an optimizer's schedule."""
    entries = [
        (axis, entry)
        for axis in AXIS_FIELDS
        for entry in AXES.get(axis.removeprefix("output_"), {}).values()
    ]
    forms = _forms_of(page, [{axis: entry.name} for axis, entry in entries])
    for form, (axis, entry) in zip(forms, entries, strict=True):
        assert form["parameters"][axis] == [
            name
            for parameter in entry.parameters
            for name in (parameter.name, *_own_parameters(parameter.axis, parameter.default))
        ], entry.name
    schedules = [
        ({"name": "sgd", "schedule": chosen}, _own_parameters("schedule", schedule))
        for schedule in AXES["schedule"]
        for chosen in (schedule, {"name": schedule})
    ]
    forms = _forms_of(page, [{"optimizer": optimizer} for optimizer, _ in schedules])
    usual = [parameter.name for parameter in AXES["optimizer"]["sgd"].parameters]
    for form, (_, own) in zip(forms, schedules, strict=True):
        assert sorted(form["parameters"]["optimizer"]) == sorted([*usual, *own])


def _own_parameters(axis: str | None, name: Any) -> list[str]:
    """Return the parameters of an entry; none where it is not one that is named."""
    if axis is None or not isinstance(name, str):
        return []
    return [parameter.name for parameter in AXES[axis][name].parameters]


#: Choose a schedule and one of its parameters in the form, and return the optimizer of its spec.
_CHOOSE_A_SCHEDULE = """async ([axes, spec]) => {
  const { SpecForm } = await import("/static/views/compose_form.js");
  const byAxis = new Map(axes.map((axis) => [axis.axis, axis]));
  const found = [];
  const onChange = ({ optimizer }) => found.push(structuredClone(optimizer));
  const { element } = new SpecForm(byAxis, spec, { onChange });
  const field = (name) =>
    element.querySelector(`[data-axis=optimizer] [title^="${name}:"] :is(select, input)`);
  const fill = (name, value, event) => {
    field(name).value = value;
    field(name).dispatchEvent(new Event(event));
  };
  fill("schedule", "one_cycle", "change");
  fill("rise", "0.2", "input");
  fill("rise", "", "input");
  fill("schedule", "", "change");
  return found;
}"""


def test_a_schedule_and_its_parameters_are_chosen_in_the_form(page):
    axes = Catalog.of(list(AXES), None).model_dump(mode="json")["items"]
    found = page.evaluate(_CHOOSE_A_SCHEDULE, [axes, {"optimizer": {"name": "sgd"}}])
    one_cycle = {"name": "sgd", "schedule": "one_cycle"}
    rise = {"name": "sgd", "schedule": {"name": "one_cycle", "rise": 0.2}}
    assert found == [one_cycle, rise, one_cycle, "sgd"]


def test_every_parameter_has_a_word_in_both_languages():
    names = {
        f"parameter.{parameter.name}"
        for entries in AXES.values()
        for entry in entries.values()
        for parameter in entry.parameters
    }
    for language in ("en", "zh"):
        strings = json.loads((_STATIC / "strings" / f"{language}.json").read_text())
        assert names <= strings.keys()


def test_every_metric_has_a_chinese_title():
    titles = json.loads((_STATIC / "strings" / "zh.api.json").read_text())
    assert set(titles) == {f"metric.{name}" for name in METRICS}


def test_the_page_knows_which_models_are_no_lists_of_layers() -> None:
    text = (_STATIC / "parts" / "network.js").read_text()
    assert json.loads(re.search(r"WITHOUT_LAYERS = (\[.*\]);", text)[1]) == list(MODELS)
