"""Tests of the page's modules in JavaScript, run in the browser: each is a case of pytest.

The files of ``modules/`` import the page's own modules from ``/static`` and are served beside them,
under the page's policy. Nothing else is there: what is tested here needs no API.
"""

import json
import mimetypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.api.routes.dashboard import DASHBOARD_POLICY
from service.catalog.metrics import MAIN_METRIC, METRICS
from service.specs.spec import AXIS_FIELDS
from service.statuses import ACTIVE, ENDED, ExperimentStatus, Remark, RunStatus, Verdict
from tests.support.page_visitors import opened_browser
from tests.support.paths import ROOT

_STATIC = ROOT / "service" / "dashboard" / "static"
_MODULES = Path(__file__).parent / "modules"
_ORIGIN = "http://page.test"
_FOLDERS = {f"{_ORIGIN}/static/": _STATIC, f"{_ORIGIN}/tests/": _MODULES}

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


def _serve(route: Any) -> None:
    """Answer a request of the browser with a file, or with an empty page."""
    address = route.request.url
    headers = {"content-security-policy": DASHBOARD_POLICY}
    for prefix, folder in _FOLDERS.items():
        if address.startswith(prefix):
            path = folder / address.removeprefix(prefix)
            content_type = mimetypes.guess_type(path.name)[0]
            route.fulfill(path=path, headers=headers | {"content-type": str(content_type)})
            return
    route.fulfill(body="<!doctype html>", headers=headers | {"content-type": "text/html"})


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """An empty page in the browser, beside the page's files."""
    with opened_browser() as browser:
        context = browser.new_context(locale="en-GB", timezone_id="UTC")
        opened = context.new_page()
        opened.route("**/*", _serve)
        opened.goto(_ORIGIN)
        yield opened
        context.close()


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
    assert _exports(page, "metrics")["MAIN_METRIC"] == MAIN_METRIC
    statuses = _exports(page, "statuses")
    assert statuses["RUN_STATUSES"] == [*RunStatus]
    assert statuses["EXPERIMENT_STATUSES"] == [*ExperimentStatus]
    assert statuses["ENDED"] == [*ENDED]
    assert statuses["ACTIVE"] == [*ACTIVE]
    assert statuses["REMARKS"] == [*Remark]
    assert statuses["HEALTHY"] == Verdict.HEALTHY


def test_chinese_titles_are_of_metrics_there_are():
    titles = json.loads((_STATIC / "strings" / "zh.api.json").read_text())
    assert set(titles) <= {f"metric.{name}" for name in METRICS}
