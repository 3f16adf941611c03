"""The weights that a lottery ticket is made of, on a worker: read from the store and verified."""

import uuid

from safetensors.torch import load
from torch import Tensor

from service.settings import Settings
from service.specs.tickets import ResolvedTicket
from service.weights.checksums import DamagedFileError, check
from service.weights.storage import open_storage, weights_name


class TicketError(Exception):
    """The weights of the earlier run cannot be had: a sentence with the reason."""


def ticket_weights(ticket: ResolvedTicket, settings: Settings) -> dict[str, Tensor]:
    """Return the weights that a ticket's run ended with, by their names in the network.

    Raises:
        TicketError: the store does not have them, or has others.
        OSError: the store cannot be read now.
    """
    name = weights_name(uuid.UUID(ticket.run), ticket.attempt, "final")
    again = "Train that run again with reuse: false, and submit the ticket of the new run."
    try:
        with open_storage(settings).open(name) as file:
            found = check(file)["sha256"]
            file.seek(0)
            weights = load(file.read())
    except FileNotFoundError:
        raise TicketError(
            f"The final weights of run {ticket.run} are gone, and the ticket is made of them. "
            f"{again}"
        ) from None
    except DamagedFileError as damage:
        raise TicketError(f"The final weights of run {ticket.run}: {damage} {again}") from None
    if found != ticket.sha256:
        raise TicketError(f"Run {ticket.run} has other weights than the ticket. {again}")
    return weights
