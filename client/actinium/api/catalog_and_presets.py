"""Calls on what the service offers: presets and the catalog."""

from typing import Unpack

from actinium.api.requests import LARGEST_PAGE, dry_run_call, figure_call, submission_call
from actinium.calls import Call, Pages, as_is, get, pages, part
from actinium.figure import Figure, Kind, Theme
from actinium.operations import listing, operation
from actinium.spec import PresetFields
from actinium.types import CatalogAxis, CatalogEntry, DryRun, Experiment, Preset


class Offers:
    """What there is to choose from."""

    @listing
    def presets(self) -> Pages[Preset]:
        """List the presets: published claims, each with the spec that reproduces it."""
        return pages("/v1/presets", as_is, {"limit": LARGEST_PAGE})

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
        """Say what a preset's submission would make and cost, as ``dry_run`` does."""
        return dry_run_call(f"/v1/presets/{part(name)}/experiments", fields, limit, cursor)

    @listing
    def catalog(self) -> Pages[CatalogAxis]:
        """List every axis with every value it can take."""
        return pages("/v1/catalog", as_is, {"limit": LARGEST_PAGE})

    @listing
    def catalog_axis(self, axis: str) -> Pages[CatalogEntry]:
        """List the values of an axis."""
        return pages(f"/v1/catalog/{part(axis)}", as_is, {"limit": LARGEST_PAGE})

    @operation
    def catalog_entry(self, axis: str, name: str) -> Call[CatalogEntry]:
        """Give one value of an axis, by its name or an alias."""
        return get(f"/v1/catalog/{part(axis)}/{part(name)}", as_is)

    @operation
    def activation_figure(
        self, name: str, *, kind: Kind = "svg", theme: Theme = "light"
    ) -> Call[Figure]:
        """Draw an activation and its derivative."""
        return figure_call(f"/v1/catalog/activation/{part(name)}/figure", kind, theme, {})
