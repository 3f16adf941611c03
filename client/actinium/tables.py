"""Histories as one table with a row per epoch: columns, or a pandas DataFrame."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from actinium.types import History, RunHistory

if TYPE_CHECKING:
    import pandas

_VALUES = frozenset({"epoch", "metrics", "ended_by"})


def columns(histories: History | Sequence[RunHistory]) -> dict[str, list[Any]]:
    """Return columns of one length: facts about the run, epoch, metrics.

    A metric that a run does not record is None in its rows.

    Args:
        histories: a run's history, or the histories of an experiment.
    """
    listed = [histories] if isinstance(histories, Mapping) else histories
    facts = list(dict.fromkeys(name for run in listed for name in run if name not in _VALUES))
    metrics = list(dict.fromkeys(name for run in listed for name in run["metrics"]))
    table: dict[str, list[Any]] = {name: [] for name in (*facts, "epoch", *metrics)}
    for run in listed:
        epochs = len(run["epoch"])
        for name in facts:
            table[name] += [run.get(name)] * epochs
        table["epoch"] += run["epoch"]
        for name in metrics:
            table[name] += run["metrics"].get(name, [None] * epochs)
    return table


def dataframe(histories: History | Sequence[RunHistory]) -> "pandas.DataFrame":
    """Return a pandas DataFrame with a row per epoch.

    Args:
        histories: a run's history, or the histories of an experiment.

    Raises:
        ImportError: pandas is not installed.
    """
    try:
        import pandas  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ImportError(
            "A DataFrame needs pandas: `pip install 'actinium[pandas]'`. "
            "`actinium.columns` gives the same as a dict of lists."
        ) from error
    return pandas.DataFrame(columns(histories))
