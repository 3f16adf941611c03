"""The asynchronous client does what the other does."""

import asyncio
import inspect
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from actinium import ApiError, AsyncClient, Client, Retries
from tests.support.http_peers import Answer, Relay, Scripted

QUICK = Retries(first_pause=0.02, longest_pause=0.05)


def _public(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")} - {"close", "aclose"}


def test_both_clients_have_the_same_methods_with_the_same_signatures():
    assert _public(Client) == _public(AsyncClient)
    plain, asynchronous = Client("http://127.0.0.1:9"), AsyncClient("http://127.0.0.1:9")
    for name in _public(Client) - {"url", "perform", "iterate"}:
        one, other = getattr(plain, name), getattr(asynchronous, name)
        assert inspect.signature(one).parameters == inspect.signature(other).parameters
        assert one.__doc__
        assert other.__doc__
    plain.close()


def test_a_method_shows_how_it_is_called():
    with Client("http://127.0.0.1:9") as client:
        shown = inspect.signature(client.experiment)
        assert list(shown.parameters) == ["experiment", "wait"]
        assert client.experiment.__doc__.startswith("Return an experiment")


def test_an_experiment_from_submission_to_export(served, lab, tmp_path, worker):
    async def go() -> None:
        async with AsyncClient(served.url) as client:
            made = await client.submit(activation=["relu", "elu"], epochs=2, seeds=2)
            ended = await client.wait(made, timeout=60)
            assert ended["status"] == "completed"
            runs = client.runs(made, page_size=1, order_by="position")
            assert isinstance(runs, AsyncIterator)
            assert not isinstance(runs, Iterator)
            found = [run async for run in runs]
            assert [run["seed"] for run in found] == [0, 1, 0, 1]
            history = await client.history(found[0])
            assert history["metrics"]["val_loss"] == [1.5, 1.5]
            comparison = await client.comparison(made)
            assert {group["n"] for group in comparison["groups"]} == {2}
            path = await client.export(made, tmp_path / "histories.csv")
            assert len(path.read_text().splitlines()) == 1 + 8
            figure = await client.figure(made, "comparison")
            assert "<svg" in figure._repr_svg_()
            assert len([entry async for entry in client.catalog_axis("activation")]) > 5
            with pytest.raises(ApiError, match="There is no run"):
                await client.run(uuid.uuid4())

    asyncio.run(go())


def test_many_calls_at_once(served, lab):
    experiments = [lab.submit(seeds=number) for number in range(1, 9)]

    async def go() -> list[int]:
        async with AsyncClient(served.url) as client:
            found = await asyncio.gather(
                *[client.experiment(experiment) for experiment in experiments]
            )
            return [experiment["runs"]["total"] for experiment in found]

    assert asyncio.run(go()) == list(range(1, 9))


def test_a_submission_whose_answer_is_lost_is_made_once(served, lab):
    async def go(url: str) -> dict:
        async with AsyncClient(url, retries=QUICK) as client:
            return await client.submit(activation="relu", epochs=1)

    with Relay(served.url) as relay:
        relay.swallow = 1
        made = asyncio.run(go(relay.url))
    with Client(served.url) as client:
        assert [experiment["id"] for experiment in client.experiments()] == [made["id"]]


def test_it_asks_again_like_the_other():
    answers = [Answer(503), Answer(429), Answer(200, b'{"id": "x"}')]

    async def go(url: str) -> dict:
        async with AsyncClient(url, retries=QUICK) as client:
            return await client.experiment("x")

    with Scripted(answers) as server:
        assert asyncio.run(go(server.url)) == {"id": "x"}
        assert len(server.asked) == 3
