"""What Prometheus and Grafana are given: alerts, dashboard and page name metrics that exist."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from service.api.app import create_app
from tests.support.metrics import NAMES, metric_names
from tests.support.paths import ROOT
from tests.support.served_api import ask

MONITORING = ROOT / "deploy" / "monitoring"
PAGE = ROOT / "docs" / "howto" / "monitoring.md"


@pytest.fixture
def answered(settings):
    """Names of all samples that a scrape of a new service answers."""
    return metric_names(ask(create_app(settings), "GET", "/metrics").text)


def test_alerts_and_dashboard_name_metrics_that_are_answered(answered):
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    queries = [rule["expr"] for rule in rules]
    queries += [
        target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())
    ]
    named = {name for query in queries for name in NAMES.findall(query)}
    assert len(named) > 15
    assert named <= answered


def test_the_page_explains_every_metric_and_every_alert(answered):
    page = PAGE.read_text()
    explained = set(re.findall(r"^\| `(actinium_\w+)` \| \w", page, re.M))
    told = {name for name in answered if not name.endswith("_created")}
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in told} == explained
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    assert [rule["alert"] for rule in rules] == re.findall(r"^\| `(Actinium\w+)` \|", page, re.M)


def test_the_dashboard_asks_the_data_source_that_is_chosen():
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert [each["type"] for each in dashboard["templating"]["list"]] == ["datasource"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    for place in places:
        assert place["x"] + place["w"] <= 24
    covered = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(covered) == len(set(covered)), "panels overlap"


def test_alerts_fire_when_they_should():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; it comes with Prometheus")
    cases = ROOT / "tests" / "deploy" / "alert_rules.yml"
    done = subprocess.run(
        [promtool, "test", "rules", cases], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
