"""Calls on the catalog and the presets."""

import json
from collections.abc import Mapping
from typing import Any, Unpack

from actinium.api.requests import LARGEST_PAGE, dry_run_call, figure_call, submission_call
from actinium.calls import Call, Pages, as_is, get, pages, part, post
from actinium.figure import Figure, Kind, Theme
from actinium.operations import listing, operation
from actinium.spec import PresetFields
from actinium.types import (
    CatalogAxis,
    CatalogEntry,
    DryRun,
    Experiment,
    Metric,
    ModelPreview,
    Preset,
)


class CatalogAndPresets:
    """Operations on the catalog and the presets."""

    @listing
    def presets(self) -> Pages[Preset]:
        """Return the presets: published claims, each with the spec that tests them."""
        return pages("/v1/presets", as_is, {"limit": LARGEST_PAGE})

    @operation
    def preset(self, name: str) -> Call[Preset]:
        """Return a preset: its claims, their source, and the specs that test them."""
        return get(f"/v1/presets/{part(name)}", as_is)

    @operation
    def submit_preset(
        self, name: str, /, *, idempotency_key: str | None = None, **fields: Unpack[PresetFields]
    ) -> Call[Experiment]:
        """Submit a preset's experiment and return it.

        Args:
            name: the preset.
            idempotency_key: identifies this submission; random if not given.
            **fields: the size, and fields that replace the preset's.
        """
        return submission_call(f"/v1/presets/{part(name)}/experiments", fields, idempotency_key)

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
        """Return what a preset's submission would create and cost, as ``dry_run`` does."""
        return dry_run_call(f"/v1/presets/{part(name)}/experiments", fields, limit, cursor)

    @listing
    def catalog(self) -> Pages[CatalogAxis]:
        """Return the axes, each with all its values."""
        return pages("/v1/catalog", as_is, {"limit": LARGEST_PAGE})

    @listing
    def catalog_axis(self, axis: str) -> Pages[CatalogEntry]:
        """Return the values of an axis."""
        return pages(f"/v1/catalog/{part(axis)}", as_is, {"limit": LARGEST_PAGE})

    @operation
    def catalog_entry(self, axis: str, name: str) -> Call[CatalogEntry]:
        """Return a value of an axis, by its name or an alias."""
        return get(f"/v1/catalog/{part(axis)}/{part(name)}", as_is)

    @operation
    def preview_model(
        self, /, model: str | Mapping[str, Any], **fields: str | int | Mapping[str, Any]
    ) -> Call[ModelPreview]:
        """Return the layers of a network with their shapes and sizes; nothing is stored.

        Args:
            model: a model, as in a spec.
            **fields: ``dataset``, ``activation``, ``normalization`` and ``batch_size`` of a spec,
                each with one value.

        Raises:
            ApiError: a layer does not fit the one before, or the network is refused otherwise.
        """
        return post("/v1/models/preview", as_is, body={"model": model, **fields})

    @listing
    def metrics(self) -> Pages[Metric]:
        """Return the metrics, in the order of histories."""
        return pages("/v1/catalog/metrics", as_is, {})

    @operation
    def activation_figure(
        self,
        name: str,
        *,
        expression: str | None = None,
        parameters: Mapping[str, float] | None = None,
        kind: Kind = "svg",
        theme: Theme = "light",
    ) -> Call[Figure]:
        """Return a plot of an activation and its derivative.

        Args:
            name: of the activation.
            expression: of the activation ``formula``: what to draw.
            parameters: values of the expression's parameters.
            kind: the picture's format.
            theme: for a light or a dark background.
        """
        written = None if parameters is None else json.dumps(dict(parameters))
        options = {"expression": expression, "parameters": written}
        return figure_call(f"/v1/catalog/activation/{part(name)}/figure", kind, theme, options)
