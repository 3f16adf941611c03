"""Every text of the API that the page shows has Chinese: findings, catalog, advice, presets."""

import ast
import json
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.api.schemas.catalog import Catalog
from service.catalog.advice.registry import ADVICE
from service.catalog.axes import AXES
from service.presets.preset import SIZES
from service.presets.registry import PRESETS
from service.presets.results import result_of
from tests.support.paths import ROOT
from workers.diagnostics import sentences

DIAGNOSTICS = ROOT / "workers" / "diagnostics"
TEXTS = ROOT / "service" / "dashboard" / "static" / "strings" / "zh.texts.json"
CHINESE = re.compile("[\u4e00-\u9fff]")
#: Five words of English in a row: no name of a group or of a value is that long.
ENGLISH = re.compile(r"[A-Za-z']+(?: [A-Za-z']+){4}")

#: Translate texts as the page does in Chinese.
_TRANSLATE = """async (texts) => {
  const { translated, useSentences, useTranslations } = await import("/static/lib/text.js");
  useSentences("zh", {});
  useTranslations(await (await fetch("/static/strings/zh.texts.json")).json());
  const found = texts.map(translated);
  useSentences("en", {});
  useTranslations({});
  return found;
}"""


@pytest.fixture(scope="module")
def chinese() -> dict[str, str]:
    """The Chinese of each text."""
    texts: dict[str, str] = json.loads(TEXTS.read_text())
    return texts


def _places(text: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", text)


def test_a_translation_has_values_that_its_text_has(chinese):
    for text, translation in chinese.items():
        assert CHINESE.search(translation), text
        assert not ENGLISH.search(translation), text
        assert set(_places(translation)) <= set(_places(text)), text
        if _places(text):
            assert len(set(_places(text))) == len(_places(text)), text
            assert "`" in text or ". " not in text, f"a sentence with values stands alone: {text}"


def _shown(value: Any, name: str = "") -> Iterator[str]:
    """Yield the texts of the catalog's answer, without advice."""
    match value:
        case dict():
            for key, part in value.items():
                if key != "advice":
                    yield from _shown(part, key)
        case list():
            for part in value:
                yield from _shown(part, name)
        case str() if name in ("meaning", "reason", "note"):
            yield value


def test_the_catalog_and_its_advice_have_chinese(chinese):
    catalog = Catalog.of(list(AXES), None).model_dump(mode="json")
    advice = [
        sentence.text
        for entries in ADVICE.values()
        for found in entries.values()
        for part in found.parts
        for sentence in part
    ]
    missing = {text for text in (*_shown(catalog), *advice) if text not in chinese}
    assert missing == set()


def test_presets_and_their_claims_have_chinese(chinese):
    texts = [
        text
        for preset in PRESETS.values()
        for text in (preset.title, preset.description, *(c.sentence for c in preset.claims))
    ]
    assert {text for text in texts if text not in chinese} == set()


def _sentence_with_values(template: str) -> str:
    """Return a sentence as a finding has it: numbers where they are formatted, else a name."""
    fields = [(name, spec) for _, name, spec, _ in string.Formatter().parse(template) if name]
    return template.format(**{name: 0.25 if spec else "dense_1" for name, spec in fields})


def test_findings_are_read_in_chinese(page):
    templates = [text for name, text in vars(sentences).items() if name.isupper()]
    found = page.evaluate(_TRANSLATE, [_sentence_with_values(text) for text in templates])
    for template, translation in zip(templates, found, strict=True):
        assert translation is not None, template
        assert not ENGLISH.search(translation), translation
        assert "{" not in translation


def test_findings_say_only_what_the_sentences_have():
    """A sentence that is written elsewhere would have no translation."""
    for path in sorted(DIAGNOSTICS.glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Finding":
                texts = [*call.args[1:], *(keyword.value for keyword in call.keywords)]
                assert not [text for text in texts if _is_sentence(text)], f"{path.name}"


def _is_sentence(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return True
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_what_claims_gave_is_read_in_chinese(page):
    found = [
        text
        for preset in PRESETS.values()
        for size in SIZES
        if (result := result_of(preset, size))
        for evidence in result.claims.values()
        for text in (evidence.reason, *(evidence.measure or "").split("; "))
        if text
    ]
    assert len(found) > 20
    for text, translation in zip(found, page.evaluate(_TRANSLATE, found), strict=True):
        assert translation is not None, text
        assert CHINESE.search(translation), text


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        (
            "The claim is about 12 epochs on 60,000 training samples; these runs have 3 epochs on "
            "1,000. Submit the preset at its full size.",
            ["60,000", "12", "1,000", "3"],
        ),
        (
            "relu is better than tanh by 0.1. 1 of 2 runs of relu trained, 0 of "
            "2 runs of tanh trained.",
            ["relu", "tanh", "0.1", "relu", "2", "1", "tanh", "2", "0"],
        ),
        (
            "relu is better than tanh by 0.1; the claim asks for 0.05 or more.",
            ["relu", "tanh", "0.1", "0.05"],
        ),
        (
            "relu is not better than tanh by 0.05 or more: it is better by 0.01.",
            ["relu", "tanh", "0.05", "0.01"],
        ),
        (
            "relu is not better than tanh by 0.05 or more: it is worse by 0.01.",
            ["relu", "tanh", "0.05", "0.01"],
        ),
        (
            "relu is not better than tanh: it is worse by 0.01.",
            ["relu", "tanh", "0.01"],
        ),
        (
            "The interval of relu against tanh has values on both sides of -0.02.",
            ["relu", "tanh", "-0.02"],
        ),
        (
            "lsuv is higher than orthogonal, gain 1.414, within a margin of 0.01.",
            ["0.01", "lsuv", "orthogonal, gain 1.414"],
        ),
        ("Worker one gave no sign of life for 30 s.", ["one", "30"]),
        (
            "The worker's process was killed by signal 9 while it trained this run: the memory ran "
            "out. It was estimated to need 3.1 GB of the 2.0 GB that the worker has. Choose a "
            "smaller batch_size, model or dataset, or start a worker with more memory.",
            ["signal 9", "3.1 GB", "2.0 GB", "batch_size"],
        ),
        (
            "Seconds can only be compared between runs of one engine. These differ in device (cpu, "
            "cuda); threads (1, 2).",
            ["device (cpu, cuda); threads (1, 2)"],
        ),
        (
            "Losses can only be compared between runs that minimize the same one. These minimize "
            "mean_squared_error; huber. Compare by val_rmse.",
            ["mean_squared_error; huber", "val_rmse"],
        ),
        (
            "Losses can only be compared between runs that minimize the same one. These minimize "
            "mean_squared_error; huber. Set the target on val_rmse.",
            ["mean_squared_error; huber", "val_rmse"],
        ),
    ],
)
def test_a_reason_is_translated_sentence_by_sentence(page, reason, kept):
    (translation,) = page.evaluate(_TRANSLATE, [reason])
    parts = (part.strip() for part in re.split("[^\x20-\x7e]+", translation))
    assert [part for part in parts if part] == kept


def test_why_auto_is_an_initializer_is_read_in_chinese(page):
    reasons = [
        f"auto is {activation.auto.initializer} for {activation.name}. {activation.auto.reason}"
        for activation in Catalog.of(["activation"], None).items[0].items
        if activation.auto
    ]
    assert None not in page.evaluate(_TRANSLATE, reasons)


def test_a_text_that_is_not_known_stays_english(page):
    assert page.evaluate(_TRANSLATE, ["A sentence of a newer service."]) == [None]


def test_the_file_is_written_as_it_is_read():
    text = Path(TEXTS).read_text()
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"
