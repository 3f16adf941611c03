"""A client that openapi-python-client writes from openapi.yaml, with nothing left out, works."""

import importlib
import inspect
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, get_args, get_type_hints

import httpx
import pytest

from tests.support.api_description import described
from tests.support.paths import ROOT
from tests.support.scripted_worker import Lab
from tests.support.served_api import Served, serving

DESCRIPTION = described()
OPERATIONS = {
    operation["operationId"]: operation
    for methods in DESCRIPTION["paths"].values()
    for operation in methods.values()
}
NAME = "actinium_generated"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Write the client as docs/generated-clients.md says, and import it."""
    folder = tmp_path_factory.mktemp("generated")
    beside = Path(sys.executable).parent
    command = [
        *(beside / "openapi-python-client", "generate", "--meta", "none"),
        *("--path", ROOT / "openapi.yaml", "--output-path", NAME),
        *("--config", ROOT / "client" / "openapi-python-client.yaml"),
    ]
    # It has what it wrote formatted by ruff, which it looks for on the path.
    environment = {**os.environ, "PATH": f"{beside}:{os.environ['PATH']}"}
    ran = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    assert ran.stdout.split() == ["Generating", NAME], f"It left something out:\n{ran.stdout}"
    sys.path.insert(0, str(folder))
    yield importlib.import_module(NAME)
    sys.path.remove(str(folder))
    for name in [module for module in sys.modules if module.partition(".")[0] == NAME]:
        del sys.modules[name]


@pytest.fixture
def lab(sessions, settings) -> Lab:
    """Experiments and a worker played by the test."""
    return Lab(sessions, settings)


@pytest.fixture
def served(settings) -> Iterator[Served]:
    """The API, served by a real server in this process."""
    with serving(settings) as running:
        yield running


@pytest.fixture
def client(generated, served) -> Iterator[Any]:
    """The generated client of the served API."""
    with generated.Client(served.url, raise_on_unexpected_status=True) as opened:
        yield opened


def function_of(operation_id: str) -> ModuleType:
    """The module that is written for an operation."""
    (tag,) = OPERATIONS[operation_id]["tags"]
    return importlib.import_module(f"{NAME}.api.{tag}.{operation_id}")


def ask(operation_id: str, *arguments: Any, **named: Any) -> Any:
    """Call an operation as a user does."""
    return function_of(operation_id).sync(*arguments, **named)


def test_every_operation_has_its_functions(generated):
    for operation_id in OPERATIONS:
        module = function_of(operation_id)
        assert callable(module.sync_detailed), operation_id
        assert callable(module.asyncio_detailed), operation_id


def test_every_answer_is_read_whole(generated):
    """Each example of the description, read into the client's types and written again."""
    read = 0
    for operation_id, operation in OPERATIONS.items():
        for status, example in _json_examples(operation):
            parsed = _answered(generated, operation_id, int(status), example)
            assert _same(parsed.to_dict()) == _same(example), f"{operation_id}, {status}"
            read += 1
    assert read > len(OPERATIONS)


def _answered(generated: ModuleType, operation_id: str, status: int, example: Any) -> Any:
    """What an operation returns when it is answered so, with any valid arguments."""
    answer = httpx.MockTransport(lambda _: httpx.Response(status, json=example))
    call = function_of(operation_id).sync_detailed
    hints = get_type_hints(call)
    arguments = {
        name: _argument(hints[name])
        for name, parameter in inspect.signature(call).parameters.items()
        if parameter.default is inspect.Parameter.empty and name != "client"
    }
    client = generated.Client("http://127.0.0.1")
    with httpx.Client(base_url="http://127.0.0.1", transport=answer) as http:
        return call(**arguments, client=client.set_httpx_client(http)).parsed


def _argument(hint: Any) -> Any:
    """A valid id, number, word of a Literal or text; else a body with nothing in it."""
    kind = next(iter(get_args(hint)), hint)
    if isinstance(kind, str):
        return kind
    simple = {uuid.UUID: uuid.uuid4(), int: 1, str: "x"}
    return simple.get(kind, SimpleNamespace(to_dict=dict, payload=b""))


