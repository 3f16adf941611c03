"""The queue and the workers over HTTP."""

from sqlalchemy import insert

from service.api.schemas.workload import QueueAnswer, WorkerPage
from service.database.tables import Worker


def _workers(lab, *names):
    with lab.sessions.begin() as session:
        rows = [{"name": name, "device": "cpu", "memory_bytes": 2**31} for name in names]
        session.execute(insert(Worker), rows)


def test_workers_are_listed_by_name_and_paged(api, lab):
    _workers(lab, "b", "a", "c")
    first = api.get("/v1/workers?limit=2")
    page = WorkerPage.model_validate_json(first.content)
    assert [worker.name for worker in page.items] == ["a", "b"]
    rest = api.get(first.links["next"]["url"]).json()
    assert [worker["name"] for worker in rest["items"]] == ["c"]
    assert rest["next_cursor"] is None


def test_the_queue_says_in_a_sentence_what_no_worker_can_take(api, lab):
    lab.submit(device="cuda", seeds=2)
    queue = QueueAnswer.model_validate_json(api.get("/v1/queue").content)
    assert (queue.queued, queue.workers) == (2, 0)
    assert [found.detail for found in queue.blocked] == [
        "2 runs wait, and no worker was seen lately."
    ]
    _workers(lab, "a")
    (blocked,) = api.get("/v1/queue").json()["blocked"]
    assert blocked["detail"] == "2 runs wait for a cuda worker, and none was seen lately."


def test_one_run_waits(api, lab):
    lab.submit(device="cuda")
    (blocked,) = api.get("/v1/queue").json()["blocked"]
    assert blocked["detail"] == "1 run waits, and no worker was seen lately."
