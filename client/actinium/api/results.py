"""Calls on the results of an experiment: histories, comparison, claims, figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Unpack

from actinium import readers
from actinium.api.requests import download_call, figure_call
from actinium.calls import Call, Names, Ref, as_is, get, identifier, part, post
from actinium.figure import Figure, Kind, Theme
from actinium.operations import operation
from actinium.spec import Claim, Target
from actinium.types import Claims, Comparison, Level, RunHistory

At = Literal["final", "best", "mean"]

_MEDIA_TYPES = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}
_LAYER_MEDIA_TYPES = {
    "csv": "text/csv",
    "parquet": _MEDIA_TYPES["parquet"],
    "h5": "application/x-hdf5",
}


class Results:
    """Operations on the results of an experiment."""

    @operation
    def histories(self, experiment: Ref) -> Call[list[RunHistory]]:
        """Return the histories of all runs of an experiment, in their order."""
        path = f"/v1/experiments/{identifier(experiment)}/histories"
        return get(path, readers.read_histories, seconds=600)

    @operation
    def export(self, experiment: Ref, path: str | Path, *, format: str | None = None) -> Call[Path]:
        """Stream all histories of an experiment to a file, one row per epoch; return its path.

        The file appears when it is complete.

        Args:
            experiment: the experiment.
            path: the file.
            format: ``csv``, ``parquet`` or ``json``; if not given, the path's ending.

        Raises:
            ValueError: there is no such format.
        """
        return _exported(experiment, "histories", path, format, _MEDIA_TYPES)

    @operation
    def export_layers(
        self, experiment: Ref, path: str | Path, *, format: str | None = None
    ) -> Call[Path]:
        """Write all layer statistics of an experiment to a file; return its path.

        CSV and Parquet have a row per layer of every epoch with statistics, HDF5 a group per
        configuration with the histograms too. The file appears when it is complete.

        Args:
            experiment: the experiment.
            path: the file.
            format: ``csv``, ``parquet`` or ``h5``; if not given, the path's ending.

        Raises:
            ValueError: there is no such format.
        """
        return _exported(experiment, "layers", path, format, _LAYER_MEDIA_TYPES)

    @operation
    def comparison(
        self,
        experiment: Ref,
        *,
        metric: str | None = None,
        at: At = "final",
        target: Target | None = None,
        by: Names | None = None,
        tune: Names | None = None,
        average: Names | None = None,
        margin: float | None = None,
        against: Mapping[str, Level] | None = None,
    ) -> Call[Comparison]:
        """Return an experiment's configurations, ranked over their seeds, and what is said of each.

        Args:
            experiment: the experiment.
            metric: the metric to compare; if not given, ``val_accuracy``, or ``val_rmse`` where
                targets are numbers.
            at: ``final`` for its value at the last epoch, ``best`` for the best of all epochs,
                ``mean`` for the mean over them.
            target: what ``epochs_to`` and ``seconds_to`` count to:
                ``{"metric": "val_accuracy", "value": 0.97}``.
            by: the axes, or parameters as ``optimizer.learning_rate``, that form the groups; if
                not given, those that vary.
            tune: those that each group has at its best value, chosen on the other seeds; if not
                given, the learning rate where it varies beside another axis.
            average: those that each group is averaged over within a seed.
            margin: how far behind the best still is equivalent, in the metric's units; if not
                given, one point of an accuracy, 5% of the leader's value of others.
            against: the group that the others are compared with, named before looking:
                ``{"activation": "relu"}``; if not given, the leader.
        """
        path = f"/v1/experiments/{identifier(experiment)}/comparison"
        query = {
            "metric": metric,
            "at": at,
            "target": target and f"{target['metric']}:{target['value']}",
            "by": by,
            "tune": tune,
            "average": average,
            "margin": margin,
            "against": against and [f"{axis}:{level}" for axis, level in against.items()],
        }
        return get(path, readers.read_comparison, query)

    @operation
    def claims(self, experiment: Ref) -> Call[Claims]:
        """Return what an experiment shows about each claim: of its preset, and of its author."""
        return get(f"/v1/experiments/{identifier(experiment)}/claims", as_is)

    @operation
    def add_claim(self, /, experiment: Ref, **claim: Unpack[Claim]) -> Call[Claims]:
        """Add a claim to an experiment, marked ``post_hoc``, and return all its claims."""
        path = f"/v1/experiments/{identifier(experiment)}/claims"
        return post(path, as_is, body=dict(claim), repeatable=False)

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
        """Return a figure of an experiment.

        Args:
            experiment: the experiment.
            name: ``learning_curves``, ``heatmap``, ``comparison`` or ``tuning``.
            kind: the format.
            theme: for a light or a dark background.
            **options: options of the figure, such as ``title``, ``metric``, ``at``, ``by``,
                ``tune``, ``leave_out``, ``x``, ``y``.
        """
        folder = f"/v1/experiments/{identifier(experiment)}/figures"
        return figure_call(f"{folder}/{part(name)}", kind, theme, options)


def _exported(
    experiment: Ref,
    what: str,
    path: str | Path,
    format: str | None,
    media_types: Mapping[str, str],
) -> Call[Path]:
    """Return the download of one of an experiment's results, in the format of a path.

    Raises:
        ValueError: there is no such format.
    """
    chosen = format or Path(path).suffix.removeprefix(".")
    if not chosen:
        raise ValueError(
            f"Which format? Use a path that ends in .{', .'.join(media_types)}, or give the format."
        )
    if chosen not in media_types:
        raise ValueError(f"{chosen!r} is not a format; valid: {', '.join(media_types)}.")
    address = f"/v1/experiments/{identifier(experiment)}/{what}"
    return download_call(address, Path(path), headers={"Accept": media_types[chosen]})
