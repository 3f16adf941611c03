"""Expressions and their parameters as pydantic types, for the choices of a spec."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidatorFunctionWrapHandler,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from service.formulas.expression import MAX_CONSTANTS, Constants, Expression
from service.formulas.parser import MAX_LENGTH, FormulaError


@dataclass(frozen=True)
class ExpressionText:
    """Marks an ``Expression``, which is read from its text and written as its canonical text."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        text = core_schema.str_schema(strict=True)
        return core_schema.no_info_wrap_validator_function(
            _read, text, serialization=core_schema.to_string_ser_schema()
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH}


def _read(value: Any, text: ValidatorFunctionWrapHandler) -> Expression:
    if isinstance(value, Expression):
        return value  # with the places of its names in the text that was sent
    try:
        return Expression(text(value))
    except FormulaError as error:
        raise PydanticCustomError("formula", "{reason}", {"reason": str(error)}) from error


def constants_type(value: Any) -> Any:
    """Return the type of ``Constants`` whose values are of a type."""
    named = Annotated[dict[str, value], Field(max_length=MAX_CONSTANTS)]
    return Annotated[named, _AsConstants()]


@dataclass(frozen=True)
class _AsConstants:
    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(Constants, handler(source))
