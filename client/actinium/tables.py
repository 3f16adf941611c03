"""Histories as one table with a line an epoch: columns, or a pandas DataFrame."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from actinium.types import History, RunHistory

if TYPE_CHECKING:
    import pandas

_VALUES = frozenset({"epoch", "metrics"})


def columns(histories: History | Sequence[RunHistory]) -> dict[str, list[Any]]:
    """Lay histories out in columns of one length: what each run is, epoch, metrics.

    A metric that a run does not record is None in its lines.

    Args:
        histories: of one run, or those of an experiment.
    """
    several = [histories] if isinstance(histories, Mapping) else histories
    about = list(dict.fromkeys(name for each in several for name in each if name not in _VALUES))
    metrics = list(dict.fromkeys(name for each in several for name in each["metrics"]))
    table: dict[str, list[Any]] = {name: [] for name in (*about, "epoch", *metrics)}
    for each in several:
        size = len(each["epoch"])
        for name in about:
            table[name] += [each.get(name)] * size
        table["epoch"] += each["epoch"]
        for name in metrics:
            table[name] += each["metrics"].get(name, [None] * size)
    return table


def dataframe(histories: History | Sequence[RunHistory]) -> "pandas.DataFrame":
    """Lay histories out in a pandas DataFrame with a line an epoch.

    Args:
        histories: of one run, or those of an experiment.

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
