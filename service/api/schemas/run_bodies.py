"""Bodies of the answers about runs, written by Postgres.

``service.api.schemas.runs`` describes them. Postgres writes a page of a hundred runs in 1.4 ms;
reading the rows, making objects and writing them in Python took three times as long.
"""

from collections.abc import Iterable

import orjson
from sqlalchemy import Text, literal_column

from service.catalog.entry import Task
from service.catalog.metrics import BEST_COLUMNS, FINAL_METRICS, MAIN_METRICS, is_of
from service.specs.spec import LATER_AXES
from service.statuses import EndedBy, RunStatus

_OBJECT = "(SELECT row_to_json(field) FROM (SELECT {fields}) AS field)"


def _moment(column: str) -> str:
    """Return a time written as orjson writes all others: with microseconds unless they are 0."""
    shape = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""
    written = f"to_char(runs.{column} AT TIME ZONE 'UTC', {shape})"
    return f"replace({written}, '.000000', '') AS {column}"


def _object(fields: str) -> str:
    # Unlike json_build_object, row_to_json writes no spaces, and it spells "NaN" and "Infinity"
    # as ``service.json_numbers`` does.
    return _OBJECT.format(fields=fields)


def _links() -> str:
    parts = ("history", "layers", "diagnosis", "attempts", "events")
    addresses = [f"'/v1/runs/' || runs.id || '/{part}' AS {part}" for part in parts]
    experiment = "'/v1/experiments/' || runs.experiment_id AS experiment"
    return ", ".join(["'/v1/runs/' || runs.id AS self", experiment, *addresses])


def _final(task: Task) -> str:
    """Return the metrics of the last epoch that runs of a task record."""
    names = [name for name in FINAL_METRICS if is_of(name, task)]
    return _object(", ".join(f"runs.{name}" for name in ("epoch", *names)))


def _best(task: Task) -> str:
    """Return the best epoch of a run of a task; null where it has none."""
    column = BEST_COLUMNS[task]
    best = _object(f"runs.best_epoch AS epoch, runs.{column} AS {MAIN_METRICS[task]}")
    known = f"runs.best_epoch IS NOT NULL AND runs.{column} IS NOT NULL"
    return f"CASE WHEN {known} THEN {best} END"


_FINAL = f"""
    CASE WHEN runs.epoch > 0 THEN CASE runs.task
        WHEN 'regression' THEN {_final("regression")} ELSE {_final("classification")} END END
"""
_BEST = f"""
    CASE runs.task
        WHEN 'regression' THEN {_best("regression")} ELSE {_best("classification")} END
"""
_LIBRARIES = ", ".join(
    f"nullif(runs.engine ->> '{name}', '') AS {name}" for name in ("torch", "numpy", "cuda")
)

#: ``EndedBy`` of a run; null until it has ended.
ENDED_BY = f"""
    CASE runs.status
        WHEN '{RunStatus.COMPLETED}' THEN CASE WHEN runs.epoch < runs.epochs
            THEN '{EndedBy.EARLY_STOPPING}' ELSE '{EndedBy.ALL_EPOCHS}' END
        WHEN '{RunStatus.DIVERGED}' THEN '{EndedBy.DIVERGENCE}'
        WHEN '{RunStatus.FAILED}' THEN '{EndedBy.FAILURE}'
        WHEN '{RunStatus.CANCELLED}' THEN '{EndedBy.CANCELLATION}'
    END
"""

_LABELS = f"""CASE WHEN runs.labels <> '{{}}'::jsonb
        THEN '{orjson.dumps(LATER_AXES).decode()}'::jsonb || runs.labels ELSE runs.labels END"""
_DIAGNOSIS = _object("runs.outcome, runs.verdict, runs.findings, runs.diagnosis_version AS version")
_RUN = _object(
    f"""
    runs.id, runs.experiment_id, runs.position, runs.label, {_LABELS} AS labels, runs.name,
    runs.config, runs.config_hash,
    runs.seed, runs.task, runs.status, runs.attempt, runs.failures, runs.max_attempts,
    runs.priority,
    runs.epoch, runs.epochs, {ENDED_BY} AS ended_by,
    {_FINAL} AS final, {_BEST} AS best,
    CASE WHEN runs.findings IS NOT NULL THEN {_DIAGNOSIS} END AS diagnosis,
    runs.reused_from, runs.worker, runs.engine ->> 'device' AS device, runs.engine,
    CASE WHEN runs.engine IS NOT NULL
        THEN json_strip_nulls({_object(_LIBRARIES)}) END AS versions,
    runs.error, {_moment("cancel_requested_at")}, {_moment("created_at")},
    {_moment("started_at")}, {_moment("finished_at")}, {_object(_links())} AS links
    """
)

#: A run's body, as an expression of the columns of ``runs``.
RUN_BODY = literal_column(f"CAST({_RUN} AS text)", Text)


def run_page_body(bodies: Iterable[str], next_cursor: str | None) -> bytes:
    """Return the body of a page of runs, from the bodies of the runs."""
    return b'{"items":[%b],"next_cursor":%b}' % (
        ",".join(bodies).encode(),
        orjson.dumps(next_cursor),
    )
