"""The types of events: each once, with its sentence and whether webhooks can subscribe to it."""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class EventType(StrEnum):
    """The types of stored events, in the order in which they happen to an experiment."""

    EXPERIMENT_CREATED = "experiment.created", "An experiment was submitted."
    RUN_STARTED = "run.started", "A worker began to train a run, or continued it."
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
    EXPERIMENT_FINISHED = (
        "experiment.finished",
        "The last run of an experiment ended; sent again after a retry.",
    )
    EXPERIMENT_UPDATED = (
        "experiment.updated",
        "The name, description, note or tags of an experiment changed, or whether it is archived.",
    )
    EXPERIMENT_DELETED = "experiment.deleted", "An experiment was deleted with all its runs."

    #: When it happens, as documentation and the API's description show it.
    sentence: str
    #: Whether webhooks can subscribe to it. Epochs are too many for a message per epoch.
    for_webhooks: bool

    def __new__(cls, value: str, sentence: str, for_webhooks: bool = True) -> "EventType":
        """Return a member whose value is its name in streams and messages."""
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
    """An event that is not stored yet. ``run_id`` is None for an event of the whole experiment."""

    type: EventType
    experiment_id: uuid.UUID
    run_id: uuid.UUID | None = None
    data: dict[str, Any] = field(default_factory=dict)
