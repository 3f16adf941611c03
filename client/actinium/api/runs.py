"""Calls on runs: find them, their attempts, and what is inside them."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from actinium import readers
from actinium.api.requests import (
    LARGEST_PAGE,
    download_call,
    figure_call,
    standing_call,
)
from actinium.calls import Call, Names, Pages, Ref, as_is, get, identifier, pages, part, post
from actinium.figure import Figure, Kind, Theme
from actinium.operations import listing, operation
from actinium.types import Attempt, Diagnosis, History, Layers, Run


class Runs:
    """What can be asked of runs."""

    @listing
    def runs(
        self,
        experiment: Ref | None = None,
        *,
        status: Names | None = None,
        activation: Names | None = None,
        initializer: Names | None = None,
        clipping: Names | None = None,
        normalization: Names | None = None,
        verdict: Names | None = None,
        seed: int | Collection[int] | None = None,
        order_by: str = "-created_at",
        page_size: int = 100,
    ) -> Pages[Run]:
        """List runs that pass all filters; of several values of a filter, any will do.

        Args:
            experiment: the experiment they are of; of all where left out.
            status: as ``diverged``.
            activation: an activation's name.
            initializer: an initializer's name.
            clipping: a clipping's name.
            normalization: a normalization's name.
            verdict: of the diagnosis, as ``vanishing``.
            seed: a seed.
            order_by: as ``-val_accuracy``; ``position`` is an experiment's own order.
            page_size: how many are asked for at a time.
        """
        query = {
            "experiment_id": identifier(experiment) if experiment is not None else None,
            "status": status,
            "activation": activation,
            "initializer": initializer,
            "clipping": clipping,
            "normalization": normalization,
            "verdict": verdict,
            "seed": seed,
            "order_by": order_by,
            "limit": page_size,
        }
        return pages("/v1/runs", readers.read_run, query)

    @operation
    def run(self, run: Ref, *, wait: float | None = None) -> Call[Run]:
        """Give a run with its configuration, metrics and state; ``wait`` as for experiments."""
        return standing_call(f"/v1/runs/{identifier(run)}", readers.read_run, wait)

    @operation
    def cancel_run(self, run: Ref) -> Call[Run]:
        """Cancel a run: at once where it waits, within seconds where it trains."""
        return post(f"/v1/runs/{identifier(run)}/cancel", readers.read_run)

    @listing
    def attempts(self, run: Ref) -> Pages[Attempt]:
        """List each time a worker took a run, and how that ended."""
        return pages(f"/v1/runs/{identifier(run)}/attempts", as_is, {"limit": LARGEST_PAGE})

    @operation
    def history(
        self,
        run: Ref,
        *,
        metrics: Names | None = None,
        from_epoch: int | None = None,
        max_points: int | None = None,
    ) -> Call[History]:
        """Give a run's metrics by epoch, in columns; ``actinium.dataframe`` makes a DataFrame.

        Args:
            run: which one.
            metrics: names of those wanted; all where left out.
            from_epoch: the first epoch wanted.
            max_points: thins a longer history out, keeping its lows and highs.
        """
        query = {"metrics": metrics, "from_epoch": from_epoch, "max_points": max_points}
        return get(f"/v1/runs/{identifier(run)}/history", readers.read_history, query)

    @operation
    def layers(self, run: Ref, *, epoch: int | None = None) -> Call[Layers]:
        """Give a run's layer statistics at an epoch, the last there are where left out.

        Epoch 0 is the network before its first step.
        """
        return get(f"/v1/runs/{identifier(run)}/layers", readers.read_layers, {"epoch": epoch})

    @operation
    def diagnosis(self, run: Ref) -> Call[Diagnosis]:
        """Say why a run fares as it does: a verdict, and findings that point at layers."""
        return get(f"/v1/runs/{identifier(run)}/diagnosis", readers.read_diagnosis)

    @operation
    def save_weights(
        self, run: Ref, path: str | Path, *, epoch: Literal[0, "last"] = "last"
    ) -> Call[Path]:
        """Write a run's weights to a safetensors file, with its config in the metadata.

        Args:
            run: which one.
            path: the file; it appears once it is whole.
            epoch: 0 as initialized, ``last`` as training ended.
        """
        address = f"/v1/runs/{identifier(run)}/weights"
        return download_call(address, Path(path), query={"epoch": epoch})

    @operation
    def run_figure(
        self,
        /,
        run: Ref,
        name: str,
        *,
        kind: Kind = "svg",
        theme: Theme = "light",
        **options: Any,
    ) -> Call[Figure]:
        """Draw a run: ``learning_curves``, ``layers``, ``gradient_flow``, ``decision_boundary``."""
        folder = f"/v1/runs/{identifier(run)}/figures"
        return figure_call(f"{folder}/{part(name)}", kind, theme, options)
