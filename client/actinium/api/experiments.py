"""Calls on experiments: submit, read, update, cancel, retry, delete."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Unpack

from actinium.api.requests import dry_run_call, nothing, submission_call, waiting_call
from actinium.calls import Call, Names, Pages, Ref, identifier, pages, patch, post
from actinium.operations import listing, operation
from actinium.shown import shown_experiment
from actinium.spec import Spec
from actinium.types import Changes, DryRun, Experiment


class Experiments:
    """Operations on experiments."""

    @operation
    def submit(
        self,
        spec: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[Spec],
    ) -> Call[Experiment]:
        """Submit an experiment and return it; repeated attempts store it once.

        Args:
            spec: the spec, as docs/spec.md describes it.
            idempotency_key: identifies this submission; random if not given.
            **fields: fields of the spec; they replace those in ``spec``.
        """
        return submission_call("/v1/experiments", {**(spec or {}), **fields}, idempotency_key)

    @operation
    def dry_run(
        self,
        spec: Mapping[str, Any] | None = None,
        *,
        limit: int = 50,
        cursor: str | None = None,
        **fields: Unpack[Spec],
    ) -> Call[DryRun]:
        """Return what a submission would create and cost; nothing is stored.

        Args:
            spec: the spec.
            limit: most configurations in the answer.
            cursor: ``next_cursor`` of an answer, to read the configurations after it.
            **fields: fields of the spec; they replace those in ``spec``.
        """
        return dry_run_call("/v1/experiments", {**(spec or {}), **fields}, limit, cursor)

    @operation
    def experiment(self, experiment: Ref, *, wait: float | None = None) -> Call[Experiment]:
        """Return an experiment with its spec, status and progress.

        Args:
            experiment: the experiment.
            wait: seconds (at most 60) to wait for its end before the answer.
        """
        return waiting_call(f"/v1/experiments/{identifier(experiment)}", shown_experiment, wait)

    @listing
    def experiments(
        self,
        *,
        status: Names | None = None,
        tag: Names | None = None,
        name: str | None = None,
        search: str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        archived: bool | None = False,
        page_size: int = 100,
    ) -> Pages[Experiment]:
        """Return experiments, newest first, without their specs.

        Args:
            status: any of these statuses.
            tag: all of these tags, each ``key:value``.
            name: exactly this name.
            search: part of the name, in any case.
            created_after: created later.
            created_before: created earlier.
            archived: whether they are archived; None for all.
            page_size: how many are asked for at once.
        """
        query = {"status": status, "tag": tag, "name": name, "search": search, "limit": page_size}
        times = {"created_after": created_after, "created_before": created_before}
        written = {key: time and time.astimezone().isoformat() for key, time in times.items()}
        asked = {
            False: None,
            True: "true",
            None: "any",
        }  # without them is what the API answers unasked
        return pages(
            "/v1/experiments", shown_experiment, query | written | {"archived": asked[archived]}
        )

    @operation
    def update(self, experiment: Ref, **changes: Unpack[Changes]) -> Call[Experiment]:
        """Change what an experiment is called, and return it; what is not named stays.

        Args:
            experiment: the experiment.
            **changes: ``name``, ``description`` and ``note``, each None to remove it; ``tags`` to
                set, and with None to remove; ``archived``: whether lists leave it out.
        """
        return patch(
            f"/v1/experiments/{identifier(experiment)}", shown_experiment, body=dict(changes)
        )

    @operation
    def cancel(self, experiment: Ref) -> Call[Experiment]:
        """Cancel an experiment: its waiting runs at once, its running ones within seconds."""
        return post(f"/v1/experiments/{identifier(experiment)}/cancel", shown_experiment)

    @operation
    def retry(self, experiment: Ref) -> Call[Experiment]:
        """Requeue the failed and cancelled runs; their recorded epochs are kept."""
        return post(
            f"/v1/experiments/{identifier(experiment)}/retry", shown_experiment, repeatable=False
        )

    @operation
    def delete(self, experiment: Ref) -> Call[None]:
        """Delete an experiment with its runs and histories; none of its runs may be active."""
        path = f"/v1/experiments/{identifier(experiment)}"
        return Call("DELETE", path, nothing, repeatable=False)
