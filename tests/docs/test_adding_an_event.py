"""docs/howto/adding-an-event.md, followed in a copy of the repository."""

from pathlib import Path

import pytest

from tests.support.worked_examples import blocks, copy_repository

TEST = "tests/service/events/test_cancel_requests.py"
IMPORTS = """from service.runs import endings
from service.webhooks import deliveries, subscriptions
from service.webhooks.subscriptions import Subscription


"""
NEXT_TYPE = "    RUN_REQUEUED = ("
ENDED = (
    "    ended = sorted((run for run in cancelled if run.status in ENDED), "
    "key=lambda run: run.id)\n"
)
PUBLISHED = f"{ENDED}    publish(session, [finished_event(run) for run in ended])\n"
OLD_IMPORT = "from service.events.publishing import publish\n"


@pytest.mark.longest
def test_the_worked_example_works(tmp_path: Path) -> None:
    copy = copy_repository(tmp_path)
    kind, happens, imported, test = blocks("adding-an-event.md")
    copy.write(TEST, IMPORTS + test)
    said = copy.run(TEST)
    assert said.startswith("1\n"), "the test passes without the event"
    copy.insert("service/events/event_types.py", kind, before=NEXT_TYPE)
    copy.replace("service/runs/endings.py", PUBLISHED, ENDED + happens)
    copy.replace("service/runs/endings.py", OLD_IMPORT, imported + OLD_IMPORT)
    said = copy.run(TEST)
    assert said.startswith("0\n"), said
