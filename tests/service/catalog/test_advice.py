"""Advice is complete, and each sentence of it rests on a source or on a claim that there is."""

import re

import pytest

from service.catalog.advice.advice import Advice, AdviceSentence, ClaimSource
from service.catalog.advice.registry import ADVICE, advice_on
from service.catalog.axes import AXES
from service.presets.registry import PRESETS

ENTRIES = [(axis, name) for axis, entries in ADVICE.items() for name in entries]


def _advice(axis: str, name: str) -> Advice:
    advice = advice_on(axis, name)
    assert advice is not None
    return advice


def _sentences() -> list[AdviceSentence]:
    return [sentence for entry in ENTRIES for part in _advice(*entry).parts for sentence in part]


def test_every_entry_of_an_axis_with_advice_has_it():
    assert {"activation", "initializer", "normalization", "clipping"} == ADVICE.keys()
    for axis, entries in ADVICE.items():
        assert entries.keys() == AXES[axis].keys()
    assert advice_on("optimizer", "adam") is None


@pytest.mark.parametrize(("axis", "name"), ENTRIES)
def test_no_part_rests_on_claims_alone(axis, name):
    """A claim may give something else one day; then its sentence is not shown."""
    for part in _advice(axis, name).parts:
        assert any(not isinstance(sentence.source, ClaimSource) for sentence in part)


def test_a_sentence_names_its_place_in_a_source():
    for sentence in _sentences():
        assert sentence.text.endswith(".")
        assert not re.search(r"in many cases|works well|state.of.the.art", sentence.text)
        if sentence.source is None:
            assert "no source compared" in sentence.text.lower()
        elif not isinstance(sentence.source, ClaimSource):
            *_, place = sentence.source.title.rpartition(", ")
            assert place
            assert sentence.source.link.startswith("http")


def test_a_claim_that_a_sentence_rests_on_is_a_preset_s():
    for sentence in _sentences():
        if isinstance(sentence.source, ClaimSource):
            names = {claim.name for claim in PRESETS[sentence.source.preset].claims}
            assert sentence.source.claim in names
