"""The page at /docs: the API's description as plain HTML, with nothing fetched from elsewhere."""

import base64
import hashlib
import json
import re
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1.5rem; }
h2 { margin-top: 3rem; text-transform: capitalize; }
section { border-top: 1px solid #8886; padding: .5rem 0 1rem; }
h3 { font: 600 1rem/1.5 ui-monospace, monospace; margin: .75rem 0 .25rem; }
h3 span { display: inline-block; min-width: 4.5rem; color: #2a7ab8; }
p { margin: .4rem 0; }
.text { white-space: pre-line; }
pre { overflow: auto; padding: .75rem; background: #8881; font-size: .85rem; }
table { border-collapse: collapse; font-size: .9rem; }
td { padding: .2rem 1rem .2rem 0; vertical-align: top; }
code { font-family: ui-monospace, monospace; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: Nothing but this very style is applied, and nothing runs.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def documentation_page(schema: dict[str, Any]) -> str:
    """Write an OpenAPI description as a page."""
    info = schema["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{escape(info['title'])} API</title>",
        "<meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<style>{_STYLE}</style><h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info['summary'])}</p><p class=text>{_text(info['description'])}</p>",
        "<p>For machines: <a href=/openapi.json>openapi.json</a></p>",
    ]
    for tag in schema["tags"]:
        operations = [
            (method, path, operation)
            for path, methods in schema["paths"].items()
            for method, operation in methods.items()
            if tag["name"] in operation.get("tags", ())
        ]
        if operations:
            parts.append(f"<h2>{escape(tag['name'])}</h2><p>{escape(tag['description'])}</p>")
            parts += [_operation(schema, *each) for each in operations]
    return "".join(parts)


def _text(text: str) -> str:
    """Write a description, with the little Markdown that descriptions use."""
    marked = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", marked)


def _operation(schema: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        f"<section id={escape(operation['operationId'])}>",
        f"<h3><span>{method.upper()}</span>{escape(path)}</h3>",
        f"<p><b>{escape(operation['summary'])}</b></p>",
        f"<p class=text>{_text(operation['description'])}</p>",
        _parameters(operation.get("parameters", [])),
    ]
    if "requestBody" in operation:
        parts.append(_content(schema, "Body", operation["requestBody"]))
    parts += [
        _content(schema, status, response)
        for status, response in operation["responses"].items()
        if status.startswith("2")
    ]
    problems = [status for status in operation["responses"] if status >= "3"]
    parts.append(f"<p>Other answers: {escape(', '.join(problems))}</p></section>")
    return "".join(parts)


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = [
        f"<tr><td><code>{escape(each['name'])}</code><td>{escape(each['in'])}"
        f"<td>{_text(each.get('description', ''))}"
        for each in parameters
    ]
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _content(schema: dict[str, Any], title: str, holder: dict[str, Any]) -> str:
    parts = []
    for media_type, content in holder.get("content", {}).items():
        parts.append(f"<p>{escape(title)}, <code>{escape(media_type)}</code></p>")
        example = example_of(schema, content)
        if example is not None:
            shown = example if isinstance(example, str) else json.dumps(example, indent=2)
            parts.append(f"<pre>{escape(shown)}</pre>")
    return "".join(parts) or f"<p>{escape(title)}: {escape(holder.get('description', ''))}</p>"


def example_of(schema: dict[str, Any], content: dict[str, Any]) -> Any:
    """Find the first example of a body, also where only its schema has one; None without."""
    if "example" in content:
        return content["example"]
    for example in content.get("examples", {}).values():
        return example["value"]
    described = content.get("schema", {})
    while "$ref" in described:
        described = schema["components"]["schemas"][described["$ref"].rpartition("/")[2]]
    return next(iter(described.get("examples", ())), None)
