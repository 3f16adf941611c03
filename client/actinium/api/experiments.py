"""Calls on experiments: submit, look, act."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Unpack

from actinium.api.requests import (
    dry_run_call,
    nothing,
    standing_call,
    submission_call,
)
from actinium.calls import Call, Names, Pages, Ref, as_is, identifier, pages, post
from actinium.operations import listing, operation
from actinium.spec import Spec
from actinium.types import DryRun, Experiment


class Experiments:
    """What can be done with experiments."""

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
        """Say what a submission would make and cost, storing nothing.

        Args:
            spec: the spec.
            limit: how many of its configurations to list.
            cursor: ``next_cursor`` of the answer before, for the configurations after those.
            **fields: fields of the spec.
        """
        return dry_run_call("/v1/experiments", {**(spec or {}), **fields}, limit, cursor)

    @operation
    def experiment(self, experiment: Ref, *, wait: float | None = None) -> Call[Experiment]:
        """Give an experiment's spec and how it stands.

        Args:
            experiment: which one.
            wait: answer once it has finished, or after so many seconds (at most 60).
        """
        return standing_call(f"/v1/experiments/{identifier(experiment)}", as_is, wait)

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
        return Call("DELETE", path, nothing, repeatable=False)
