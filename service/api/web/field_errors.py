"""Errors of single fields, as sentences with a pointer to the field."""

import itertools
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter

from service.api.web import pointers
from service.fields import FieldError, unknown

_INPUT = "Input should be "
#: Most errors that an answer tells; so many unknown names are explained by others near them.
MAX_ERRORS = 50
#: Longest value that is quoted whole, in characters.
_MAX_QUOTED = 60

#: Messages in place of those of pydantic that are about Python, not JSON.
_REWORDED = {
    "bool_parsing": "Input should be true or false",
    "dict_type": "Input should be an object",
    "float_parsing": "Input should be a number",
    "int_from_float": "Input should be an integer",
    "int_parsing": "Input should be an integer",
    "list_type": "Input should be a list",
    "missing": "This field is required",
    "timezone_aware": "The time needs a zone: write it as in 2026-11-21T05:00:00Z",
    "datetime_parsing": "Write the time as in 2026-11-21T05:00:00Z",
    "datetime_from_date_parsing": "Write the time as in 2026-11-21T05:00:00Z",
    "model_attributes_type": "Input should be an object",
    "model_type": "Input should be an object",
    "uuid_parsing": "Input should be a UUID",
    "union_tag_not_found": "The field `name` is required: it says which one this is",
}

#: What texts should be, by the regular expression that they should match.
_FORMS = {
    "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$": "a UUID, as in "
    "019ac4f2-7d31-7c1e-9b7d-0d7b1a2c3d4e",
}


class FieldProblem(BaseModel):
    """One error: its place (one of the first three fields) and a sentence."""

    pointer: str | None = Field(None, description="JSON pointer (RFC 6901) into the body as sent.")
    parameter: str | None = Field(None, description="Name of a query or path parameter.")
    header: str | None = Field(None, description="Name of a header.")
    detail: str = Field(description="What is wrong, and what is valid.")


def from_locations(errors: Iterable[FieldError], body: Any) -> list[FieldProblem]:
    """Return the problems of a use-case's errors; ``("query", name)`` locates a parameter."""
    problems = []
    for error in itertools.islice(errors, MAX_ERRORS):
        match error.location:
            case ("query", str(name)):
                problems.append(FieldProblem(parameter=name, detail=error.detail))
            case _:
                pointer = pointers.write(pointers.from_spec(body, error.location))
                problems.append(FieldProblem(pointer=pointer, detail=error.detail))
    return problems


def from_pydantic(
    errors: Sequence[Mapping[str, Any]], body: Any, body_type: Any
) -> list[FieldProblem]:
    """Return the problems of pydantic's errors.

    Args:
        errors: pydantic's errors, whose paths begin with ``body``, ``query``, ...
        body: the parsed body, None without one.
        body_type: the type of the route's body, which has the names of the valid fields.
    """
    in_body: dict[tuple[str | int, ...], list[str]] = {}
    elsewhere = []
    for error in map(_at_its_tag, errors[:MAX_ERRORS]):
        place, *location = error["loc"]
        if place == "body":
            missing = error["type"] == "missing"
            steps = pointers.into_body(body, location, last_may_lack=missing)
            details = in_body.setdefault(tuple(steps), [])
            detail = _detail(error, body, steps, body_type)
            if detail not in details:
                details.append(detail)
        else:
            kind = "header" if place == "header" else "parameter"
            detail = _sentence(_input_detail(error))
            elsewhere.append(FieldProblem(**{kind: str(location[0])}, detail=detail))
    return elsewhere + [
        FieldProblem(pointer=pointers.write(steps), detail=_joined(details))
        for steps, details in in_body.items()
        # Of the branches of a union, those that got furthest into the body describe the error.
        if not any(steps == other[: len(steps)] and steps != other for other in in_body)
    ]


