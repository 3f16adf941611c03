"""docs/webhooks.md names every event that webhooks get, with the sentence of its type."""

from docs.generate.webhook_events import PAGE, events_table, page
from service.events.event_types import WEBHOOK_EVENTS


def test_the_table_of_events_is_the_generators():
    assert PAGE.read_text() == page(), "Run `make catalog`."


def test_every_event_has_a_row_with_its_sentence():
    rows = events_table().splitlines()
    for event_type in WEBHOOK_EVENTS:
        assert f"| `{event_type}` | {event_type.sentence} |" in rows
        assert event_type.sentence.endswith(".")
