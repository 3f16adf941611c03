"""Migrations: from empty, up and down with data, under load; they end where the tables' code is."""

import itertools
import subprocess
import sys
import threading
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from service.database.schema_version import (
    MIGRATIONS,
    SchemaVersionError,
    alembic_config,
    check_schema,
    expected_revision,
    known_revisions,
)
from service.database.tables import Epoch, Experiment, Run
from service.experiments import leaders
from service.experiments.labelling import label_older_runs
from service.experiments.progress import read_progress
from tests.support.paths import ROOT
from tests.support.processes import Processes, environment, wait_for
from tests.support.scripted_worker import Lab

#: Layer statistics as they are stored, of a network without layers.
_LAYERS = "\\x" + zlib.compress(b'{"loss":1.0,"chance_loss":0.7,"layers":[]}').hex()

#: Rows of the first schema, with those of 0006, and with those of the latest.
_FILL_FIRST = """
INSERT INTO experiments (id, tags, spec, created_by)
    SELECT gen_random_uuid(), '{}', '{}', 'test' FROM generate_series(1, 20);
INSERT INTO runs (id, experiment_id, position, config, config_hash, seed, status, priority,
                  device_request, reuse, max_attempts, epochs)
    SELECT gen_random_uuid(), id, n,
           '{"activation": {"name": "relu"}, "initializer": {"name": "zeros"},
             "normalization": {"name": "none"}, "clipping": {"name": "none"},
             "dataset": {"name": "churn", "test_size": 100, "validation_split": 0.0}}',
           'hash', n, 'completed', 0, 'auto', true, 3, 2
    FROM experiments, generate_series(0, 4) AS n;
INSERT INTO epochs (run_id, epoch, loss)
    SELECT id, n, 'NaN' FROM runs, generate_series(1, 2) AS n;
INSERT INTO events (experiment_id, type, data)
    SELECT id, 'experiment.created', '{}' FROM experiments;
"""
_FILL_0006 = f"""{_FILL_FIRST}
INSERT INTO layers (run_id, epoch, payload)
    SELECT id, 0, '{_LAYERS}' FROM runs;
UPDATE runs SET verdict = 'vanishing', findings = '[{{"kind": "vanishing"}}]';
INSERT INTO webhooks (id, url, events, secret, created_by)
    SELECT gen_random_uuid(), 'https://192.88.98.7/', '{{run.finished}}', 'whsec_AAAA', 'test';
INSERT INTO webhook_deliveries (id, webhook_id, event, payload)
    SELECT gen_random_uuid(), id, 'run.finished', '{{}}' FROM webhooks, generate_series(1, 5);
INSERT INTO events (experiment_id, type, data)
    VALUES (gen_random_uuid(), 'experiment.deleted', '{{}}');
"""
_FILL = f"""{_FILL_0006}
INSERT INTO datasets (id, sha256, name, bytes, understood, created_by)
    SELECT gen_random_uuid(), md5(random()::text), 'table', 1, '{{}}', 'test';
INSERT INTO paces (key, jobs, runs, fixed_weight, fixed, epoch_weight, epoch, epochs_share)
    SELECT md5(random()::text), 3, 9, 2.4, 0.1, 2.4, -0.2, 1;
INSERT INTO workers (name, device, resident_bytes, processor_seconds)
    SELECT md5(random()::text), 'cpu', 400000000, 12.5;
INSERT INTO webhook_results (result, shard, count)
    SELECT md5(random()::text), 3, 17;
"""


@pytest.fixture
def config(database_url):
    return alembic_config(database_url.replace("postgresql://", "postgresql+psycopg://"))


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {name for (name,) in rows}


def test_the_code_of_the_tables_and_the_migrations_agree(config):
    command.check(config)


