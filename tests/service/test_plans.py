"""How PostgreSQL answers every read: by index, never by reading a large table from end to end."""

import pytest

from benchmarks.filled import Filling, fill
from benchmarks.plans import explained, explaining, nodes
from benchmarks.reads import LINEAR, Reads, measure


@pytest.fixture
def reads(sessions, settings):
    """Every read, on a database of some thousand runs."""
    fill(settings.database_url, Filling(runs=4_000, epochs=5, smallest=100, largest=400))
    return Reads(sessions, settings)


def test_no_read_scans_a_large_table(reads, engine):
    plans = {}
    for name, call in reads.all().items():
        with explaining(engine) as plans[name]:
            call()
        assert plans[name].plans, name
    for name, (statement, parameters) in reads.statements().items():
        plans[f"{name}, by the driver"] = explained(engine, statement, parameters)
    found = {name: seen.scans() for name, seen in plans.items() if seen.scans()}
    # Of so few runs, the newest 500 that a cost is estimated from are found best by looking at all.
    assert found.keys() <= LINEAR | {"dry run"}, found
    assert found, "the check sees a scan where there is one"
    _, listing = plans["experiments"].plans[0]
    counting = [each for each in nodes(listing) if each.get("Index Name") == "ix_runs_standing"]
    assert [each["Node Type"] for each in counting] == ["Index Only Scan"]


@pytest.mark.slow
def test_no_read_of_a_hundred_thousand_runs_is_slow(settings, database_url):
    fill(database_url, Filling(runs=100_000, epochs=10))
    (large,) = measure([settings])
    scans = {name for name, each in large.items() if each.seen.scans()}
    assert scans <= LINEAR
    # Counting for Prometheus, and searching for what hardly a run has, grow with the runs.
    slow = {name: each.milliseconds for name, each in large.items() if each.milliseconds > 100}
    assert slow.keys() <= LINEAR | {"counts for Prometheus"}, slow
