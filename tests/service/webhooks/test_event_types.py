"""Every type of event that webhooks can subscribe to happens here, and is delivered."""

from collections import Counter

from standardwebhooks import Webhook as Verifier

from service.events.event_types import WEBHOOK_EVENTS
from service.experiments import editing, lifecycle
from tests.support.webhook_receivers import Receiver
from tests.support.webhook_sender import sending


def everything_happens(lab):
    """Bring every type of event about, and return the experiment in which it happened."""
    experiment_id = lab.submit(seeds=2, max_attempts=2)
    lab.release(lab.taken())
    lab.fail(lab.taken())
    lab.train_all()
    with lab.sessions() as session:
        editing.edit(session, experiment_id, {"note": "Looks good."}, lambda _: True)
        lifecycle.delete(session, experiment_id)
    return experiment_id


def test_each_type_is_delivered(lab, subscribe, settled, delivering):
    with Receiver() as receiver:
        webhook = subscribe(receiver)
        experiment_id = everything_happens(lab)
        with sending(delivering):
            found = settled(webhook)
    assert webhook.events == [*WEBHOOK_EVENTS], "without a list every type is subscribed to"
    assert {delivery.status for delivery in found} == {"delivered"}
    messages = [
        Verifier(webhook.secret).verify(message.body, message.headers)
        for message in receiver.received
    ]
    assert Counter(message["type"] for message in messages) == {
        "experiment.created": 1,
        "run.started": 4,
        "run.requeued": 2,
        "run.finished": 2,
        "experiment.finished": 1,
        "experiment.updated": 1,
        "experiment.deleted": 1,
    }
    assert {message["type"] for message in messages} == set(WEBHOOK_EVENTS), (
        "let a new type happen in everything_happens"
    )
    assert {message["data"]["experiment_id"] for message in messages} == {str(experiment_id)}
    of_runs = [message for message in messages if message["type"].startswith("run.")]
    assert all("run_id" in message["data"] for message in of_runs)


def test_a_type_alone_can_be_subscribed_to(lab, subscribe, log):
    webhooks = {kind: subscribe(f"http://127.0.0.1:1/{kind}", kind) for kind in WEBHOOK_EVENTS}
    everything_happens(lab)
    for kind, webhook in webhooks.items():
        assert {delivery.event for delivery in log(webhook)} == {kind}
