"""Calls on what an experiment came to: histories, ranking, claims, pictures."""

from pathlib import Path
from typing import Any, Literal

from actinium import readers
from actinium.api.requests import download_call, figure_call
from actinium.calls import Call, Names, Ref, as_is, get, identifier, part
from actinium.figure import Figure, Kind, Theme
from actinium.operations import operation
from actinium.types import Claims, Comparison, RunHistory

At = Literal["final", "best"]

_MEDIA_TYPES = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}


class Results:
    """What can be asked of an experiment's results."""

    @operation
    def histories(self, experiment: Ref) -> Call[list[RunHistory]]:
        """Give the histories of all runs of an experiment, in their order."""
        path = f"/v1/experiments/{identifier(experiment)}/histories"
        return get(path, readers.read_histories, seconds=600)

    @operation
    def export(self, experiment: Ref, path: str | Path, *, format: str | None = None) -> Call[Path]:
        """Write all histories of an experiment to a file, one line an epoch, as they come.

        The file appears once it is whole.

        Args:
            experiment: which one.
            path: the file.
            format: ``csv``, ``parquet`` or ``json``; the path's ending where left out.

        Raises:
            ValueError: there is no such format.
        """
        chosen = format or Path(path).suffix.removeprefix(".")
        if not chosen:
            raise ValueError(
                f"Which format? Let the path end in one of .{', .'.join(_MEDIA_TYPES)}, or give it."
            )
        if chosen not in _MEDIA_TYPES:
            raise ValueError(f"{chosen!r} is no format; valid: {', '.join(_MEDIA_TYPES)}.")
        address = f"/v1/experiments/{identifier(experiment)}/histories"
        return download_call(address, Path(path), headers={"Accept": _MEDIA_TYPES[chosen]})

    @operation
    def comparison(
        self,
        experiment: Ref,
        *,
        metric: str = "val_accuracy",
        at: At = "final",
        by: Names | None = None,
    ) -> Call[Comparison]:
        """Rank an experiment's configurations over their seeds, with intervals and ties.

        Args:
            experiment: which one.
            metric: what is compared.
            at: its value at the last epoch, or the best over the epochs.
            by: the axes that make the groups; those that vary where left out.
        """
        path = f"/v1/experiments/{identifier(experiment)}/comparison"
        return get(path, readers.read_comparison, {"metric": metric, "at": at, "by": by})

    @operation
    def claims(self, experiment: Ref) -> Call[Claims]:
        """Say of each claim of a preset's experiment whether it was reproduced, and why."""
        return get(f"/v1/experiments/{identifier(experiment)}/claims", as_is)

    @operation
    def figure(
        self,
        /,
        experiment: Ref,
        name: str,
        *,
        kind: Kind = "svg",
        theme: Theme = "light",
        **options: Any,
    ) -> Call[Figure]:
        """Draw an experiment: ``learning_curves``, ``heatmap`` or ``comparison``.

        Args:
            experiment: which one.
            name: the picture.
            kind: its format.
            theme: for a light or a dark ground.
            **options: ``metric``, ``at``, ``by``, ``leave_out``, as the picture takes them.
        """
        folder = f"/v1/experiments/{identifier(experiment)}/figures"
        return figure_call(f"{folder}/{part(name)}", kind, theme, options)
