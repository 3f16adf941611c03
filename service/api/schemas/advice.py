"""Advice on an entry of the catalog as the API answers it: only what stands today."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

from pydantic import Field

from service.api.schemas.base import ApiAnswer
from service.catalog.advice.advice import Advice, AdviceSentence, ClaimSource
from service.catalog.entry import Source
from service.presets.evidence import ClaimStatus
from service.presets.preset import Size
from service.presets.registry import PRESETS
from service.presets.results import result_of


class CatalogSource(ApiAnswer):
    """The paper or manual a definition comes from."""

    title: str
    link: str

    @classmethod
    def of(cls, source: Source) -> Self:
        """Return the answer for a source."""
        return cls(title=source.title, link=source.link)


@dataclass(frozen=True)
class ClaimStanding:
    """What a preset's claim gave: at its full size or, where that was not run, at its small one."""

    status: ClaimStatus
    size: Size


def standing_of(source: ClaimSource) -> ClaimStanding | None:
    """Return what a claim gave; None where its preset has not been run as it is now."""
    sizes: tuple[Size, ...] = ("full", "small")
    for size in sizes:
        if result := result_of(PRESETS[source.preset], size):
            return ClaimStanding(result.claims[source.claim].status, size)
    return None


class AdviceClaim(ApiAnswer):
    """The claim of a preset that shows what a sentence of advice says."""

    preset: str
    name: str
    sentence: str
    status: ClaimStatus = Field(description="What it gave here.")
    size: Size = Field(description="At which size of the preset: the full one if it was run.")

    @classmethod
    def of(cls, source: ClaimSource, standing: ClaimStanding) -> Self:
        """Return the answer for a claim."""
        claims = PRESETS[source.preset].claims
        (sentence,) = (claim.sentence for claim in claims if claim.name == source.claim)
        return cls(
            preset=source.preset,
            name=source.claim,
            sentence=sentence,
            status=standing.status,
            size=standing.size,
        )


class CatalogAdviceSentence(ApiAnswer):
    """A sentence of advice with what it rests on: a source or a claim.

    Neither where it says that no source made a comparison.
    """

    text: str
    source: CatalogSource | None
    claim: AdviceClaim | None


class CatalogAdvice(ApiAnswer):
    """What is known of an entry.

    A sentence that rests on a claim is left out unless the claim gave what the sentence says.
    """

    solved: list[CatalogAdviceSentence] = Field(description="The problem that it was made for.")
    strengths: list[CatalogAdviceSentence]
    remains: list[CatalogAdviceSentence] = Field(
        description="Its weaknesses, and what is not known."
    )
    use_when: list[CatalogAdviceSentence]

    @classmethod
    def of(
        cls,
        advice: Advice,
        standing: Callable[[ClaimSource], ClaimStanding | None] = standing_of,
    ) -> Self:
        """Return the answer for the advice on an entry.

        Args:
            advice: the advice.
            standing: what the claim of a preset gave.
        """

        def part(sentences: Iterable[AdviceSentence]) -> list[CatalogAdviceSentence]:
            answers = (_sentence(sentence, standing) for sentence in sentences)
            return [answer for answer in answers if answer]

        return cls(
            solved=part(advice.solved),
            strengths=part(advice.strengths),
            remains=part(advice.remains),
            use_when=part(advice.use_when),
        )


def _sentence(
    sentence: AdviceSentence, standing: Callable[[ClaimSource], ClaimStanding | None]
) -> CatalogAdviceSentence | None:
    """Return the answer for a sentence; None where its claim does not give what it says."""
    source = sentence.source
    if not isinstance(source, ClaimSource):
        found = source and CatalogSource.of(source)
        return CatalogAdviceSentence(text=sentence.text, source=found, claim=None)
    given = standing(source)
    if given is None or given.status != source.status:
        return None
    claim = AdviceClaim.of(source, given)
    return CatalogAdviceSentence(text=sentence.text, source=None, claim=claim)
