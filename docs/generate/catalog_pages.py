"""``make catalog``: sample the activations, and write the documentation's pages of the catalog.

A page an axis, from the entries as the API shows them, and a picture an activation.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from docs.generate.activation_curves import sampled_text
from service.api.schemas.advice import CatalogAdvice, CatalogAdviceSentence
from service.api.schemas.catalog import CatalogAxis, CatalogEntry, CatalogParameter
from service.catalog.axes import AXES
from service.figures.plots.activation_curve import SAMPLES, draw_activation_curve, sampled_curves

FOLDER = Path(__file__).parents[1] / "catalog"

_MADE = "<!-- Written by `make catalog` from service/catalog; change it there. -->"
_TYPES = {
    "boolean": "true or false",
    "integers": "list of integers",
    "numbers": "number, or list of numbers",
    "expression": "[expression](../howto/formulas.md)",
    "constants": "object of numbers",
    "layers": "list of layers",
}


def main() -> None:
    """Write the samples, the pages and the pictures; remove those of entries that are gone."""
    SAMPLES.write_text(sampled_text())
    sampled_curves.cache_clear()
    files = pages() | pictures()
    for path in written():
        if path.relative_to(FOLDER).as_posix() not in files:
            path.unlink()
    for name, content in files.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def written() -> list[Path]:
    """Return the files in the folder."""
    return sorted(path for path in FOLDER.rglob("*") if path.is_file())


def pages() -> dict[str, bytes]:
    """Return every page by the name of its file: a page per axis, and the index."""
    axes = [CatalogAxis.of(axis, entries, None) for axis, entries in AXES.items()]
    texts = {"README.md": _index(axes)} | {f"{axis.axis}.md": _page(axis) for axis in axes}
    return {name: text.encode() for name, text in texts.items()}


def pictures() -> dict[str, bytes]:
    """Return the picture of every activation by the name of its file, as SVG."""
    return {
        _picture(name): draw_activation_curve(curve, kind="svg")
        for name, curve in sampled_curves().items()
    }


def _picture(activation: str) -> str:
    return f"pictures/{activation}.svg"


def _index(axes: Sequence[CatalogAxis]) -> str:
    rows = [
        f"| [{axis.axis}]({axis.axis}.md) | {axis.meaning} | "
        f"{', '.join(_link(axis.axis, entry.name) for entry in axis.items)} |"
        for axis in axes
    ]
    return _paragraphs(
        _MADE,
        "# Catalog",
        "Every value that an axis of a spec can take. `GET /v1/catalog` gives the same as JSON. "
        "A value is written as its name, or as an object with its name and parameters: "
        '`{"name": "leaky_relu", "negative_slope": 0.2}`.',
        _table(("axis", "what it decides", "values"), rows),
        "Activations, initializers, normalizations and clippings have advice: what each solved, "
        "its strengths, what remains, and when to use it. Each sentence names its source, or a "
        "claim of a [preset](../presets.md) that shows it; a sentence whose claim gives something "
        "else is left out.",
    )


def _page(axis: CatalogAxis) -> str:
    return _paragraphs(
        _MADE,
        f"# {axis.axis}",
        f"{axis.meaning} As JSON: `GET {axis.links.self}`. [All axes](README.md)",
        *(part for entry in axis.items for part in _entry(entry)),
    )


def _entry(entry: CatalogEntry) -> list[str]:
    parts = [f"## {entry.name}", entry.meaning]
    if entry.aliases:
        parts.append(f"Also known as {_codes(entry.aliases)}.")
    if entry.formula:
        parts.append(f"$$\n{entry.formula}\n$$")
    if entry.parameters:
        head = ("parameter", "type", "default", "range", "meaning")
        parts.append(_table(head, [_row(parameter) for parameter in entry.parameters]))
    parts += _facts(entry)
    if entry.figure is not None:
        parts.append(f"![{entry.name} and its derivative]({_picture(entry.name)})")
    return [
        *parts,
        f"Source: [{entry.source.title}]({entry.source.link})",
        *_advice(entry.advice),
    ]


def _advice(advice: CatalogAdvice | None) -> list[str]:
    """Return what is known of an entry: a heading and a list for each part."""
    if advice is None:
        return []
    return [
        f"**{title}**\n\n" + "\n".join(f"- {_sentence(sentence)}" for sentence in sentences)
        for title, sentences in (
            ("What it solved", advice.solved),
            ("Strengths", advice.strengths),
            ("What remains", advice.remains),
            ("When to use it", advice.use_when),
        )
    ]


def _sentence(sentence: CatalogAdviceSentence) -> str:
    """Return a sentence of advice with what it rests on."""
    if source := sentence.source:
        return f"{sentence.text} ([{source.title}]({source.link}))"
    if claim := sentence.claim:
        preset = f"[{claim.preset}](../presets.md#{claim.preset})"
        status = claim.status.replace("_", " ")
        return f"{sentence.text} ({preset}, `{claim.name}`: {status} at the {claim.size} size)"
    return sentence.text


def _row(parameter: CatalogParameter) -> str:
    cells = (
        f"`{parameter.name}`",
        _TYPES.get(parameter.type, parameter.type),
        _default(parameter),
        _range(parameter),
        parameter.meaning,
    )
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default(parameter: CatalogParameter) -> str:
    if parameter.default is None:
        return "required" if parameter.required else ""
    if isinstance(parameter.default, str):
        return f"`{parameter.default}`"
    return f"`{json.dumps(parameter.default)}`"


def _range(parameter: CatalogParameter) -> str:
    if parameter.axis is not None:
        items = "" if parameter.type == "choice" else f"{_items(parameter)}, each a "
        return f"{items}[{parameter.axis}]({parameter.axis}.md)"
    if parameter.options:
        return _codes(parameter.options)
    bounds = [
        f"{words} {_number(bound)}"
        for words, bound in (
            ("at least", parameter.minimum),
            ("above", parameter.exclusive_minimum),
            ("at most", parameter.maximum),
            ("below", parameter.exclusive_maximum),
        )
        if bound is not None
    ]
    return "; ".join(part for part in (", ".join(bounds), _items(parameter)) if part)


def _items(parameter: CatalogParameter) -> str:
    fewest, most = parameter.min_items, parameter.max_items
    if fewest == most:
        return "" if most is None else _plural(most, "item")
    return f"{fewest} or more items" if most is None else f"{fewest} to {most} items"


def _facts(entry: CatalogEntry) -> list[str]:
    """Return further facts about an entry, one sentence per fact."""
    facts = []
    if auto := entry.auto:
        initializer = _link("initializer", auto.initializer)
        if auto.initializer_parameters:
            initializer += f" with {_parameters(auto.initializer_parameters)}"
        dropout = _link("dropout", auto.dropout)
        facts.append(
            f"`auto` means the initializer {initializer} and, for dropout, {dropout}. {auto.reason}"
        )
    if data := entry.dataset:
        shape = " x ".join(map(str, data.input_shape))
        facts.append(
            f"{data.train_count:,} training and {data.test_count:,} test samples of shape {shape} "
            + (f"in {data.classes} classes." if data.classes else "with numbers as targets.")
        )
    if model := entry.model:
        rates = ", ".join(_number(rate) for rate in model.dropout_rates) or "none"
        facts.append(
            f"Its own batch size is {model.batch_size}, its loss {_link('loss', model.loss)}, its "
            f"{'rates' if len(model.dropout_rates) > 1 else 'rate'} of dropout {rates}. With "
            f"default parameters, on mnist: {model.weights:,} weights and biases, "
            f"{model.multiply_adds:,} multiply-adds a sample; weighted layers "
            f"{_codes(model.layers)}."
        )
    if entry.figure and entry.figure.note:
        facts.append(f"In the picture: {entry.figure.note}")
    return facts


def _link(axis: str, name: str) -> str:
    return f"[{name}]({axis}.md#{name})"


def _parameters(values: Mapping[str, float | str]) -> str:
    return ", ".join(f"{name} `{value}`" for name, value in values.items())


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _plural(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _number(value: float) -> str:
    """Return a number as text: a million as 1,000,000, a tenth of a millionth as 1e-07."""
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:g}"


def _table(head: Sequence[str], rows: Sequence[str]) -> str:
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *rows])


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
