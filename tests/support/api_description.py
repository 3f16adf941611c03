"""openapi.yaml as tests read it: once per process, since reading it takes seconds."""

from functools import cache
from typing import Any

import yaml

from tests.support.paths import ROOT


@cache
def described() -> dict[str, Any]:
    """Return the API's description as it is in the file; whoever asks changes nothing in it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, Any] = yaml.load((ROOT / "openapi.yaml").read_bytes(), loader)
    return found
