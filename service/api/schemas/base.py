"""The base of all answers: every field is always present, null where it has no value."""

from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from service.json_numbers import JsonNumber

#: A number that may be non-finite.
Number = Annotated[
    JsonNumber,
    Field(description='A number; "NaN", "Infinity" and "-Infinity" stand for what JSON lacks.'),
]


@dataclass(frozen=True)
class As:
    """Describes stored JSON by the type that wrote it; the answer has it as stored."""

    type: type[BaseModel]

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(handler(self.type.__pydantic_core_schema__))


class ApiAnswer(BaseModel):
    """The base of every answer."""

    model_config = ConfigDict(extra="forbid")

    def to_json(self) -> bytes:
        """Return the body of a response."""
        return orjson.dumps(self, default=vars, option=orjson.OPT_UTC_Z)
