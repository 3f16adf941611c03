"""``make catalog``: write the page of a spec's fields from the models that validate specs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from docs.generate.markdown import table, value_range
from service.api.openapi.examples import LEARNING_RATES, VARIANTS
from service.catalog.axes import AXES
from service.catalog.meanings import MEANINGS
from service.settings import Settings
from service.specs import grid
from service.specs.limits import Limits
from service.specs.parameter_values import ParameterRange
from service.specs.spec import AXIS_FIELDS, EarlyStopping, ExperimentSpec, LayerStatistics, Variant
from service.specs.tickets import Ticket

PAGE = Path(__file__).parents[1] / "spec.md"

#: Descriptions of fields that neither catalog nor schema describes.
_MEANINGS = {
    **MEANINGS,
    "batch_size": "Samples of one step.",
    "description": "Free text.",
    "device": "The kind of worker that trains; `auto` takes either.",
    "label": "The variant's name, which must be unique; comparisons can group by `variant`.",
    "layer_statistics": "When they are taken: see [below](#layer_statistics).",
    "max_attempts": "Attempts that may end in an error or with a lost worker before a run fails.",
    "name": "Free text; `GET /v1/experiments?name=` finds it.",
    "seeds": "All different; a count n, of 100,000 at most, means 0 to n - 1.",
    "tags": "Free keys and values; `GET /v1/experiments?tag=key:value` finds them.",
}
_OPEN = {"activation": "required", "output_initializer": "as `initializer`"}
_HEAD = ("field", "type", "default", "range", "meaning")
_PAGE = """<!-- Written by `make catalog` from service/specs/spec.py; change it there. -->

# Spec

An experiment is one spec, the body of `POST /v1/experiments`; with `?dry_run=true` the answer
describes the experiment, and nothing is stored. Only `activation` has no default. Unknown fields
and values outside their range are refused; the error points at them. [Concepts](concepts.md)
explains the terms.

## Axes

Each takes one value or a list of 1 to 1,000. A value is an entry of the
[catalog](catalog/README.md): its name, or an object with its name and parameters, as in
`{"name": "leaky_relu", "negative_slope": 0.2}`. The experiment is the product of all lists, and
configurations that resolve to the same one are trained once.

AXES

### Several values of a parameter

A parameter of an entry takes one value or a list of 1 to 1,000, too, and lists multiply out:
`{"name": "adam", "learning_rate": [1e-4, 1e-3, 1e-2]}` is three optimizers. A parameter that is a
list already, such as `hidden_units` or the `rate` of a dropout (by layer), keeps its meaning;
several values of it are a list of lists: `[[100], [100, 50]]`. A number also takes a range:

RANGE

`{"low": 1e-4, "high": 1e-1, "count": 4, "scale": "log"}` is `[0.0001, 0.001, 0.01, 0.1]`. Labels
show each value of a parameter that varies: `adam(learning_rate=0.001)`,
`adam(learning_rate=0.01)`. An error points at the value: `/optimizer/learning_rate/2`. The
experiment's `spec` keeps lists and ranges as submitted. This spec has ten configurations:

RATES

## Variants

For configurations that are not a full grid: `variants` are partial specs that override the base,
axis by axis. Each variant is the product of its own lists, and the experiment is the union of all
variants; `activation` may then be given in the variants alone. A variant takes any axis, and

VARIANT

## All other fields

FIELDS

### early_stopping

[Training](training.md#what-validation-changes) describes how a run ends.

STOPPING

### ticket

Of a spec or of a variant. [Lottery tickets](howto/tickets.md) says what it is, with an example.

TICKET

### layer_statistics

`off`, or an object; [diagnoses](diagnoses.md) describes what is measured.

STATISTICS

## Limits

[Settings](settings.md) limit how large an experiment may be. A spec over a limit is answered by a
422 that names the limit, a body over `max_body_bytes` by a 413.

LIMITS
"""


def page() -> str:
    """Return the page of a spec's fields, as Markdown."""
    tables = {
        "AXES": table(("field", "values", "default", "meaning"), _axes()),
        "RATES": _example(LEARNING_RATES),
        "RANGE": table(_HEAD, _rows(ParameterRange)),
        "VARIANT": f"{table(_HEAD, _rows(Variant))}\n\n{_example(VARIANTS)}",
        "FIELDS": table(_HEAD, _rows(ExperimentSpec)),
        "STOPPING": table(_HEAD, _rows(EarlyStopping)),
        "TICKET": table(_HEAD, _rows(Ticket)),
        "STATISTICS": table(_HEAD, _rows(LayerStatistics)),
        "LIMITS": table(("limit", "default", "setting", "meaning"), _limits()),
    }
    return "".join(f"{tables.get(line.strip(), line.strip())}\n" for line in _PAGE.splitlines())


def _example(spec: dict[str, Any]) -> str:
    return f"```json\n{json.dumps(spec, indent=2)}\n```"


def _axes() -> Iterator[Sequence[str]]:
    schemas = ExperimentSpec.model_json_schema()["properties"]
    _, point = next(grid.points(ExperimentSpec.model_validate({"activation": "relu"})))
    for name in AXIS_FIELDS:
        axis, one = name.removeprefix("output_"), schemas[name]["anyOf"][0]
        values = (
            f"[{axis}](catalog/{axis}.md)" if axis in AXES else f"{_type(one)}, {value_range(one)}"
        )
        usual = point[name].value
        default = _OPEN.get(name) or ("the model's own" if usual is None else f"`{usual}`")
        yield f"`{name}`", values, default, _meaning(name, schemas[name])


def _rows(model: type[BaseModel]) -> Iterator[Sequence[str]]:
    """Yield a row for every field of a model that is not an axis."""
    for name, schema in model.model_json_schema()["properties"].items():
        if name not in AXIS_FIELDS:
            field = model.model_fields[name]
            forms = [form for form in schema.get("anyOf", [schema]) if form.get("type") != "null"]
            yield (
                f"`{name}`",
                ", or ".join(map(_type, forms)),
                "required" if field.is_required() else _written(field),
                "; ".join(filter(None, map(value_range, forms))),
                _meaning(name, schema),
            )


def _written(field: FieldInfo) -> str:
    value = to_jsonable_python(field.get_default(call_default_factory=True))
    return "" if value is None else f"`{json.dumps(value)}`"


def _limits() -> Iterator[Sequence[str]]:
    names = [field.name for field in fields(Limits) if field.name in Settings.model_fields]
    for name in (*names, "max_body_bytes"):
        setting = Settings.model_fields[name]
        variable = f"`ACTINIUM_{name.upper()}`"
        yield f"`{name}`", f"{setting.default:,}", variable, setting.description or ""
    most = "Most memory that a run may need, as estimated; workers tell what they have."
    yield "memory", "that of the largest worker", "", most


def _meaning(name: str, schema: dict[str, Any]) -> str:
    return f"{_MEANINGS.get(name, '')} {schema.get('description', '')}".strip()


def _type(form: dict[str, Any]) -> str:
    if "items" in form:
        return f"list of {_type(form['items'])}s"
    values = form.get("enum", [form["const"]] if "const" in form else [])
    named = ", ".join(f"`{json.dumps(value)}`" for value in values)
    return named or {"string": "text"}.get(form.get("type", ""), form.get("type", "object"))


if __name__ == "__main__":
    PAGE.write_text(page())
