"""How PostgreSQL answers every read: by index, never by reading a large table from end to end."""

import pytest

from benchmarks.database.filled import Filling, fill
from benchmarks.database.query_plans import Seen, explained, explaining, nodes
from benchmarks.http.reads import LINEAR, Reads, measure
from service.runs import claims


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


def test_a_claim_sorts_no_queue_that_grew_since_it_was_counted(lab, engine):
    small = {"model": {"name": "mlp", "hidden_units": [8]}, "dataset": "digits"}
    lab.execute("ALTER TABLE runs SET (autovacuum_enabled = false)")
    lab.submit(seeds=list(range(1000)), **small)
    lab.execute("UPDATE runs SET status = 'completed' WHERE seed > 0")
    lab.execute("ANALYZE runs")
    lab.submit(seeds=list(range(1000, 2000)), **small)
    with explaining(engine) as plainly, lab.sessions() as session:
        session.execute(claims._locked(claims._waiting("cpu"), 1))
    assert "Sort" in _kinds(plainly), "the queue is taken for a short one"
    with explaining(engine) as seen:
        assert len(lab.pack(most=4)) == 4
    queues = Seen([each for each in seen.plans if " LIMIT " in each[0]])
    assert len(queues.plans) == 3
    assert "Sort" not in _kinds(queues)


def _kinds(seen):
    """What the nodes of all plans do."""
    return {node["Node Type"] for _, plan in seen.plans for node in nodes(plan)}


@pytest.mark.slow
def test_no_read_of_a_hundred_thousand_runs_scans_a_large_table(settings, database_url):
    fill(database_url, Filling(runs=100_000, epochs=10))
    (large,) = measure([settings])
    scans = {name for name, each in large.items() if each.seen.scans()}
    assert scans <= LINEAR
