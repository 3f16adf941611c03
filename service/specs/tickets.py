"""Lottery tickets: what a spec and a configuration have of them.

A run with a ticket begins as an earlier run began, without the weights that were smallest when that
one ended (Frankle & Carbin 2019). ``specs.ticket_rules`` has the rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from service.specs.frozen import Frozen

#: Of each layer's weights, or of those of all layers together.
TicketScope = Literal["layer", "global"]

_UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class Ticket(Frozen):
    """Begins as an earlier run began, without the weights that it ended with smallest."""

    run: str = Field(
        pattern=_UUID, description="The earlier run: completed, its final weights still kept."
    )
    keep: float = Field(
        0.2,
        gt=0,
        le=1,
        description="The share of the weights that is left: those of the largest magnitude at the "
        "earlier run's end. Biases are all left.",
    )
    scope: TicketScope = Field(
        "layer", description="The share is of each layer's weights, or of those of all together."
    )
    redraw: bool = Field(
        False,
        description="Draw the first weights by the run's own seed, which is the paper's control; "
        "by default they are those that the earlier run began with.",
    )


class ResolvedTicket(Frozen):
    """A ticket in a configuration: told by the content of the weights that it is made of.

    Attributes:
        run: the run that wrote the file with these weights.
        attempt: of that run.
        sha256: of the file's content.
        seed: of the first weights; None: the run's own.
        keep: the share of the weights that is left.
        scope: what the share is of.
    """

    run: str
    attempt: int
    sha256: str
    seed: int | None
    keep: float
    scope: TicketScope


@dataclass(frozen=True)
class TicketFacts:
    """What is stored of the run that a ticket names.

    Attributes:
        run: the run that wrote its final weights: itself, or the one whose history it took over.
        attempt: of that run.
        sha256: of the final weights.
        seed: of the run.
        config: the run's configuration.
    """

    run: str
    attempt: int
    sha256: str
    seed: int
    config: Mapping[str, Any]

    @property
    def first_seed(self) -> int:
        """The seed that drew the run's first weights: of a ticket, that of the run before it."""
        ticket = self.config.get("ticket") or {}
        seed = ticket.get("seed")
        return self.seed if seed is None else int(seed)


@dataclass(frozen=True)
class FoundTicket:
    """A ticket of a spec that was looked up.

    Attributes:
        ticket: what a configuration has of it.
        config: of its run.
        first_seed: that drew its run's first weights.
        redraw: whether other first weights are asked for.
    """

    ticket: ResolvedTicket
    config: Mapping[str, Any]
    first_seed: int
    redraw: bool


#: What is known of the runs that tickets name, by id in lower case; a sentence where one cannot be
#: used.
TicketSources = Mapping[str, TicketFacts | str]

NO_TICKETS: TicketSources = MappingProxyType({})
