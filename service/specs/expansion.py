"""From a spec to its runs: the grid, checked at the door and resolved."""

import hashlib
import json
from dataclasses import dataclass

from service.fields import FieldError
from service.specs import grid, rules
from service.specs.limits import Limits
from service.specs.resolution import Resolution
from service.specs.spec import ExperimentSpec, RunConfig

#: Raised when the numbers a configuration leads to change (a repaired formula, another random
#: stream): older histories are then no longer taken for the same training.
SCIENCE_VERSION = 2

_MOST_ERRORS = 20


class SpecError(Exception):
    """A spec that cannot be run, with everything found wrong."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(each.detail for each in errors))
        self.errors = errors


@dataclass(frozen=True)
class PlannedRun:
    """One run of an experiment before it is stored."""

    label: str | None
    config: RunConfig
    config_hash: str
    seed: int


def expand(spec: ExperimentSpec, limits: Limits) -> list[PlannedRun]:
    """Give the runs of an experiment, in the order of its axes, seeds innermost.

    Configurations that resolve to the same thing (``auto`` beside the initializer it stands
    for) are one run, so that no comparison counts a training twice.

    Raises:
        SpecError: a limit is passed, or a combination cannot be trained.
    """
    _check_limits(spec, limits)
    errors: list[FieldError] = []
    plans: dict[tuple[str | None, str], RunConfig] = {}
    for label, point in grid.points(spec):
        resolved = Resolution(point)
        found = rules.errors_of(resolved, limits)
        if found:
            errors += [each for each in found if each not in errors]
            if len(errors) >= _MOST_ERRORS:
                break
        else:
            config = resolved.config(spec)
            plans.setdefault((label, config_hash(config)), config)
    if errors:
        raise SpecError(errors[:_MOST_ERRORS])
    return [
        PlannedRun(label, config, digest, seed)
        for (label, digest), config in plans.items()
        for seed in spec.seeds
    ]


def config_hash(config: RunConfig) -> str:
    """Name a configuration by its content: sha256 of its canonical JSON, in hex."""
    content = {"science": SCIENCE_VERSION, "config": config.model_dump(mode="json")}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _check_limits(spec: ExperimentSpec, limits: Limits) -> None:
    errors = []
    if spec.epochs > limits.max_epochs:
        errors.append(
            FieldError(
                ("epochs",),
                f"{spec.epochs} epochs are over the limit max_epochs = {limits.max_epochs}.",
            )
        )
    runs = len(spec.seeds) * grid.size(spec)
    if runs > limits.max_runs:
        errors.append(
            FieldError(
                (),
                f"The experiment has {runs:,} runs, over the limit max_runs = "
                f"{limits.max_runs:,}. Split it, or shorten an axis.",
            )
        )
    if errors:
        raise SpecError(errors)
