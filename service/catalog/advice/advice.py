"""Advice on an entry of the catalog: sentences, each with what it rests on."""

from dataclasses import dataclass

from service.catalog.entry import Source


@dataclass(frozen=True)
class ClaimSource:
    """A claim of a preset that shows what a sentence says.

    Attributes:
        preset: name of the preset.
        claim: name of the claim.
        status: what the claim must have given for the sentence to hold. While it gives anything
            else the sentence is not shown.
    """

    preset: str
    claim: str
    status: str


@dataclass(frozen=True)
class AdviceSentence:
    """One sentence of advice.

    Attributes:
        text: the sentence.
        source: the paper, with the place in it, or the claim; None where it says that no source
            made the comparison.
    """

    text: str
    source: Source | ClaimSource | None


@dataclass(frozen=True)
class Advice:
    """What is known of an entry. Each part has a sentence that does not rest on a claim.

    Attributes:
        solved: the problem that it was made for, and how it solves it.
        strengths: what it does well.
        remains: its weaknesses, and what is not known.
        use_when: when to choose it.
    """

    solved: tuple[AdviceSentence, ...]
    strengths: tuple[AdviceSentence, ...]
    remains: tuple[AdviceSentence, ...]
    use_when: tuple[AdviceSentence, ...]

    @property
    def parts(self) -> tuple[tuple[AdviceSentence, ...], ...]:
        """All sentences, part by part."""
        return self.solved, self.strengths, self.remains, self.use_when


def said(text: str, paper: Source, place: str) -> AdviceSentence:
    """Return a sentence that a paper says at a place: a section, an equation, a table."""
    return AdviceSentence(text, Source(f"{paper.title}, {place}", paper.link))


def shown(text: str, preset: str, claim: str, status: str = "reproduced") -> AdviceSentence:
    """Return a sentence that holds while a claim of a preset has this status."""
    return AdviceSentence(text, ClaimSource(preset, claim, status))


def uncompared(text: str) -> AdviceSentence:
    """Return a sentence that says that no source made a comparison."""
    return AdviceSentence(text, None)
