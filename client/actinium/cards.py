"""Cards: an experiment as a notebook shows it, with its answer, its ranking and its picture."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, get_args

from actinium.errors import ActiniumError
from actinium.figure import Theme
from actinium.labels import group_text
from actinium.progress import summary
from actinium.terminal import visible
from actinium.types import Comparison, ComparisonGroup, Experiment

if TYPE_CHECKING:
    from actinium.client import Client

#: Groups of a ranking that a card shows.
_MOST_GROUPS = 8
_THEMES = get_args(Theme)
_COLUMNS = ("", "configuration", "mean", "95% interval", "seeds", "result")

_LIGHT = "--ground:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--accent:#0969da"
_DARK = "--ground:#12161c;--ink:#e6edf3;--soft:#9aa4af;--line:#30363d;--accent:#58a6ff"
#: Where a notebook says that its ground is dark. One that says nothing has what the system has.
_SAYS_DARK = (
    'body[data-jp-theme-light="false"]',
    "body.vscode-dark",
    "body.vscode-high-contrast",
    'html[data-theme="dark"]',
    'html[theme="dark"]',
)
_SAYS_LIGHT = ('[data-jp-theme-light="true"]', ".vscode-light", ".vscode-high-contrast-light")


def _dark_rules(where: str) -> str:
    return (
        f"{where} .actinium-card{{{_DARK}}}"
        f"{where} .actinium-card img.light{{display:none}}"
        f"{where} .actinium-card img.dark{{display:block}}"
    )


_SYSTEM_DARK = _dark_rules(f"body{''.join(f':not({said})' for said in _SAYS_LIGHT)}")
_STYLE = f"""<style>
.actinium-card{{{_LIGHT};background:var(--ground);color:var(--ink);border:1px solid var(--line);
border-radius:8px;padding:12px 16px;max-width:900px;font:14px/1.45 system-ui,sans-serif}}
.actinium-card *{{background:transparent;color:inherit}}
.actinium-card h4{{margin:0;font-size:16px}}
.actinium-card p{{margin:4px 0}}
.actinium-card .soft,.actinium-card th{{color:var(--soft)}}
.actinium-card a{{color:var(--accent)}}
.actinium-card table{{border-collapse:collapse;margin:8px 0;font-size:13px;width:auto}}
.actinium-card th,.actinium-card td{{text-align:left;padding:2px 12px 2px 0;border:0;
border-bottom:1px solid var(--line);vertical-align:top}}
.actinium-card .number{{text-align:right;font-variant-numeric:tabular-nums}}
.actinium-card img{{max-width:100%;height:auto}}
.actinium-card img.dark{{display:none}}
@media (prefers-color-scheme:dark){{{_SYSTEM_DARK}}}
{"".join(map(_dark_rules, _SAYS_DARK))}
</style>"""


@dataclass(frozen=True)
class Card:
    """An experiment, and what was found out about it.

    Attributes:
        experiment: as it is now, or as it was answered where the service is away.
        url: of the service; None where the experiment comes from none.
        note: why something is missing; None where all is there.
        comparison: its ranking; None before a run has ended.
        is_share: whether the metric of the ranking is shown in percent.
        pictures: its learning curves as SVG, for a light and for a dark ground.
    """

    experiment: Experiment
    url: str | None = None
    note: str | None = None
    comparison: Comparison | None = None
    is_share: bool = False
    pictures: tuple[bytes, bytes] | None = None


def look(client: "Client", experiment: Experiment) -> Card:
    """Return the card of an experiment as it is now, without pictures.

    What cannot be read is left out, and the card says why.

    Args:
        client: asks its service.
        experiment: as it was answered before.
    """
    card = Card(experiment, client.url)
    try:
        card = replace(card, experiment=client.experiment(experiment))
        runs = card.experiment["runs"]
        if runs["completed"] + runs["diverged"] == 0:
            return card
        comparison = client.comparison(experiment)
        shares = {metric["name"] for metric in client.metrics() if metric["kind"] == "share"}
        return replace(card, comparison=comparison, is_share=comparison["metric"] in shares)
    except ActiniumError as error:
        return replace(card, note=str(error))


def with_pictures(client: "Client", card: Card) -> Card:
    """Return a card with its pictures, where it has a ranking."""
    if card.comparison is None:
        return card
    try:
        light, dark = (
            client.figure(card.experiment, "learning_curves", kind="svg", theme=theme).data
            for theme in _THEMES
        )
        return replace(card, pictures=(light, dark))
    except ActiniumError as error:
        return replace(card, note=str(error))


def as_text(card: Card) -> str:
    """Return a card as lines of text, with marks for what a terminal would obey."""
    lines = [_title(card.experiment), summary(card.experiment)]
    if card.comparison is not None:
        lines.append(card.comparison["headline"])
        rows = [_cells(group, card) for group in card.comparison["groups"][:_MOST_GROUPS]]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines.append(_more(card.comparison))
    lines += [card.note or "", _address(card) or ""]
    return visible("\n".join(filter(None, lines)))


def as_html(card: Card) -> str:
    """Return a card as HTML that needs nothing else: styles and pictures are in it, no script."""
    return f'{_STYLE}<div class="actinium-card">{"".join(_parts(card))}</div>'


def _parts(card: Card) -> Iterator[str]:
    experiment, address = card.experiment, _address(card)
    title = escape(_title(experiment))
    yield f'<h4><a href="{escape(address)}">{title}</a></h4>' if address else f"<h4>{title}</h4>"
    if experiment["description"]:
        yield f'<p class="soft">{escape(experiment["description"])}</p>'
    yield f"<p>{escape(experiment['status'])}: {escape(summary(experiment))}</p>"
    if experiment["runs"]["queued"] or experiment["runs"]["running"]:
        yield f'<progress value="{experiment["progress"]:.4f}" max="1"></progress>'
    headline = ""
    if card.comparison is not None:
        headline = escape(card.comparison["headline"])
        yield f"<p><b>{headline}</b></p>{_table(card.comparison, card)}"
    if card.pictures is not None:
        yield from (
            f'<img class="{theme}" alt="Learning curves. {headline}" '
            f'src="data:image/svg+xml;base64,{base64.b64encode(data).decode()}">'
            for theme, data in zip(_THEMES, card.pictures, strict=True)
        )
    if card.note:
        yield f'<p class="soft">{escape(card.note)}</p>'


def _table(comparison: Comparison, card: Card) -> str:
    kinds = ("number", "", "number", "number", "number", "")
    head = "".join(
        f'<th scope="col" class="{kind}">{name}</th>'
        for name, kind in zip(_COLUMNS, kinds, strict=True)
    )
    rows = [
        "".join(
            f'<td class="{kind}">{escape(cell)}</td>'
            for cell, kind in zip(_cells(group, card), kinds, strict=True)
        )
        for group in comparison["groups"][:_MOST_GROUPS]
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    more = _more(comparison)
    below = f'<p class="soft">{more}</p>' if more else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def _cells(group: ComparisonGroup, card: Card) -> list[str]:
    interval = group["ci95"]
    return [
        "-" if group["rank"] is None else str(group["rank"]),
        group_text(group["by"].values()),
        _value(group["mean"], card),
        "" if interval is None else " to ".join(_value(end, card) for end in interval),
        f"{group['trained']} of {group['n']}",
        group["statement"],
    ]


def _value(value: float | None, card: Card) -> str:
    if value is None:
        return "-"
    return f"{value:.2%}" if card.is_share else _number(value)


def _number(value: float) -> str:
    """Return a number in four digits that count: ``12350``, ``1.234e-5``."""
    digits, exponent, power = f"{float(f'{value:.4g}'):.15g}".partition("e")
    return f"{digits}e{int(power)}" if exponent else digits


def _more(comparison: Comparison) -> str:
    left = len(comparison["groups"]) - _MOST_GROUPS
    return f"and {left} more" if left > 0 else ""


def _title(experiment: Experiment) -> str:
    return experiment["name"] or f"Experiment {experiment['id']}"


def _address(card: Card) -> str | None:
    return card.url and f"{card.url}/#/experiments/{card.experiment['id']}"
