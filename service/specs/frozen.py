"""What the parts of a spec and of a configuration have in common."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """Values that never change: no other fields, no conversion between types, finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
