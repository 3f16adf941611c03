"""The log of deliveries over HTTP, and sending a message again."""

import uuid

from service.webhooks import dispatch
from tests.support.served_api import ask
from tests.support.webhook_receivers import PUBLIC_URL


def _path(webhook, rest=""):
    return f"/v1/webhooks/{webhook['id']}{rest}"


def test_the_log_is_read_page_by_page_and_by_status(app, post, webhook, lab):
    experiment_id = lab.submit()
    lab.train_all()
    answer = ask(app, "GET", _path(webhook, "/deliveries?limit=2")).json()
    events = [delivery["event"] for delivery in answer["items"]]
    assert events == ["experiment.finished", "run.finished"]
    delivery = answer["items"][1]
    assert delivery["status"] == "pending"
    assert delivery["attempts"] == []
    assert delivery["payload"]["timestamp"] == delivery["created_at"]
    assert delivery["payload"]["data"] == {
        "experiment_id": str(experiment_id),
        "run_id": str(lab.runs(experiment_id)[0].id),
        "status": "completed",
        "ended_by": "all_epochs",
        "epoch": 2,
        "epochs": 2,
        "val_accuracy": 0.25,
        "val_loss": 1.5,
        "reused_from": None,
        "error": None,
    }
    cursor = answer["next_cursor"]
    rest = ask(app, "GET", _path(webhook, f"/deliveries?limit=2&cursor={cursor}")).json()
    assert [delivery["event"] for delivery in rest["items"]] == [
        "run.started",
        "experiment.created",
    ]
    assert ask(app, "GET", _path(webhook, f"/deliveries/{delivery['id']}")).json() == delivery
    assert ask(app, "GET", _path(webhook, "/deliveries?status=failed")).json()["items"] == []
    other = post("/v1/webhooks", {"url": f"{PUBLIC_URL}?2"}).json()
    assert ask(app, "GET", _path(other, "/deliveries")).json()["items"] == []
    assert ask(app, "GET", _path(other, f"/deliveries/{delivery['id']}")).status_code == 404


def test_what_failed_can_be_asked_for_again(post, webhook, session, settings, lab):
    pinged = post(_path(webhook, "/ping"))
    assert pinged.status_code == 202
    assert pinged.headers["location"] == _path(webhook, f"/deliveries/{pinged.json()['id']}")
    lab.execute(
        "UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL, attempt = 3, "
        "failures = 3"
    )
    webhook_id = uuid.UUID(webhook["id"])
    assert dispatch.claim(session, webhook_id, settings, limit=1) == []
    again = post(_path(webhook, f"/deliveries/{pinged.json()['id']}/redeliver"))
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    (message,) = dispatch.claim(session, webhook_id, settings, limit=1)
    assert (str(message.id), message.attempt) == (pinged.json()["id"], 4)
    post(_path(webhook, f"/deliveries/{pinged.json()['id']}/redeliver"))
    assert dispatch.claim(session, webhook_id, settings, limit=1) == [], "it is under way"


def test_a_disabled_webhook_is_sent_nothing_more(app, post, webhook, lab):
    lab.submit()
    (delivery,) = ask(app, "GET", _path(webhook, "/deliveries")).json()["items"]
    lab.execute("UPDATE webhooks SET disabled_at = now(), disabled_reason = 'It is gone.'")
    for rest in ("/ping", f"/deliveries/{delivery['id']}/redeliver"):
        response = post(_path(webhook, rest))
        assert response.status_code == 409
        assert response.json()["detail"] == (
            "The webhook is disabled: It is gone. Enable it first, by a POST to "
            f"{_path(webhook, '/enable')}."
        )
    lab.submit()
    assert len(ask(app, "GET", _path(webhook, "/deliveries")).json()["items"]) == 1
