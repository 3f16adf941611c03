"""Specs in files: JSON, or YAML with the meaning of YAML 1.2, which is that of JSON."""

import json
import re
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

from actinium.errors import ActiniumError

_YAML_ENDINGS = frozenset({".yaml", ".yml"})
_ENDINGS = _YAML_ENDINGS | {".json"}

#: The plain words of YAML 1.2's core schema that are no text (section 10.3.2): tag, pattern, and
#: the letters they begin with. In YAML 1.1 `off` is false, 1e-3 a text and 2026-11-28 a date.
_CORE_SCHEMA = (
    ("null", r"(?:|~|null|Null|NULL)", "~nN\0"),
    ("bool", r"(?:true|True|TRUE|false|False|FALSE)", "tTfF"),
    ("int", r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)", "-+0123456789"),
    (
        "float",
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),  # of YAML 1.1, and everywhere in use
)


def is_file(source: str) -> bool:
    """Whether a word names a file with a spec, or standard input."""
    return source == "-" or Path(source).suffix.lower() in _ENDINGS


def read_spec(source: str) -> dict[str, Any]:
    """Return the spec of a file; ``-`` is standard input, with JSON.

    Raises:
        ActiniumError: the file holds no spec; the sentence says where.
        OSError: it cannot be read.
    """
    content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    try:
        text = content.decode("utf-8-sig")  # editors of Windows begin files with a mark
    except UnicodeDecodeError as error:
        raise ActiniumError(f"{source} is not a text in UTF-8.") from error
    is_yaml = Path(source).suffix.lower() in _YAML_ENDINGS
    spec = _read_yaml(text, source) if is_yaml else _read_json(text, source)
    if not isinstance(spec, dict):
        raise ActiniumError(f"{source} holds no spec: it must be a JSON object.")
    return spec


def _read_json(text: str, source: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except ValueError as error:
        raise ActiniumError(f"{source} is not valid JSON: {error}.") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} is there twice")
        found[name] = value
    return found


def _read_yaml(text: str, source: str) -> Any:
    try:
        import yaml  # noqa: PLC0415 - optional
    except ImportError as error:
        raise ActiniumError(
            "A spec in YAML needs PyYAML: `pip install 'actinium[yaml]'`; or write it as JSON."
        ) from error
    try:
        return yaml.load(text, _core_loader())  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise ActiniumError(f"{source} is not valid YAML: {_yaml_problem(error)}.") from error


def _core_loader() -> Any:
    """Return a loader that reads YAML 1.2's core schema and refuses repeated keys."""
    import yaml  # noqa: PLC0415 - optional

    class Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {}  # noqa: RUF012 - as the base has it

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys: set[Any] = set()
            for key_node, _ in node.value:
                if key_node.tag.endswith(":merge"):
                    continue
                key = self.construct_object(key_node, deep=True)
                problem = _key_problem(key, keys)
                if problem:
                    raise yaml.constructor.ConstructorError(
                        problem=problem, problem_mark=key_node.start_mark
                    )
                keys.add(key)
            return super().construct_mapping(node, deep)

        def construct_number(self, node: yaml.ScalarNode) -> int | float:
            written = self.construct_scalar(node)
            if node.tag.endswith(":int"):
                return int(written, 0 if written.startswith(("0o", "0x")) else 10)
            return float(written.replace(".inf", "inf").replace(".nan", "nan"))

    for tag, pattern, letters in _CORE_SCHEMA:
        Loader.add_implicit_resolver(
            f"tag:yaml.org,2002:{tag}",
            re.compile(f"^{pattern}$"),
            ["" if letter == "\0" else letter for letter in letters],
        )
    for tag in ("int", "float"):
        Loader.add_constructor(f"tag:yaml.org,2002:{tag}", Loader.construct_number)
    return Loader


def _key_problem(key: Any, earlier: set[Any]) -> str | None:
    if not isinstance(key, Hashable):
        return "a list or a mapping cannot be a key"
    return f"{key!r} is there twice" if key in earlier else None


def _yaml_problem(error: Any) -> str:
    """Return the problem and its place, without lines of the file."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"{error.problem}: line {mark.line + 1} column {mark.column + 1}"
