"""Fields of experiments and runs under MLflow's names, and how filters compare them."""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import orjson
from sqlalchemy import (
    ColumnElement,
    Double,
    Text,
    all_,
    and_,
    any_,
    case,
    cast,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from service.catalog.axes import AXES, own_name
from service.catalog.metrics import BEST_COLUMNS, EPOCH_METRICS, METRICS
from service.database.paging import Column, Key
from service.database.tables import Epoch, Experiment, Run
from service.errors import InvalidError
from service.fields import unknown
from service.mlflow.grammar import Condition, Field, Ordering, Value
from service.specs.spec import LATER_AXES
from service.statuses import RunStatus

#: MLflow's word for each status of a run. It has none for a diverged run: a tag tells it.
STATUSES = {
    RunStatus.QUEUED: "SCHEDULED",
    RunStatus.RUNNING: "RUNNING",
    RunStatus.COMPLETED: "FINISHED",
    RunStatus.DIVERGED: "FINISHED",
    RunStatus.FAILED: "FAILED",
    RunStatus.CANCELLED: "KILLED",
}
#: Metrics that a run has one value of, in its own row.
RUN_METRICS = (
    *(name for name, metric in METRICS.items() if metric.when == "end"),
    *BEST_COLUMNS.values(),
)

_NUMERIC = ("=", "!=", "<", "<=", ">", ">=")
_TEXTUAL: dict[str, Callable[[Column, Any], ColumnElement[bool]]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "LIKE": lambda column, value: column.like(_pattern(value)),
    "ILIKE": lambda column, value: column.ilike(_pattern(value)),
    # A list is one value of the statement, however many texts it has.
    "IN": lambda column, values: column == any_(literal(list(values), ARRAY(Text))),
    "NOT IN": lambda column, values: column != all_(literal(list(values), ARRAY(Text))),
    "IS NULL": lambda column, _: column.is_(None),
    "IS NOT NULL": lambda column, _: column.is_not(None),
}

#: Steps of a parameter's name (``optimizer.learning_rate.gamma``); no configuration is deeper.
_MOST_STEPS = 8
#: Longest text that is read as JSON, in characters; it suffices for the units of many layers.
_LONGEST_JSON = 1_000

#: A number as people write it, also where JSON would not: ``.001`` and ``+128``.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

Compare = Callable[[str, Value], ColumnElement[bool]]


@dataclass(frozen=True)
class Searchable:
    """A field of a search.

    Attributes:
        column: the column to order by.
        compare: returns the condition for an operator and a value.
    """

    column: Column
    compare: Compare


def sql_conditions(
    conditions: list[Condition], find: Callable[[Field], Searchable]
) -> list[ColumnElement[bool]]:
    """Return conditions as SQL.

    Args:
        conditions: the conditions of a filter.
        find: returns the searchable field for a field of the filter.

    Raises:
        InvalidError: a field is unknown, or cannot be compared like this.
    """
    return [
        find(condition.field).compare(condition.operator, condition.value)
        for condition in conditions
    ]


def sort_keys(orderings: list[Ordering], find: Callable[[Field], Searchable]) -> tuple[Key, ...]:
    """Return orderings as the sort keys of a list.

    Raises:
        InvalidError: a field is unknown.
    """
    return tuple(Key(find(ordering.field).column, ordering.descending) for ordering in orderings)


def time_field(column: Column) -> Searchable:
    """Return a time as a field; filters give milliseconds since 1970."""
    milliseconds = func.floor(func.extract("epoch", column) * 1000).cast(Double)
    return Searchable(column, _number_field(milliseconds).compare)


def text_field(column: Column) -> Searchable:
    """Return a text as a field."""

    def compare(operator: str, value: Value) -> ColumnElement[bool]:
        return _compare_text(column, operator, value)

    return Searchable(column, compare)


def find_attribute(name: str, attributes: Mapping[str, Searchable]) -> Searchable:
    """Return the attribute with this name, in upper or lower case.

    Raises:
        InvalidError: there is no such attribute.
    """
    found = attributes.get(name.lower())
    if found is None:
        raise InvalidError(unknown("attribute", name, list(attributes)))
    return found


def find_run_field(field: Field) -> Searchable:
    """Return a field of a filter or an order of runs.

    Raises:
        InvalidError: there is no such field.
    """
    match field.entity:
        case "metric":
            return _number_field(_metric_column(field.name))
        case "param":
            return _param_field(field.name)
        case "tag":
            return text_field(_RUN_TAGS.get(field.name, Experiment.tags[field.name].astext))
        case _:
            return find_attribute(field.name, _RUN_ATTRIBUTES)


def _number_field(column: Column) -> Searchable:
    def compare(operator: str, value: Value) -> ColumnElement[bool]:
        if operator not in _NUMERIC or not isinstance(value, float):
            _refuse("A number", _NUMERIC, "a number")
        compared = column.bool_op(operator)(literal(value, Double))
        # PostgreSQL sorts NaN above all numbers; a filter should not match it.
        return and_(column != literal("NaN", Double), compared)

    return Searchable(column, compare)


def _compare_text(column: Column, operator: str, value: Value) -> ColumnElement[bool]:
    # The grammar has given IN a tuple and IS NULL no value.
    if operator not in _TEXTUAL or isinstance(value, float):
        _refuse("A text", _TEXTUAL, "a text in quotes")
    return _TEXTUAL[operator](column, value)


def _pattern(text: str) -> str:
    """Return a pattern whose backslashes are ordinary characters; only % and _ are special."""
    return text.replace("\\", "\\\\")


def _refuse(what: str, operators: Iterable[str], value: str) -> NoReturn:
    raise InvalidError(f"{what} is compared by {', '.join(operators)} with {value}.")


def _metric_column(name: str) -> Column:
    """Return the column with a metric's latest value."""
    if name not in {*EPOCH_METRICS, *RUN_METRICS}:
        raise InvalidError(unknown("metric", name, [*EPOCH_METRICS, *RUN_METRICS]))
    column: Column = getattr(Run if hasattr(Run, name) else Epoch, name)
    return column


def _param_field(name: str) -> Searchable:
    """Return a parameter: ``activation`` (its entry's name), ``activation.negative_slope``, ...

    Values are compared as JSON, so that ``'0.10'`` equals 0.1; a name is compared by what it is an
    alias of, ``'swish'`` as silu.

    Raises:
        InvalidError: the name has more steps than any parameter.
    """
    if name in _RUN_PARAMS:
        return text_field(_RUN_PARAMS[name])
    path = name.split(".")
    if len(path) > _MOST_STEPS:
        raise InvalidError(
            f"The parameter {name[:60]!r} has {len(path):,} steps, and none has more than "
            f"{_MOST_STEPS}."
        )
    later = LATER_AXES.get(name)
    node = func.coalesce(
        func.jsonb_extract_path(Run.config, *path, "name", type_=JSONB),
        func.jsonb_extract_path(Run.config, *path, type_=JSONB),
        *([] if later is None else [literal(later, JSONB)]),
    )
    as_text = func.coalesce(
        func.jsonb_extract_path_text(Run.config, *path, "name", type_=Text),
        func.jsonb_extract_path_text(Run.config, *path, type_=Text),
        *([] if later is None else [literal(later, Text)]),
    )

    def compare(operator: str, value: Value) -> ColumnElement[bool]:
        match operator, value:
            case ("=", str(one)) | ("!=", str(one)):
                wanted, equal = [one], operator == "="
            case ("IN", tuple(several)) | ("NOT IN", tuple(several)):
                wanted, equal = list(several), operator == "IN"
            case _:
                return _compare_text(as_text, operator, value)
        values = [value for text in wanted for value in _json_values(_own_name(path[-1], text))]
        same = node.in_(select(func.jsonb_array_elements(literal(values, JSONB)).column_valued()))
        return same if equal else and_(as_text.is_not(None), ~same)

    return Searchable(as_text, compare)


def _own_name(parameter: str, text: str) -> str:
    """Return the own name of an entry, where a parameter is an axis and a text an alias on it."""
    axis = "initializer" if parameter == "output_initializer" else parameter
    return own_name(axis, text) if axis in AXES else text


def _json_values(text: str) -> list[Any]:
    """Return the JSON values that MLflow shows as this text: the text itself, and as JSON."""
    if len(text) > _LONGEST_JSON:
        return [text]
    if _NUMBER.fullmatch(text):
        number = float(text)
        return [text, number] if math.isfinite(number) else [text]
    try:
        value = orjson.loads(text)
        storable = "\\u0000" not in json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return [text]
    return [text, value] if storable else [text]


#: When a run started; a run that has not started yet has the time of its submission.
STARTED_AT: Column = func.coalesce(Run.started_at, Run.created_at)

#: The run's stored name and its seed: ``leaky_relu(negative_slope=0.2), no clipping, seed 0``.
RUN_NAME: Column = Run.name + ", seed " + cast(Run.seed, Text)

_RUN_ATTRIBUTES = {
    "run_name": text_field(RUN_NAME),
    "run_id": text_field(cast(Run.id, Text)),
    "run_uuid": text_field(cast(Run.id, Text)),
    "experiment_id": text_field(cast(Run.experiment_id, Text)),
    "status": text_field(case(STATUSES, value=Run.status)),
    "user_id": text_field(Experiment.created_by),
    "start_time": time_field(STARTED_AT),
    "created": time_field(STARTED_AT),
    "end_time": time_field(Run.finished_at),
}
_RUN_PARAMS: dict[str, Column] = {"seed": cast(Run.seed, Text), "variant": Run.label}
_RUN_TAGS: dict[str, Column] = {
    "mlflow.runName": RUN_NAME,
    "mlflow.user": Experiment.created_by,
    "actinium.status": Run.status,
    "actinium.outcome": Run.outcome,
    "actinium.verdict": Run.verdict,
    "actinium.config_hash": Run.config_hash,
    "actinium.reused_from": cast(Run.reused_from, Text),
    "actinium.error": Run.error,
}
