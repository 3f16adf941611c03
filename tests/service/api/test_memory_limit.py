"""A submission that no worker can hold is refused, once the workers are known."""

import pytest
from sqlalchemy import insert, text

from service.api.app import create_app
from service.database.tables import Worker
from tests.support.served_api import ask

LARGE = {
    "activation": "relu",
    "dataset": {"name": "mnist", "train_size": 4000, "test_size": 100},
    "model": "mnist_cnn",
    "batch_size": 4000,
}


@pytest.fixture
def worker(sessions):
    """Registers a worker with this memory."""

    def register(memory_bytes, name="one", device="cpu"):
        with sessions() as session, session.begin():
            session.execute(
                insert(Worker).values(name=name, device=device, memory_bytes=memory_bytes)
            )

    return register


@pytest.fixture
def app_with(settings):
    """Makes an API with other settings."""
    return lambda **fields: create_app(settings.model_copy(update=fields))


def submitted(api, **fields):
    return api.post("/v1/experiments", json=LARGE | fields)


def test_it_is_refused_with_a_pointer_and_so_is_the_dry_run(api, worker):
    worker(1_500_000_000)
    worker(1_000_000_000, "two")
    for path in ("/v1/experiments", "/v1/experiments?dry_run=true"):
        refused = api.post(path, json=LARGE)
        assert refused.status_code == 422, refused.text
        (error,) = refused.json()["errors"]
        assert error["pointer"] == "/batch_size"
        assert "most of it for a batch, and the largest worker has 1.5 GB" in error["detail"]
    assert api.get("/v1/experiments").json()["items"] == []
    small = submitted(api, batch_size=50)
    assert small.status_code == 201, small.text


def test_a_dry_run_tells_the_memory(api, worker):
    planned = api.post("/v1/experiments?dry_run=true", json=LARGE | {"batch_size": [50, 1000]})
    before = planned.json()
    assert before["worker_memory_bytes"] is None
    small, large = (item["memory_bytes"] for item in before["items"])
    assert small < large == before["memory_bytes"]
    worker(9_000_000_000)
    again = api.post("/v1/experiments?dry_run=true", json=LARGE | {"batch_size": [50, 1000]})
    assert again.json()["worker_memory_bytes"] == 9_000_000_000


def test_only_workers_of_its_device_that_were_seen_lately_count(api, worker, sessions):
    worker(90_000_000_000, "gpu", "cuda")
    worker(1_000_000_000)
    assert submitted(api, device="cpu").status_code == 422
    assert submitted(api, device="cuda").status_code == 201
    assert submitted(api).status_code == 201
    with sessions() as session, session.begin():
        session.execute(text("UPDATE workers SET seen_at = seen_at - interval '1 h'"))
    assert submitted(api, device="cpu").status_code == 201


def test_the_setting_admits_what_workers_that_start_later_can_hold(app_with, worker):
    worker(1_000_000_000)
    refused = ask(
        app_with(worker_memory_bytes=2_000_000_000), "POST", "/v1/experiments", json=LARGE
    )
    assert "the largest worker has 2 GB" in refused.json()["errors"][0]["detail"]
    admitted = ask(
        app_with(worker_memory_bytes=99_000_000_000), "POST", "/v1/experiments", json=LARGE
    )
    assert admitted.status_code == 201


def test_readiness_and_metrics_tell_what_workers_have(api, worker):
    worker(1_500_000_000)
    detail = api.get("/readyz").json()["checks"]["workers"]["detail"]
    assert detail == "Seen: 1 on cpu (up to 1.5 GB per run)."
    line = 'actinium_worker_memory_bytes{device="cpu",worker="one"} 1.5e+09'
    assert line in api.get("/metrics").text
