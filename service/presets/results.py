"""What the claims gave when a preset was run at a size, kept with the code.

``python -m benchmarks.statistics.presets`` trains presets and writes the file. A result counts only
for the spec and the checks that it was made with: a preset that has changed since has none.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from service.presets.evidence import DifferenceFigures, Evidence, GroupFigures
from service.presets.preset import Preset, Size
from service.specs.expansion import SCIENCE_VERSION

FILE = Path(__file__).with_name("results.json")


@dataclass(frozen=True)
class PresetResult:
    """One run of a preset.

    Attributes:
        runs: how many trainings it had.
        seconds: the processor time they took, of one thread each.
        machine: processor and PyTorch.
        claims: what each claim gave, by its name.
    """

    runs: int
    seconds: float
    machine: str
    claims: Mapping[str, Evidence]


def result_of(preset: Preset, size: Size) -> PresetResult | None:
    """Return what a preset gave at a size; None where it has not been run as it is now."""
    stored = _stored().get(preset.name, {}).get(size)
    if stored is None or stored["fingerprint"] != fingerprint(preset, size):
        return None
    claims = {name: _evidence(found) for name, found in stored["claims"].items()}
    return PresetResult(stored["runs"], stored["seconds"], stored["machine"], claims)


def store(results: Mapping[tuple[str, Size], tuple[Preset, PresetResult]]) -> None:
    """Write results into the file, in place of those of the same presets and sizes."""
    content = dict(_stored())
    for (name, size), (preset, result) in results.items():
        entry = {"fingerprint": fingerprint(preset, size), **asdict(result)}
        content[name] = {**content.get(name, {}), size: entry}
    FILE.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    _stored.cache_clear()


def fingerprint(preset: Preset, size: Size) -> str:
    """Return a hash of all that decides what a preset gives: its spec, its checks, the science."""
    spec = {key: value for key, value in preset.spec_of(size).items() if key != "description"}
    checks = [
        (claim.name, repr(claim.check), claim.epochs, claim.train_size) for claim in preset.claims
    ]
    content = json.dumps([spec, checks, SCIENCE_VERSION], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


@cache
def _stored() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text())
    return content


def _evidence(stored: Mapping[str, Any]) -> Evidence:
    groups = tuple(GroupFigures(**_with_interval(group)) for group in stored["groups"])
    differences = tuple(
        DifferenceFigures(**_with_interval(found)) for found in stored["differences"]
    )
    return Evidence(**{**stored, "groups": groups, "differences": differences})


def _with_interval(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {**figures, "ci95": figures["ci95"] and tuple(figures["ci95"])}
