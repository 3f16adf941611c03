"""Every call of the service, described once for both clients.

Wherever an experiment or a run is wanted, its id will do, and so will any answer that has one.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Unpack

import httpx

from actinium import readers
from actinium.answers import (
    Attempt,
    CatalogAxis,
    CatalogEntry,
    Claims,
    Comparison,
    Diagnosis,
    DryRun,
    Experiment,
    History,
    Layers,
    Preset,
    Run,
    RunHistory,
)
from actinium.calls import (
    Call,
    Pages,
    Ref,
    as_is,
    get,
    identifier,
    pages,
    part,
    plain,
    post,
)
from actinium.figure import Figure, Kind, Theme
from actinium.operations import listing, operation
from actinium.spec import PresetFields, Spec

At = Literal["final", "best"]
Names = str | Sequence[str]

_MEDIA_TYPES = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}
_LARGEST_PAGE = 1000


class Operations:
    """What both clients can do. Any of it may raise ``ApiError`` or ``UnreachableError``."""

    @operation
    def submit(
        self,
        spec: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[Spec],
    ) -> Call[Experiment]:
        """Submit an experiment: a spec, its fields as keywords, or both (keywords win).

        Sent again under one Idempotency-Key where an answer is lost, it is stored once.

        Args:
            spec: the spec, as the service's documentation has it.
            idempotency_key: names this submission; made up where left out.
            **fields: fields of the spec.
        """
        return _submission("/v1/experiments", {**(spec or {}), **fields}, idempotency_key)

    @operation
    def dry_run(
        self,
        spec: Mapping[str, Any] | None = None,
        *,
        limit: int = 50,
        cursor: str | None = None,
        **fields: Unpack[Spec],
    ) -> Call[DryRun]:
        """Say what a submission would make and cost, storing nothing.

        Args:
            spec: the spec.
            limit: how many of its configurations to list.
            cursor: ``next_cursor`` of the answer before, for the configurations after those.
            **fields: fields of the spec.
        """
        return _dry_run("/v1/experiments", {**(spec or {}), **fields}, limit, cursor)

    @operation
    def experiment(self, experiment: Ref, *, wait: float | None = None) -> Call[Experiment]:
        """Give an experiment's spec and how it stands.

        Args:
            experiment: which one.
            wait: answer once it has finished, or after so many seconds (at most 60).
        """
        return _standing(f"/v1/experiments/{identifier(experiment)}", as_is, wait)

    @listing
    def experiments(
        self,
        *,
        status: Names | None = None,
        tag: Names | None = None,
        name: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        page_size: int = 100,
    ) -> Pages[Experiment]:
        """List experiments, newest first, without their specs; a tag is ``key:value``."""
        query = {"status": status, "tag": tag, "name": name, "limit": page_size}
        times = {"created_after": created_after, "created_before": created_before}
        written = {key: time and time.astimezone().isoformat() for key, time in times.items()}
        return pages("/v1/experiments", as_is, query | written)

    @operation
    def cancel(self, experiment: Ref) -> Call[Experiment]:
        """Cancel what waits at once and what trains within seconds; what has ended stays."""
        return post(f"/v1/experiments/{identifier(experiment)}/cancel", as_is)

    @operation
    def retry(self, experiment: Ref) -> Call[Experiment]:
        """Queue the failed and cancelled runs again; epochs they have recorded are kept."""
        return post(f"/v1/experiments/{identifier(experiment)}/retry", as_is, repeatable=False)

    @operation
    def delete(self, experiment: Ref) -> Call[None]:
        """Delete an experiment with its runs and histories; none of them may be active."""
        path = f"/v1/experiments/{identifier(experiment)}"
        return Call("DELETE", path, _nothing, repeatable=False)

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
        seed: int | Sequence[int] | None = None,
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
        return _standing(f"/v1/runs/{identifier(run)}", readers.read_run, wait)

    @operation
    def cancel_run(self, run: Ref) -> Call[Run]:
        """Cancel a run: at once where it waits, within seconds where it trains."""
        return post(f"/v1/runs/{identifier(run)}/cancel", readers.read_run)

    @listing
    def attempts(self, run: Ref) -> Pages[Attempt]:
        """List each time a worker took a run, and how that ended."""
        return pages(f"/v1/runs/{identifier(run)}/attempts", as_is, {"limit": _LARGEST_PAGE})

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
        if chosen not in _MEDIA_TYPES:
            raise ValueError(f"{chosen!r} is no format; valid: {', '.join(_MEDIA_TYPES)}.")
        address = f"/v1/experiments/{identifier(experiment)}/histories"
        return _download(address, Path(path), headers={"Accept": _MEDIA_TYPES[chosen]})

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
        return _download(address, Path(path), query={"epoch": epoch})

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
        return _figure(f"{folder}/{part(name)}", kind, theme, options)

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
        return _figure(f"{folder}/{part(name)}", kind, theme, options)

    @operation
    def activation_figure(
        self, name: str, *, kind: Kind = "svg", theme: Theme = "light"
    ) -> Call[Figure]:
        """Draw an activation and its derivative."""
        return _figure(f"/v1/catalog/activation/{part(name)}/figure", kind, theme, {})

    @listing
    def presets(self) -> Pages[Preset]:
        """List the presets: published claims, each with the spec that reproduces it."""
        return pages("/v1/presets", as_is, {"limit": _LARGEST_PAGE})

    @operation
    def preset(self, name: str) -> Call[Preset]:
        """Give a preset: what is claimed and where, and the specs that check it."""
        return get(f"/v1/presets/{part(name)}", as_is)

    @operation
    def submit_preset(
        self, name: str, /, *, idempotency_key: str | None = None, **fields: Unpack[PresetFields]
    ) -> Call[Experiment]:
        """Submit a preset's experiment, at its full or its small size.

        Args:
            name: the preset.
            idempotency_key: names this submission; made up where left out.
            **fields: what takes the place of the preset's.
        """
        return _submission(f"/v1/presets/{part(name)}/experiments", fields, idempotency_key)

    @operation
    def dry_run_preset(
        self,
        name: str,
        /,
        *,
        limit: int = 50,
        cursor: str | None = None,
        **fields: Unpack[PresetFields],
    ) -> Call[DryRun]:
        """Say what a preset's submission would make and cost, as ``dry_run`` does."""
        return _dry_run(f"/v1/presets/{part(name)}/experiments", fields, limit, cursor)

    @listing
    def catalog(self) -> Pages[CatalogAxis]:
        """List every axis with every value it can take."""
        return pages("/v1/catalog", as_is, {"limit": _LARGEST_PAGE})

    @listing
    def catalog_axis(self, axis: str) -> Pages[CatalogEntry]:
        """List the values of an axis."""
        return pages(f"/v1/catalog/{part(axis)}", as_is, {"limit": _LARGEST_PAGE})

    @operation
    def catalog_entry(self, axis: str, name: str) -> Call[CatalogEntry]:
        """Give one value of an axis, by its name or an alias."""
        return get(f"/v1/catalog/{part(axis)}/{part(name)}", as_is)


def _submission(path: str, body: Mapping[str, Any], key: str | None) -> Call[Experiment]:
    headers = {"Idempotency-Key": key or str(uuid.uuid4())}
    return post(path, as_is, body=dict(body), headers=headers)


def _dry_run(path: str, body: Mapping[str, Any], limit: int, cursor: str | None) -> Call[DryRun]:
    query = plain({"dry_run": "true", "limit": limit, "cursor": cursor})
    return post(path, as_is, query=query, body=dict(body))


def _standing(path: str, read: Any, wait: float | None) -> Call[Any]:
    if wait is None:
        return get(path, read)
    return get(path, read, headers={"Prefer": f"wait={wait:.0f}"}, seconds=wait, patient=True)


def _download(path: str, save_as: Path, **more: Any) -> Call[Path]:
    return Call("GET", path, lambda _: save_as, save_as=save_as, seconds=600, **more)


def _figure(stem: str, kind: Kind, theme: Theme, options: Mapping[str, Any]) -> Call[Figure]:
    query = plain({"theme": theme, **options})
    return Call(
        "GET", f"{stem}.{kind}", lambda answer: Figure(answer.content, kind), query, seconds=60
    )


def _nothing(_: httpx.Response) -> None:
    return None
