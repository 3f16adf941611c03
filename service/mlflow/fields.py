"""MLflow's names for what we store, and how a filter compares it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson
from sqlalchemy import ColumnElement, Double, Text, and_, case, cast, func, literal, or_
from sqlalchemy.dialects.postgresql import JSONB

from service.catalog.metrics import EPOCH_METRICS
from service.database.paging import Column, Key
from service.database.tables import Epoch, Experiment, Run
from service.errors import InvalidError
from service.fields import unknown
from service.mlflow.grammar import Condition, Field, Ordering, Value
from service.statuses import RunStatus

#: What MLflow calls each state of a run. It has no word for a diverged one: that is a tag.
STATUSES = {
    RunStatus.QUEUED: "SCHEDULED",
    RunStatus.RUNNING: "RUNNING",
    RunStatus.COMPLETED: "FINISHED",
    RunStatus.DIVERGED: "FINISHED",
    RunStatus.FAILED: "FAILED",
    RunStatus.CANCELLED: "KILLED",
}
#: What is measured once, and stands in the run's own row.
RESULTS = ("best_val_accuracy", "test_loss", "test_accuracy")

_NUMERIC = ("=", "!=", "<", "<=", ">", ">=")
_TEXTUAL: dict[str, Callable[[Column, Any], ColumnElement[bool]]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "LIKE": lambda column, value: column.like(_pattern(value)),
    "ILIKE": lambda column, value: column.ilike(_pattern(value)),
    "IN": lambda column, values: column.in_(values),
    "NOT IN": lambda column, values: column.not_in(values),
    "IS NULL": lambda column, _: column.is_(None),
    "IS NOT NULL": lambda column, _: column.is_not(None),
}

Compare = Callable[[str, Value], ColumnElement[bool]]


@dataclass(frozen=True)
class Searchable:
    """What can be searched: ``column`` orders, ``compare`` filters (by operator and value)."""

    column: Column
    compare: Compare


def conditions(
    comparisons: list[Condition], find: Callable[[Field], Searchable]
) -> list[ColumnElement[bool]]:
    """Write comparisons as SQL, each field as ``find`` knows it.

    Raises:
        InvalidError: a field that is none, or that cannot be compared like this.
    """
    return [find(each.field).compare(each.operator, each.value) for each in comparisons]


def keys(orders: list[Ordering], find: Callable[[Field], Searchable]) -> tuple[Key, ...]:
    """Write orders as keys of a list.

    Raises:
        InvalidError: a field that is none.
    """
    return tuple(Key(find(each.field).column, each.descending) for each in orders)


def moment(column: Column) -> Searchable:
    """Search a time: in a filter it is milliseconds since 1970."""
    milliseconds = func.floor(func.extract("epoch", column) * 1000).cast(Double)
    return Searchable(column, _number(milliseconds).compare)


def text(column: Column) -> Searchable:
    """Search a text."""

    def compare(operator: str, value: Value) -> ColumnElement[bool]:
        return _compared_text(column, operator, value)

    return Searchable(column, compare)


def attribute(
    name: str, attributes: Mapping[str, Searchable], others: Sequence[str] = ()
) -> Searchable:
    """Find an attribute by its name in any case; ``others`` are found elsewhere.

    Raises:
        InvalidError: there is none.
    """
    found = attributes.get(name.lower())
    if found is None:
        raise InvalidError(unknown("attribute", name, [*attributes, *others]))
    return found


def of_run(name: Callable[[], Column]) -> Callable[[Field], Searchable]:
    """Find what a filter or an order of runs means.

    Args:
        name: gives the column of the runs' names; it is read where it is asked for.

    Returns:
        What finds a field.

    Raises:
        InvalidError: there is no such thing.
    """

    def find(field: Field) -> Searchable:
        match field.entity:
            case "metric":
                return _number(_metric(field.name))
            case "param":
                return _param(field.name)
            case "tag" if field.name == "mlflow.runName":
                return text(name())
            case "tag":
                return text(_RUN_TAGS.get(field.name, Experiment.tags[field.name].astext))
            case _ if field.name.lower() == "run_name":
                return text(name())
            case _:
                return attribute(field.name, _RUN_ATTRIBUTES, others=["run_name"])

    return find


def _number(column: Column) -> Searchable:
    def compare(operator: str, value: Value) -> ColumnElement[bool]:
        if operator not in _NUMERIC or not isinstance(value, float):
            _refuse("A number", _NUMERIC, "a number")
        compared = column.bool_op(operator)(literal(value, Double))
        # To Postgres, NaN is larger than any number; to whoever asks, it is none.
        return and_(column != literal("NaN", Double), compared)

    return Searchable(column, compare)


def _compared_text(column: Column, operator: str, value: Value) -> ColumnElement[bool]:
    # The grammar gives a tuple to IN and nothing to IS NULL.
    if operator not in _TEXTUAL or isinstance(value, float):
        _refuse("A text", _TEXTUAL, "a text in quotes")
    return _TEXTUAL[operator](column, value)


def _pattern(text: str) -> str:
    """Keep a backslash what it is; only % and _ stand for others."""
    return text.replace("\\", "\\\\")


def _refuse(what: str, operators: Iterable[str], value: str) -> NoReturn:
    raise InvalidError(f"{what} is compared by {', '.join(operators)} with {value}.")


def _metric(name: str) -> Column:
    """The latest value of a metric."""
    if name not in {*EPOCH_METRICS, *RESULTS}:
        raise InvalidError(unknown("metric", name, [*EPOCH_METRICS, *RESULTS]))
    column: Column = getattr(Run if hasattr(Run, name) else Epoch, name)
    return column


def _param(name: str) -> Searchable:
    """A parameter: ``activation`` (an entry's name), ``activation.negative_slope``, ``seed``.

    Equal means equal as JSON, so that ``'0.10'`` finds 0.1.
    """
    if name in _RUN_PARAMS:
        return text(_RUN_PARAMS[name])
    path = name.split(".")
    node = func.coalesce(
        func.jsonb_extract_path(Run.config, *path, "name", type_=JSONB),
        func.jsonb_extract_path(Run.config, *path, type_=JSONB),
    )
    shown = func.coalesce(
        func.jsonb_extract_path_text(Run.config, *path, "name", type_=Text),
        func.jsonb_extract_path_text(Run.config, *path, type_=Text),
    )

    def compare(operator: str, value: Value) -> ColumnElement[bool]:
        match operator, value:
            case ("=", str(one)) | ("!=", str(one)):
                wanted, equal = [one], operator == "="
            case ("IN", tuple(several)) | ("NOT IN", tuple(several)):
                wanted, equal = list(several), operator == "IN"
            case _:
                return _compared_text(shown, operator, value)
        same = or_(*(node == literal(form, JSONB) for each in wanted for form in _forms(each)))
        return same if equal else and_(shown.is_not(None), ~same)

    return Searchable(shown, compare)


def _forms(written: str) -> list[Any]:
    """What a parameter shown like this may be in a configuration: the text, or what it denotes."""
    try:
        return [written, orjson.loads(written)]
    except orjson.JSONDecodeError:
        return [written]


#: A run that waits has no start yet; it was made then.
STARTED_AT: Column = func.coalesce(Run.started_at, Run.created_at)

_RUN_ATTRIBUTES = {
    "run_id": text(cast(Run.id, Text)),
    "run_uuid": text(cast(Run.id, Text)),
    "experiment_id": text(cast(Run.experiment_id, Text)),
    "status": text(case(STATUSES, value=Run.status)),
    "user_id": text(Experiment.created_by),
    "start_time": moment(STARTED_AT),
    "created": moment(STARTED_AT),
    "end_time": moment(Run.finished_at),
}
_RUN_PARAMS: dict[str, Column] = {"seed": cast(Run.seed, Text), "variant": Run.label}
_RUN_TAGS: dict[str, Column] = {
    "mlflow.user": Experiment.created_by,
    "actinium.status": Run.status,
    "actinium.verdict": Run.verdict,
    "actinium.config_hash": Run.config_hash,
    "actinium.reused_from": cast(Run.reused_from, Text),
    "actinium.error": Run.error,
}
