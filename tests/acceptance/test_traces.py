"""Traces of real processes, received as a collector receives them."""

import signal
import socket
import sys

import httpx
import pytest

from service.settings import Settings
from tests.support.processes import Processes, Started, wait_for
from tests.support.trace_receiver import ReceivedSpan, TraceReceiver

pytestmark = pytest.mark.slow

#: Two runs of two short epochs.
TINY = {
    "dataset": {"name": "digits", "train_size": 64, "test_size": 32},
    "model": {"name": "mlp", "hidden_units": [8]},
    "batch_size": 32,
    "activation": "relu",
    "epochs": 2,
    "seeds": 2,
    "reuse": False,
}

#: A module of the extra that cannot be imported in a process with this folder on its path.
_BLOCKING = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("opentelemetry.exporter"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
"""


@pytest.fixture
def traced(settings: Settings, tmp_path):
    """An API and a worker that send their traces to a receiver; gives all three."""
    settings = settings.model_copy(update={"port": free_port()})
    with TraceReceiver() as receiver:
        sent = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        with Processes(settings, tmp_path, lambda _: sent) as processes:
            api = processes.start("api", "service.cli", "api")
            worker = ready_worker(processes)
            with httpx.Client(base_url=f"http://127.0.0.1:{settings.port}", timeout=120) as client:
                wait_for(lambda: answers(client), what="the API answers", seconds=120)
                yield client, receiver, (api, worker)


def finished(client: httpx.Client, experiment_id: str) -> dict:
    def looked() -> dict | None:
        found = client.get(f"/v1/experiments/{experiment_id}").json()
        return found if found["status"] == "completed" else None

    return wait_for(looked, what="the experiment is completed", seconds=120)


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


def ready_worker(processes: Processes) -> Started:
    worker = processes.worker("one", ready=False)
    worker.says("ready.", seconds=120)
    return worker


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_one_trace_leads_from_the_request_to_the_recorded_epochs(traced) -> None:
    client, receiver, (api, worker) = traced
    experiment = finished(client, client.post("/v1/experiments", json=TINY).json()["id"])
    listed = client.get("/v1/runs", params={"experiment_id": experiment["id"]}).json()["items"]
    for process in (worker, api):
        process.send(signal.SIGTERM)
        assert process.wait(60) == 0  # what is left to send is sent at the end
    (post,) = [span for span in receiver.spans if span.name == "POST /v1/experiments"]
    trace = {span.span_id: span for span in receiver.traces()[post.trace_id]}

    def above(span: ReceivedSpan) -> list[str]:
        names = []
        while span.parent_id:
            span = trace[span.parent_id]  # every parent was received
            names.append(f"{span.service}: {span.name}")
        return names

    def named(name: str) -> list[ReceivedSpan]:
        return [span for span in trace.values() if span.name == name]

    in_request = "actinium-api: POST /v1/experiments"
    (ring,) = named("run/actinium.train")
    assert above(ring) == ["actinium-api: apply_async/actinium.train", in_request]
    trainings = named("actinium.train")
    trained = [run for training in trainings for run in training.attributes["actinium.run_ids"]]
    assert sorted(trained) == sorted(run["id"] for run in listed)
    for training in trainings:
        assert above(training) == [in_request]
        assert training.attributes["actinium.worker"] == "one"
        assert training.attributes["actinium.experiment_ids"] == [experiment["id"]]
        assert training.links == (ring.span_id,)
    records = named("actinium.record_epochs")
    assert sum(record.attributes["actinium.epochs"] for record in records) == 2 * TINY["epochs"]
    for record in records:
        training = trace[record.parent_id]
        assert training in trainings
        assert training.start <= record.start < record.end <= training.end
    statements = [span for span in trace.values() if "db.system" in span.attributes]
    assert {above(span)[0] for span in statements} >= {
        in_request,
        "actinium-worker: actinium.record_epochs",
    }
    # Statements outside any trace are left out, and so is what monitoring asks for.
    assert not [s for s in receiver.spans if not s.parent_id and "db.system" in s.attributes]
    assert not [span for span in receiver.spans if "healthz" in span.name]


@pytest.mark.parametrize("module", [("service.cli", "api"), ("workers", "--device", "cpu")])
def test_an_endpoint_without_the_extra_is_one_sentence(settings, tmp_path, module) -> None:
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(_BLOCKING)
    extra = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "PYTHONPATH": ":".join([str(blocked), *filter(None, sys.path)]),
    }
    with Processes(settings, tmp_path, lambda _: extra) as processes:
        started = processes.start("refused", *module)
        assert started.wait(120) == 1
        assert started.output.strip().splitlines()[-1] == (
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed: "
            "pip install 'actinium-service[tracing]', or unset the variable."
        )
        assert "Traceback" not in started.output


def test_another_protocol_is_refused(settings, tmp_path) -> None:
    extra = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }
    with Processes(settings, tmp_path, lambda _: extra) as processes:
        started = processes.start("refused", "workers", "--device", "cpu")
        assert started.wait(120) == 1
        assert started.output.strip().splitlines()[-1] == (
            "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf: traces are sent by no other "
            "protocol."
        )


@pytest.mark.longest
def test_a_collector_that_is_away_keeps_nobody_waiting(settings, tmp_path) -> None:
    settings = settings.model_copy(update={"port": free_port()})
    extra = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    with Processes(settings, tmp_path, lambda _: extra) as processes:
        api, worker = processes.start("api", "service.cli", "api"), ready_worker(processes)
        with httpx.Client(base_url=f"http://127.0.0.1:{settings.port}", timeout=120) as client:
            wait_for(lambda: answers(client), what="the API answers", seconds=120)
            finished(client, client.post("/v1/experiments", json=TINY).json()["id"])
        for process in (worker, api):
            process.send(signal.SIGTERM)
            assert process.wait(60) == 0
