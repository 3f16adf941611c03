"""Answers that show themselves: an experiment is a dict, and a card in a notebook."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from actinium import cards

if TYPE_CHECKING:
    from actinium.client import Client

T = TypeVar("T")

#: How long a card is shown again as it was.
_MOMENT_SECONDS = 1.0


class ShownExperiment(dict[str, Any]):
    """An experiment as the service answered it; a notebook shows it as it is now.

    It is a dict in all else: equal to the same dict, and JSON like it. A copy, and one that was
    pickled, shows what it has and asks no service.
    """

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer)
        self._open_client: Callable[[], Client] | None = None
        self._looked: tuple[float, cards.Card] | None = None

    def ask_by(self, open_client: Callable[[], "Client"]) -> None:
        """Have clients by which its card is read; each is closed after it."""
        self._open_client = open_client

    def _repr_html_(self) -> str:
        card = self._card()
        if self._open_client is None:
            return cards.as_html(card)
        with self._open_client() as client:
            return cards.as_html(cards.with_pictures(client, card))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("{...}" if cycle else cards.as_text(self._card()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how a copy is made: without the key of the service."""
        return type(self), (dict(self),)

    def _card(self) -> cards.Card:
        """Return the card without pictures; a notebook that wants it in two forms asks once."""
        answered: Any = self
        if self._open_client is None:
            return cards.Card(answered)
        if self._looked is None or time.monotonic() - self._looked[0] > _MOMENT_SECONDS:
            with self._open_client() as client:
                self._looked = time.monotonic(), cards.look(client, answered)
        return self._looked[1]


def shown_experiment(answer: Any) -> Any:
    """Return an answer of the service as an experiment that shows itself."""
    return ShownExperiment(answer)


def asking(answer: T, open_client: Callable[[], "Client"]) -> T:
    """Return an answer; an experiment then asks by these clients."""
    if isinstance(answer, ShownExperiment):
        answer.ask_by(open_client)
    return answer
