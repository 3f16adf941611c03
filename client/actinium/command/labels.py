"""Names of choices for people: parameters at their defaults are left out."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from actinium.client import Client
from actinium.command.configurations import varying
from actinium.types import Run


class Labels:
    """Names choices as the service does, by the catalog's defaults, asked for once."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def of(self, axis: str, choice: Any) -> str:
        """Name a choice: ``relu``, ``leaky_relu(0.2)``, ``name(a=1, b=2)``."""
        if not isinstance(choice, Mapping):
            return str(choice)
        name = choice["name"]
        shown = {}
        for parameter in self._parameters.get((axis, name), ()):
            value = choice.get(parameter["name"], parameter["default"])
            # A nested choice is at its default where it is named like it.
            text = self.of(parameter["axis"], value) if isinstance(value, Mapping) else value
            if text != parameter["default"]:
                shown[parameter["name"]] = str(text)
        if len(shown) == 1:
            return f"{name}({next(iter(shown.values()))})"
        listed = ", ".join(f"{key}={value}" for key, value in shown.items())
        return f"{name}({listed})" if shown else str(name)

    def of_runs(self, runs: Sequence[Run]) -> Mapping[str, str]:
        """Name runs, by their ids: each by the axes on which they differ, and by its seed."""
        axes = varying([run["config"] for run in runs])
        several = len({run["seed"] for run in runs}) > 1
        return {
            run["id"]: ", ".join(
                [
                    *(self.of(axis, run["config"][axis]) for axis in axes),
                    *([f"seed {run['seed']}"] if several else []),
                ]
            )
            for run in runs
        }

    @cached_property
    def _parameters(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """Give each entry's parameters by axis and name."""
        known = {
            (axis["axis"], entry["name"]): entry["parameters"]
            for axis in self._client.catalog()
            for entry in axis["items"]
        }
        of_outputs = {
            ("output_initializer", name): each
            for (axis, name), each in known.items()
            if axis == "initializer"
        }
        return known | of_outputs