def test_a_migration_is_named_by_its_revision():
    found = [revision.revision for revision in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
    assert known_revisions() == tuple(reversed(found))


def test_every_migration_goes_down_and_up_again_on_data(config, database_url):
    revisions = [
        revision.revision for revision in ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    ]
    with psycopg.connect(database_url) as connection:
        connection.execute(_FILL)
    for _ in revisions:
        command.downgrade(config, "-1")
    assert _tables(database_url) == {"alembic_version"}
    for _ in revisions:
        command.upgrade(config, "+1")
    command.check(config)
    with psycopg.connect(database_url) as connection:
        connection.execute(_FILL)


def _labels(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT id, labels, name FROM runs ORDER BY id").fetchall()


def test_older_runs_get_the_labels_of_a_submission(config, database_url, sessions, settings):
    lab = Lab(sessions, settings)
    slopes = ["relu", {"name": "leaky_relu", "negative_slope": 0.2}]
    lab.submit(activation=slopes, clipping=["none", "value"], seeds=3)
    lab.submit(activation="relu", optimizer=[{"name": "sgd", "momentum": 0.9}, "adam"])
    variants = [{"label": "a", "activation": slopes}, {"label": "b", "activation": "elu"}]
    lab.submit(variants=variants, seeds=2)
    lab.train_all()
    before, facts = _labels(database_url), _facts(database_url)
    assert before[-1][2] == "b, elu"
    command.downgrade(config, "0006")
    assert _facts(database_url) == facts
    command.upgrade(config, "0007")
    assert _labels(database_url) == before
    assert _facts(database_url) == facts


_RATES = [{"name": "sgd", "learning_rate": rate} for rate in (50, 0.00001)]


@pytest.mark.parametrize(
    ("revision", "fields", "older"),
    [
        (
            "0025",
            {"optimizer": _RATES},
            {"sgd(learning_rate=50)": "sgd(50.0)", "sgd(learning_rate=1e-5)": "sgd(1e-05)"},
        ),
        (
            "0027",
            {
                "model": {"name": "mlp", "hidden_units": [4, 4]},
                "dropout": {"name": "dropout", "rate": [[0.5, 0.5], [0.25, 0.5]]},
            },
            {
                "dropout(rate=0.5)": "dropout(rate=[0.5, 0.5])",
                "dropout(rate=[0.25, 0.5])": "dropout(rate=[0.25, 0.5])",
            },
        ),
    ],
)
def test_labels_of_an_older_version_are_written_anew(
    config, database_url, sessions, settings, revision, fields, older
):
    """``sgd(50.0)`` becomes ``sgd(learning_rate=50)``, in labels, names and lists."""
    lab = Lab(sessions, settings)
    made = lab.submit(**fields)
    lab.submit(activation=["relu", "tanh"])  # whose labels stay
    lab.train_all()
    with sessions() as session:
        leaders.renew(session)
    before = _labels(database_url)
    command.downgrade(config, f"{int(revision) - 1:04}")
    with psycopg.connect(database_url) as connection:
        for new, old in older.items():
            connection.execute(
                "UPDATE runs SET labels = replace(labels::text, %s, %s)::jsonb, "
                "name = replace(name, %s, %s)",
                (new, old, new, old),
            )
            connection.execute(
                "UPDATE overviews SET varying = replace(varying::text, %s, %s)::json", (new, old)
            )
    names = {name for _, _, name in _labels(database_url)}
    assert names == {*older.values(), "relu", "tanh"}
    command.upgrade(config, revision)
    with sessions() as session:
        assert label_older_runs(session) == 1
    assert _labels(database_url) == before
    with psycopg.connect(database_url) as connection:
        open_ones = connection.execute("SELECT experiment_id FROM overviews WHERE NOT is_final")
        assert open_ones.fetchall() == [(made,)]
    with sessions() as session:
        assert leaders.renew(session) == 1
        progress = read_progress(session, made)
    assert progress.varying[0]["labels"] == [*older]


def test_runs_that_took_over_a_history_learn_whose_files_they_have(
    config, database_url, sessions, settings
):
    lab = Lab(sessions, settings)
    first, second, third = (lab.submit() for _ in range(3))
    lab.train_all()
    with psycopg.connect(database_url) as connection:
        runs = dict(connection.execute("SELECT experiment_id, id FROM runs").fetchall())
        chain = [runs[first], runs[second], runs[third]]
        for source, run in itertools.pairwise(chain):
            connection.execute("UPDATE runs SET reused_from = %s WHERE id = %s", (source, run))
        orphan = lab.submit(seeds=[7])
        connection.execute(
            "UPDATE runs SET reused_from = gen_random_uuid() WHERE experiment_id = %s", (orphan,)
        )
    command.downgrade(config, "0010")
    command.upgrade(config, "0011")
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT id, weights_run, weights_attempt FROM runs WHERE reused_from IS NOT NULL"
        ).fetchall()
        orphans = [row for row in found if row[0] not in chain]
        assert {row for row in found if row[0] in chain} == {
            (chain[1], chain[0], 1),
            (chain[2], chain[0], 1),
        }
        ((_, gone, attempt),) = orphans
        assert gone is not None
        assert attempt is None


def test_labelling_that_was_interrupted_continues(config, database_url):
    command.downgrade(config, "0006")
    with psycopg.connect(database_url) as connection:
        connection.execute(_FILL_0006)
        connection.execute("ALTER TABLE runs ADD COLUMN labels JSONB NOT NULL DEFAULT '{}'")
    command.upgrade(config, "head")
    command.check(config)
    assert {name for _, _, name in _labels(database_url)} == {"relu"}


def test_an_index_that_an_interrupted_migration_left_is_built_anew(config, database_url):
    command.downgrade(config, "0003")
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE INDEX ix_runs_standing ON runs (status)")
    command.upgrade(config, "head")
    command.check(config)


def test_a_migration_gives_up_rather_than_queue_behind_a_long_lock(config, database_url):
    """While it waited for the lock, every later reader would wait too."""
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE runs IN ACCESS SHARE MODE")
        with pytest.raises(Exception, match="lock timeout"):
            command.downgrade(config, "base")
    assert "runs" in _tables(database_url)


def test_another_schema_version_is_refused_with_the_command_to_run(database_url):
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    check_schema(engine)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
    with pytest.raises(SchemaVersionError, match="newer"):
        check_schema(engine)
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM alembic_version")
    with pytest.raises(SchemaVersionError, match="actinium-admin migrate"):
        check_schema(engine)
    engine.dispose()


class OldService:
    """Writes and reads as a service of schema 0001 did, in threads, until it is stopped."""

    _SUBMIT = """
        WITH submitted AS (
            INSERT INTO experiments (id, tags, spec, created_by)
            VALUES (gen_random_uuid(), '{}', '{}', 'old') RETURNING id
        ), runs AS (
            INSERT INTO runs (id, experiment_id, position, config, config_hash, seed, status,
                              priority, device_request, reuse, max_attempts, epochs)
            SELECT gen_random_uuid(), id, n,
                   '{"activation": {"name": "relu"}, "initializer": {"name": "zeros"},
                     "normalization": {"name": "none"}, "clipping": {"name": "none"}}',
                   'hash', n, 'queued', 0, 'auto', true, 3, 20
            FROM submitted, generate_series(0, 2) AS n
        )
        INSERT INTO events (experiment_id, type, data)
        SELECT id, 'experiment.created', '{}' FROM submitted
    """
    _CLAIM = """
        UPDATE runs SET status = 'running', attempt = attempt + 1,
                        lease_expires_at = now() + interval '1 minute'
        WHERE id = (SELECT id FROM runs WHERE status = 'queued' ORDER BY id LIMIT 1
                    FOR UPDATE SKIP LOCKED)
        RETURNING id, experiment_id
    """

    def __init__(self, url):
        self._url = url
        self._stop = threading.Event()
        self.done = Counter()

    def stop(self):
        self._stop.set()

    def wait_for_more(self):
        """Wait until every act has been done again."""
        reached = dict(self.done)
        wait_for(
            lambda: all(self.done[act] > reached[act] for act in ("submit", "train", "read")),
            what="the old service continues",
        )

    def repeat(self, act):
        """Do one act again and again; after a deadlock too, as the service does."""
        with psycopg.connect(self._url) as connection:
            while not self._stop.is_set():
                try:
                    with connection.transaction():
                        count = act(connection)
                except DeadlockDetected:
                    self.done["deadlocks"] += 1
                else:
                    self.done[act.__name__] += count

    def submit(self, connection):
        connection.execute(self._SUBMIT)
        return 1

    def train(self, connection):
        """Claim a run and record an epoch: first the run's row, last an event of it."""
        row = connection.execute(self._CLAIM).fetchone()
        if row is None:
            return 0
        connection.execute("UPDATE runs SET epoch = 1, loss = 0.5 WHERE id = %s", row[:1])
        connection.execute("INSERT INTO epochs (run_id, epoch, loss) VALUES (%s, 1, 0.5)", row[:1])
        connection.execute(
            "INSERT INTO events (run_id, experiment_id, type, data) "
            "VALUES (%s, %s, 'run.epoch', '{}')",
            row,
        )
        return 1

    def read(self, connection):
        connection.execute(
            "SELECT e.id, count(*) FROM experiments e JOIN runs r ON r.experiment_id = e.id "
            "LEFT JOIN epochs ON epochs.run_id = r.id GROUP BY e.id"
        ).fetchall()
        return 1


def _facts(url):
    """Return every row, with the columns of schema 0001."""
    with psycopg.connect(url) as connection:
        return {
            "experiments": connection.execute(
                "SELECT id, spec::text, tags::text, created_by, created_at FROM experiments "
                "ORDER BY id"
            ).fetchall(),
            "runs": connection.execute(
                "SELECT id, experiment_id, position, config::text, seed, status, attempt, epoch, "
                "loss, lease_expires_at, activation FROM runs ORDER BY id"
            ).fetchall(),
            "epochs": connection.execute(
                "SELECT run_id, epoch, loss::text FROM epochs ORDER BY run_id, epoch"
            ).fetchall(),
            "events": connection.execute(
                "SELECT id, experiment_id, run_id, type FROM events ORDER BY id"
            ).fetchall(),
        }


@pytest.mark.longest
def test_an_upgrade_from_the_first_schema_under_load_loses_nothing(config, database_url):
    command.downgrade(config, "0001")
    with psycopg.connect(database_url) as connection:
        connection.execute(_FILL_FIRST)
    before = _facts(database_url)
    old = OldService(database_url)
    with ThreadPoolExecutor(5) as pool:
        acts = (old.submit, old.submit, old.train, old.train, old.read)
        repeated = [pool.submit(old.repeat, act) for act in acts]
        try:
            wait_for(lambda: old.done["train"] > 20, what="the old service is at work")
            for revision in ("head", "0001", "head"):
                (command.downgrade if revision == "0001" else command.upgrade)(config, revision)
                old.wait_for_more()
        finally:
            old.stop()
        for act in repeated:
            act.result(10)
    command.check(config)
    after = _facts(database_url)
    for table, rows in before.items():
        assert set(map(str, rows)) <= set(map(str, after[table])), table
    grown = {table: len(after[table]) - len(before[table]) for table in before}
    submitted, trained = old.done["submit"], old.done["train"]
    assert grown == {
        "experiments": submitted,
        "runs": 3 * submitted,
        "epochs": trained,
        "events": submitted + trained,
    }

    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with Session(engine) as session:
        assert len(session.scalars(select(Experiment)).all()) == len(after["experiments"])
        assert {run.verdict for run in session.scalars(select(Run))} == {None}
        assert len(session.scalars(select(Epoch)).all()) == len(after["epochs"])
    engine.dispose()
    command.downgrade(config, "0001")
    assert _facts(database_url) == after


def test_simultaneous_migrations_take_turns(config, database_url):
    command.downgrade(config, "0001")
    with ThreadPoolExecutor(3) as pool:
        url = database_url.replace("postgresql://", "postgresql+psycopg://")
        arguments = ["-c", f"from alembic import command\n{_UPGRADE.format(url=url)}"]
        run = [sys.executable, *arguments]
        done = list(
            pool.map(
                lambda _: subprocess.run(run, check=False, cwd=ROOT, capture_output=True), range(3)
            )
        )
    assert [process.returncode for process in done] == [0, 0, 0], done
    command.check(config)


_UPGRADE = """
from service.database.schema_version import alembic_config
command.upgrade(alembic_config("{url}"), "head")
"""

_PROCESSES = [
    ("service.cli", "api"),
    ("service.operations.scheduler",),
    ("workers", "--device", "cpu"),
    ("service.cli", "keys", "list"),
]


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ("0001", f"needs {expected_revision()}. Run `actinium-admin migrate`."),
        (
            "9999",
            f"newer than this code's {expected_revision()}. Install the newer version of Actinium.",
        ),
    ],
)
def test_every_process_refuses_another_schema_in_one_sentence(
    settings, database_url, tmp_path, found, says
):
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", (found,))
    with Processes(settings, tmp_path / "logs") as processes:
        started = [processes.start(arguments[-1], *arguments) for arguments in _PROCESSES]
        for process in started:
            assert process.wait(60) == 1
            assert process.output.strip().endswith(says), process.output
            assert "Traceback" not in process.output