def _json_examples(operation: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for status, response in operation["responses"].items():
        named = response.get("$ref", "").rpartition("/")[2]
        described = DESCRIPTION["components"]["responses"][named] if named else response
        for media_type, content in described.get("content", {}).items():
            if media_type.endswith("json") and "example" in content:
                yield status, content["example"]


def _same(value: Any) -> Any:
    """Times are written in another way, and mean the same."""
    match value:
        case dict():
            return {name: _same(item) for name, item in value.items()}
        case list():
            return [_same(item) for item in value]
        case str() if value[:2] == "20":
            return datetime.fromisoformat(value)
    return value


def test_an_experiment_is_submitted_and_read(generated, client, lab):
    models = importlib.import_module(f"{NAME}.models")
    spec = models.ExperimentSpec(
        name="generated",
        activation=["relu", models.ActivationLeakyRelu(name="leaky_relu", negative_slope=0.2)],
        optimizer=models.OptimizerAdam(name="adam", learning_rate=0.01),
        epochs=2,
        seeds=3,
    )
    planned = ask("submit_experiment", client=client, body=spec, dry_run=True)
    assert (type(planned), planned.runs) == (models.DryRun, 6)
    made = ask("submit_experiment", client=client, body=spec, idempotency_key="once")
    again = ask("submit_experiment", client=client, body=spec, idempotency_key="once")
    assert (made.status, made.runs.total, again.id) == ("queued", 6, made.id)

    lab.train_all(val_accuracy=0.75)
    found = ask("get_experiment", made.id, client=client)
    assert (found.status, found.progress, found.name) == ("completed", 1.0, "generated")
    (optimizer,) = found.spec.optimizer
    assert (optimizer.name, optimizer.learning_rate) == ("adam", 0.01)
    compared = ask("compare_configurations", made.id, client=client)
    assert [(group.n, group.mean) for group in compared.groups] == [(3, 0.75), (3, 0.75)]
    assert {group.by["activation"] for group in compared.groups} == {
        "relu",
        "leaky_relu(negative_slope=0.2)",
    }


def test_runs_are_paged_and_have_histories(generated, client, lab):
    experiment_id = lab.submit(activation=["relu", "tanh"], seeds=2, epochs=3)
    lab.train(lab.taken(), "diverged", loss=float("nan"))
    lab.train_all()
    runs, cursor = [], None
    while True:
        page = ask(
            "search_runs",
            client=client,
            experiment_id=[experiment_id],
            order_by="position",
            limit=3,
            cursor=cursor,
        )
        runs += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [(run.config.activation.name, run.seed) for run in runs] == [
        ("relu", 0),
        ("relu", 1),
        ("tanh", 0),
        ("tanh", 1),
    ]
    assert runs[0].id == lab.runs(experiment_id)[0].id
    assert [run.status for run in runs[:2]] == ["diverged", "completed"]
    history = ask("get_run_history", runs[0].id, client=client, metrics=["loss,val_loss"])
    assert history.epoch == [1, 2, 3]
    assert history.metrics["loss"] == ["NaN"] * 3
    assert history.metrics["val_loss"] == [1.5] * 3
    picture = ask("draw_run_learning_curves", runs[0].id, "png", client=client)
    assert picture.payload.read().startswith(b"\x89PNG")


def test_problems_are_told_field_by_field(generated, client):
    models = importlib.import_module(f"{NAME}.models")
    spec = models.ExperimentSpec(activation=["relu", "rleu"])
    refused = function_of("submit_experiment").sync_detailed(client=client, body=spec)
    assert (refused.status_code, type(refused.parsed)) == (422, models.Problem)
    (error,) = refused.parsed.errors
    assert error.pointer == "/activation/1"
    assert "did you mean 'relu'" in error.detail
    missing = ask("get_run", uuid.uuid4(), client=client)
    assert (type(missing), missing.status) == (models.Problem, 404)
