"""Roles: which columns of a table are the target, inputs, the split, or none of these."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from service.datasets.meaning import FileMeaning
from service.datasets.problems import FileError, shown
from service.datasets.tables import TARGET_NAMES, Column, Table
from service.datasets.understood import LeftOutColumn
from service.fields import unknown

#: A column of more different texts is no category, unless the client says so.
MOST_GUESSED_CATEGORIES = 50
MOST_CATEGORIES = 1_000


@dataclass(frozen=True)
class ColumnRoles:
    """Which columns of a table are what."""

    target: Column
    inputs: tuple[Column, ...]
    left_out: tuple[LeftOutColumn, ...]
    split: Column | None


def roles_of(table: Table, meaning: FileMeaning) -> ColumnRoles:
    """Return what each column of a table is, as the client says or as it looks.

    Raises:
        FileError: a column is not there, cannot be what it is said to be, or none is an input.
    """
    by_name = {column.name: column for column in table.columns}
    for parameter in ("leave_out", "categorical"):
        for name in getattr(meaning, parameter):
            _check_known(name, by_name, parameter)
    target = by_name[_target_name(table, meaning)]
    if target.name in meaning.leave_out:
        raise FileError(f"The target {shown(target.name)} cannot be left out.", "leave_out")
    splitting = None
    if meaning.split_column is not None:
        _check_known(meaning.split_column, by_name, "split_column")
        splitting = by_name[meaning.split_column]
        if splitting is target:
            raise FileError("The target cannot decide the split.", "split_column")
    reasons = dict.fromkeys(meaning.leave_out, "named in leave_out")
    inputs = []
    for column in table.columns:
        if column is target or column is splitting or column.name in reasons:
            continue
        reason = _no_input(column, table, meaning)
        if reason is None:
            inputs.append(_as_input(column, meaning))
        else:
            reasons[column.name] = reason
    if not inputs:
        cause = "split_column" if meaning.split_column and not meaning.leave_out else "leave_out"
        raise FileError("No column is left that can be an input.", cause)
    left_out = tuple(LeftOutColumn(name=name, reason=reason) for name, reason in reasons.items())
    return ColumnRoles(target, tuple(inputs), left_out, splitting)


def _check_known(name: str, columns: Collection[str], parameter: str) -> None:
    if name not in columns:
        raise FileError(unknown("column", name, list(columns)), parameter)


def _as_input(column: Column, meaning: FileMeaning) -> Column:
    used = column.as_texts() if column.name in meaning.categorical else column
    if len(used.texts) > MOST_CATEGORIES:
        raise FileError(
            f"Column {shown(column.name)} has {len(used.texts):,} categories; at most "
            f"{MOST_CATEGORIES:,} can be inputs. Leave it out.",
            "categorical",
        )
    return used


def _target_name(table: Table, meaning: FileMeaning) -> str:
    if "target" in table.details:
        return str(table.details["target"])
    if meaning.target is not None:
        _check_known(meaning.target, table.names, "target")
        return meaning.target
    for wanted in TARGET_NAMES:
        for name in table.names:
            if name.lower() == wanted:
                return name
    return table.names[-1]


def _no_input(column: Column, table: Table, meaning: FileMeaning) -> str | None:
    """Return why a column is no input, though nobody said so; None for an ordinary one."""
    if column.name in meaning.categorical or meaning.shape:
        return None
    if column.numbers is None:
        count = len(column.texts)
        if count > MOST_GUESSED_CATEGORIES:
            return f"{count:,} different texts; name it in categorical to keep it"
        return None if count else "no values"
    numbers = column.numbers
    if np.isnan(numbers).all():
        return "no values"
    counts = column is table.columns[0] and numbers[0] in {0, 1} and len(numbers) > 2
    if counts and (np.diff(numbers) == 1).all():
        return "it numbers the rows"
    return None