def test_a_migration_that_fails_says_why_in_a_sentence(settings, database_url, config):
    def migrate():
        return subprocess.run(
            [sys.executable, "-m", "service.cli", "migrate"],
            cwd=ROOT,
            env=environment(settings),
            capture_output=True,
            text=True,
            check=False,
        )

    command.downgrade(config, "0001")
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE runs IN ACCESS SHARE MODE")
        behind = migrate()
    assert behind.returncode == 1
    assert behind.stderr.strip().splitlines()[-1].startswith("A transaction has held a table")
    assert migrate().returncode == 0
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'from-the-future'")
    newer = migrate()
    assert newer.returncode == 1
    assert newer.stderr.strip().endswith("Install the newer version of Actinium.")
    for failed in (behind, newer):
        assert "Traceback" not in failed.stderr


def test_older_runs_and_workers_have_no_known_memory(config, database_url):
    command.downgrade(config, "0006")
    with psycopg.connect(database_url) as connection:
        connection.execute(_FILL_0006)
        connection.execute("INSERT INTO workers (name, device) VALUES ('old', 'cpu')")
    command.upgrade(config, "head")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT DISTINCT memory_bytes FROM runs").fetchall() == [(0,)]
        assert connection.execute("SELECT memory_bytes FROM workers").fetchall() == [(None,)]
