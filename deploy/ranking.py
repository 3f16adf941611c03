"""The ranking a demonstration prints: configurations by validation accuracy over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from service.specs.choices import choice


@dataclass(frozen=True)
class Ranked:
    """One configuration: its runs, one a seed, and what they reached."""

    label: str
    initializer: str
    run_ids: Sequence[str]
    statuses: Sequence[str]
    final: Sequence[float]
    best: Sequence[float]
    loss: Sequence[float]
    seconds: Sequence[float]


def run_label(run: Mapping[str, Any], *, with_seed: bool) -> str:
    """Name a run by its activation and, where they differ, its seed."""
    return f"{_activation(run)}, seed {run['seed']}" if with_seed else _activation(run)


def rank(
    runs: Sequence[Mapping[str, Any]], histories: Mapping[str, Mapping[str, Sequence[Any]]]
) -> list[Ranked]:
    """Group runs by configuration and order the groups, best mean validation accuracy first."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        groups.setdefault(run["config_hash"], []).append(run)
    ranked = [_group(members, histories) for members in groups.values()]
    return sorted(ranked, key=lambda each: -fmean(each.final) if each.final else 0.0)


def _group(
    members: Sequence[Mapping[str, Any]], histories: Mapping[str, Mapping[str, Sequence[Any]]]
) -> Ranked:
    told = [run for run in members if histories[run["id"]].get("val_accuracy")]
    accuracies = [[float(value) for value in histories[run["id"]]["val_accuracy"]] for run in told]
    first = members[0]["config"]
    return Ranked(
        label=_activation(members[0]),
        initializer=str(choice("initializer", first["initializer"])),
        run_ids=[run["id"] for run in told],
        statuses=[run["status"] for run in members],
        final=[values[-1] for values in accuracies],
        best=[max(values) for values in accuracies],
        loss=[float(histories[run["id"]]["val_loss"][-1]) for run in told],
        seconds=[sum(map(float, histories[run["id"]]["epoch_seconds"])) for run in told],
    )


def ranking_table(ranked: Sequence[Ranked]) -> Table:
    """Lay the ranking out; with several seeds each figure is mean ± standard deviation."""
    table = Table(title="Validation, best first", title_justify="left", box=SIMPLE, padding=0)
    table.add_column("", justify="right")
    for name in ("activation", "initializer"):
        table.add_column(name, overflow="fold")
    for name in ("final accuracy", "best accuracy", "final loss", "seconds"):
        table.add_column(name.replace(" ", "\n"), justify="right", no_wrap=True)
    for place, each in enumerate(ranked, 1):
        odd = sorted({status for status in each.statuses if status != "completed"})
        table.add_row(
            str(place),
            each.label + (f" ({', '.join(odd)})" if odd else ""),
            each.initializer,
            _figure(each.final, 4),
            _figure(each.best, 4),
            _figure(each.loss, 4),
            _figure(each.seconds, 1),
        )
    return table


def _figure(values: Sequence[float], digits: int) -> str:
    if not values:
        return "-"
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{spread}"


def _activation(run: Mapping[str, Any]) -> str:
    return str(choice("activation", run["config"]["activation"]))
