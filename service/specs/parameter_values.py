"""Several values for one parameter of an entry: a list of them, or a range of numbers.

A spec keeps them as they were submitted; ``specs.alternatives`` multiplies them out.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

#: Values that one list or one range may have.
MOST_VALUES = 1_000

#: Significant digits of the values between the ends. On a logarithmic scale few, so that they
#: read well and can be typed again; on a linear one as many as hide the error of binary fractions.
_DIGITS = {"log": 3, "linear": 12}


class ParameterRange(BaseModel):
    """Values of a numeric parameter from `low` to `high`, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    low: float | int = Field(description="The first value.")
    high: float | int = Field(description="The last value.")
    count: int = Field(ge=2, le=MOST_VALUES, description="The number of values.")
    scale: Literal["linear", "log"] = Field(
        "linear",
        description="`linear`: equal differences between the values. `log`: equal ratios, rounded "
        "to 3 significant digits. A parameter that takes integers rounds to integers.",
    )

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.low >= self.high:
            raise PydanticCustomError("range_order", "`low` must be below `high`.")
        if self.scale == "log" and self.low <= 0:
            raise PydanticCustomError("range_log", "On the scale `log` a range starts above 0.")
        if any(after <= before for before, after in pairwise(self.values())):
            raise PydanticCustomError(
                "range_repeats",
                "The range is too narrow for {count} values. Choose fewer.",
                {"count": self.count},
            )
        return self

    def values(self) -> Iterator[float | int]:
        """Return the values, rising; integers where both ends are integers."""
        yield self.low
        for step in range(1, self.count - 1):
            yield self._between(step / (self.count - 1))
        yield self.high

    def _between(self, share: float) -> float | int:
        if self.scale == "log":
            low, high = math.log(self.low), math.log(self.high)
            value = math.exp(low + share * (high - low))
        else:
            value = self.low + share * (self.high - self.low)
        if isinstance(self.low, int):
            return round(value)
        return float(f"{value:.{_DIGITS[self.scale]}g}")


@dataclass(frozen=True)
class OneOrSeveral:
    """Marks a parameter that takes one value, a list of values or, of numbers, a range.

    Several values are read as a tuple. One value may be a list itself (units of the layers);
    several of these are a list of lists.

    Attributes:
        one: the type of one value.
        number: the type of a number, where a range can stand for several.
        one_is_list: whether a flat list is one value.
        nullable: whether the parameter may be null in place of all values.
    """

    one: Any
    number: Any = None
    one_is_list: bool = False
    nullable: bool = False

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        one = handler.generate_schema(self.one)
        several = core_schema.list_schema(one, min_length=1, max_length=MOST_VALUES)
        forms = {
            "one": one,
            "list": core_schema.no_info_after_validator_function(tuple, several),
        }
        if self.number is not None:
            ranged: Any = Annotated[ParameterRange, _EndsOf(self.number)]
            forms["range"] = handler.generate_schema(ranged)
        if self.nullable:
            forms["null"] = core_schema.none_schema()
        return core_schema.tagged_union_schema(
            forms,
            discriminator=self._form,
            # Written by what the value is: the schema of a form that it does not have would warn.
            serialization=core_schema.wrap_serializer_function_ser_schema(
                lambda value, serialize: serialize(value), schema=core_schema.any_schema()
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        one, *several = handler(schema)["oneOf"]
        return {"anyOf": [*one.get("anyOf", [one]), *several]}

    def _form(self, value: Any) -> str:
        if value is None and self.nullable:
            return "null"
        if isinstance(value, list | tuple):
            flat = not any(isinstance(item, list | tuple) for item in value)
            return "one" if self.one_is_list and flat else "list"
        return "range" if self.number is not None and isinstance(value, dict) else "one"


@dataclass(frozen=True)
class _EndsOf:
    """Marks a range whose ends are valid numbers of a parameter."""

    number: Any

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        end = core_schema.typed_dict_field(handler.generate_schema(self.number), required=False)
        ends = core_schema.typed_dict_schema({"low": end, "high": end}, extra_behavior="allow")
        return core_schema.chain_schema([ends, handler(source)])

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(handler(schema["steps"][-1]))
