"""The types of events: each once, with its sentence and whether webhooks may have it."""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """The types of stored events, in the order in which an experiment meets them."""

    EXPERIMENT_CREATED = "experiment.created", "An experiment was submitted."
    RUN_STARTED = "run.started", "A worker began to train a run, or took it up again."
    RUN_EPOCH = "run.epoch", "A run recorded an epoch.", False
    RUN_REQUEUED = (
        "run.requeued",
        "A run went back to the queue: its worker was lost or stopped, an attempt failed, or a "
        "user retried it.",
    )
    RUN_FINISHED = (
        "run.finished",
        "A run ended, in any way: completed, diverged, failed or cancelled.",
    )
    EXPERIMENT_FINISHED = "experiment.finished", "No run of an experiment is left to be done."
    EXPERIMENT_DELETED = "experiment.deleted", "An experiment was deleted with all its runs."

    #: When it happens.
    sentence: str
    #: Whether webhooks can subscribe to it. Epochs come too often for a message each.
    for_webhooks: bool

    def __new__(cls, value: str, sentence: str, for_webhooks: bool = True) -> "EventType":
        """Make a member, which is its name in streams and messages."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        member.for_webhooks = for_webhooks
        return member


#: The types that webhooks can subscribe to.
WEBHOOK_EVENTS = tuple(kind for kind in EventType if kind.for_webhooks)

#: The first event of a stream that replays nothing. Never stored.
STREAM_OPENED = "stream.opened"
#: How far a run is inside an epoch. Never stored.
RUN_PROGRESS = "run.progress"
#: A test message, sent on demand to any webhook.
PING = "webhook.ping"


@dataclass(frozen=True)
class NewEvent:
    """An event before it has its number. ``run_id`` is None for the experiment's own."""

    type: EventType
    experiment_id: uuid.UUID
    run_id: uuid.UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)
