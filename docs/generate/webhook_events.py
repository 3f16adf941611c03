"""``make catalog``: write the table of events in docs/webhooks.md from the types of events."""

import re
from pathlib import Path

from docs.generate.markdown import table
from service.events.event_types import PING, WEBHOOK_EVENTS

PAGE = Path(__file__).parents[1] / "webhooks.md"

_PING = "You asked for a test message; it is sent whatever `events` lists."
_HEAD = ("event", "when")
_TABLE = re.compile(r"^\| event \| when \|\n(?:\|.*\n)+", re.M)


def events_table() -> str:
    """Return the table of the events that webhooks get, as Markdown."""
    rows = [(f"`{event_type}`", event_type.sentence) for event_type in WEBHOOK_EVENTS]
    return table(_HEAD, [*rows, (f"`{PING}`", _PING)])


def page() -> str:
    """Return docs/webhooks.md with the table as it is now."""
    before, after = _TABLE.split(PAGE.read_text())
    return f"{before}{events_table()}\n{after}"


if __name__ == "__main__":
    PAGE.write_text(page())
