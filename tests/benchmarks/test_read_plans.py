"""How PostgreSQL answers every read: by index, never by reading a large table from end to end."""

import pytest

from benchmarks.database.filled import Filling, fill
from benchmarks.database.query_plans import Seen, explained, explaining, nodes
from benchmarks.http.reads import LINEAR, Reads, measure
from service.runs import claims
from tests.support.scripted_worker import Lab


@pytest.fixture
def lab(sessions, settings) -> Lab:
    """Experiments and a worker played by the test."""
    return Lab(sessions, settings)


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
    # In so small a table, the newest 500 runs that a cost is estimated from are found by a scan.
    assert found.keys() <= LINEAR | {"dry run"}, found
    assert found, "the check sees a scan where there is one"
    _, listing = plans["experiments"].plans[0]
    counting = [node for node in nodes(listing) if node.get("Index Name") == "ix_runs_standing"]
    assert [node["Node Type"] for node in counting] == ["Index Only Scan"]


def test_a_claim_sorts_no_queue_that_grew_since_it_was_counted(lab, engine):
    small = {"model": {"name": "mlp", "hidden_units": [8]}, "dataset": "digits"}
    lab.execute("ALTER TABLE runs SET (autovacuum_enabled = false)")
    lab.submit(seeds=list(range(1000)), **small)
    lab.execute("UPDATE runs SET status = 'completed' WHERE seed > 0")
    lab.execute("ANALYZE runs")
    lab.submit(seeds=list(range(1000, 2000)), **small)
    with explaining(engine) as unplanned, lab.sessions() as session:
        session.execute(claims.locked_queue(claims.waiting_runs("cpu"), 1))
    assert "Sort" in _kinds(unplanned), "the statistics still describe a short queue"
    with explaining(engine) as seen:
        assert len(lab.pack(most=4)) == 4
    queues = Seen([(sql, plan) for sql, plan in seen.plans if " LIMIT " in sql])
    assert len(queues.plans) == 4
    assert "Sort" not in _kinds(queues)


def _kinds(seen):
    """The kinds of all plans' nodes."""
    return {node["Node Type"] for _, plan in seen.plans for node in nodes(plan)}


@pytest.mark.longest
def test_no_read_of_a_hundred_thousand_runs_scans_a_large_table(settings, database_url):
    fill(database_url, Filling(runs=100_000, epochs=10))
    (large,) = measure([settings])
    scans = {name for name, measured in large.items() if measured.seen.scans()}
    assert scans <= LINEAR