def _at_its_tag(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the error of a name that no branch of a union has as one of the field of the name."""
    if error["type"] != "union_tag_invalid":
        return error
    field = error["ctx"]["discriminator"].strip("'")
    tag = error["input"].get(field) if isinstance(error["input"], Mapping) else None
    told = {"type": "string_type", "msg": "Input should be a string"}
    if isinstance(tag, str):
        valid = re.findall("'([^']*)'", error["ctx"]["expected_tags"])
        told = {"type": "unknown_name", "msg": unknown(field, tag, valid)}
    return {**told, "loc": (*error["loc"], field), "input": tag}


def fields_at(body_type: Any, body: Any, steps: Sequence[str | int]) -> list[str]:
    """Return the fields that an object in a body may have, from the JSON schema of its type."""
    objects = _schemas_at(body_type, body, steps)
    return sorted({name for node in objects for name in node.get("properties", ())})


def _schemas_at(body_type: Any, body: Any, steps: Sequence[str | int]) -> list[Any]:
    """Return the schemas that a value in a body may be meant for."""
    schema = _schema(body_type)
    nodes = [schema]
    for step in steps:
        nodes = [
            child
            for node in _branches(nodes, schema, body)
            for child in (node.get("properties", {}).get(step), node.get("items"))
            if child is not None
        ]
        body = body[step]
    return _branches(nodes, schema, body)


def _branches(nodes: Iterable[Any], schema: Any, value: Any) -> list[Any]:
    """Return the schemas that a value may be meant for, behind references and unions."""
    plain: list[Any] = []
    for node in nodes:
        if "$ref" in node:
            target = schema["$defs"][node["$ref"].rpartition("/")[2]]
            plain += _branches([target], schema, value)
        elif "anyOf" in node or "oneOf" in node:
            plain += _branches([*node.get("anyOf", ()), *node.get("oneOf", ())], schema, value)
        else:
            tag = node.get("properties", {}).get("name", {}).get("const")
            name = value.get("name") if isinstance(value, dict) else None
            if tag is None or tag == name:
                plain.append(node)
    return plain


@lru_cache(maxsize=32)
def _schema(body_type: Any) -> Any:
    return TypeAdapter(body_type).json_schema()


def _detail(error: Mapping[str, Any], body: Any, steps: Sequence[str | int], body_type: Any) -> str:
    if error["type"] == "extra_forbidden" and steps:
        valid = fields_at(body_type, body, steps[:-1])
        return unknown("field", str(steps[-1]), valid)
    if error["type"] == "missing":
        return _missing_detail(str(error["loc"][-1]), body, steps)
    if error["type"] == "list_type":
        schemas = _schemas_at(body_type, body, steps)
        if any(node.get("type") == "integer" for node in schemas):
            return _input_detail({**error, "type": "", "msg": f"{_INPUT}an integer or a list"})
    return _input_detail(error)


def _missing_detail(field: str, body: Any, steps: Sequence[str | int]) -> str:
    """Return what is said of a field that is missing; of an entry that is a name alone, which."""
    if not steps:
        return "A JSON body is required"
    for step in steps:
        body = body.get(step) if isinstance(body, dict) else body[step]
    if not isinstance(body, str):
        return _REWORDED["missing"]
    written = json.dumps({"name": body}, ensure_ascii=False)[:-1]
    return f'{body} needs the field `{field}`: write it as {written}, "{field}": ...}}'


def _input_detail(error: Mapping[str, Any]) -> str:
    value = error.get("input")
    if error["type"] in {"too_short", "too_long"}:
        return _length_detail(value, **error["ctx"])
    text: str = _REWORDED.get(error["type"], error["msg"]).removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] in _FORMS:
        text = _INPUT + _FORMS[error["ctx"]["pattern"]]
    if error["type"] == "int_type" and isinstance(value, float) and value.is_integer():
        text = f"{_INPUT}an integer, written without a decimal point"
    if text.startswith(_INPUT) and (value is None or isinstance(value, str | int | float)):
        shown = json.dumps(value, ensure_ascii=False)
        if len(shown) > _MAX_QUOTED:
            shown = shown[: _MAX_QUOTED - 3] + "..."
        text = f"{text}, not {shown}"
    return text


def _length_detail(
    value: Any,
    *,
    actual_length: int | None,
    min_length: int | None = None,
    max_length: int | None = None,
    **_: Any,
) -> str:
    bound = f"at least {min_length}" if max_length is None else f"at most {max_length}"
    unit = "characters" if isinstance(value, str) else "items"
    found = f", not {actual_length}" if actual_length is not None else ""
    return f"The number of {unit} should be {bound}{found}"


def _joined(details: Sequence[str]) -> str:
    """Return one sentence for the messages of a union's branches."""
    if len(details) > 1 and all(detail.startswith(_INPUT) for detail in details):
        parts = [detail.removeprefix(_INPUT).partition(", not ") for detail in details]
        expected = " or ".join(dict.fromkeys(choice for choice, _, _ in parts))
        sent = next((value for _, _, value in parts if value), None)
        return _sentence(f"{_INPUT}{expected}, not {sent}" if sent else _INPUT + expected)
    return " ".join(_sentence(detail) for detail in details)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
