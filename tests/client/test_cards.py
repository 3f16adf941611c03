"""An experiment shows itself in a notebook: a card with its answer, ranking and picture."""

import asyncio
import base64
import json
import pickle
import re
from html.parser import HTMLParser

import pytest
from IPython.core.formatters import DisplayFormatter

from actinium import AsyncClient, Client
from service.api_keys import create
from tests.support.http_peers import Relay

HOSTILE = '<script>alert(1)</script> & "q" \x1b[31m'


class Seen(HTMLParser):
    """The tags, attributes and words of some HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.sources += [value for name, value in attrs if name == "src"]

    def handle_data(self, data):
        self.words.append(data)


def made_key(lab):
    with lab.sessions() as session:
        return create(session, name="reader", scopes=["read"]).token


@pytest.fixture
def ranked(lab):
    """An experiment whose six runs have ended, with a name that is none of HTML's business."""
    made = lab.submit(name=HOSTILE, activation=["relu", "elu"], seeds=3)
    for number in range(6):
        lab.train(lab.taken(), val_accuracy=0.9 + number / 100)
    return made


def test_it_shows_its_answer_its_ranking_and_a_picture_for_light_and_dark(client, ranked):
    forms, _ = DisplayFormatter().format(client.experiment(ranked))
    assert set(forms) == {"text/plain", "text/html"}
    seen = Seen(forms["text/html"])
    assert "script" not in seen.tags
    assert HOSTILE in seen.words
    headline = client.comparison(ranked)["headline"]
    assert {headline, "elu", "94.00%", "3 of 3", "leads"} <= set(seen.words)
    assert len(seen.sources) == 2
    for source in seen.sources:
        assert source.startswith("data:image/svg+xml;base64,")
        assert b"<svg" in base64.b64decode(source.partition(",")[2])
    assert len(set(seen.sources)) == 2
    assert not re.search(r"(src|href)=.(?!data:|http://127)", forms["text/html"])
    assert "prefers-color-scheme:dark" in forms["text/html"]


def test_its_numbers_are_written_as_people_write_them(client, lab):
    made = lab.submit(dataset="diabetes", model="mlp", activation=["relu", "elu", "tanh"])
    for error in (12_345.6, 1.5e19, 0.00001234):
        lab.train(lab.taken(), val_rmse=error)
    forms, _ = DisplayFormatter().format(client.experiment(made), include={"text/html"})
    words = Seen(forms["text/html"]).words
    assert {"12350", "1.5e19", "1.234e-5"} <= {*words}
    said = [word.replace(str(made), "") for word in words]  # an id, too, may have "e-0" in it
    assert not any("e+" in word or "e-0" in word for word in said)


def test_as_text_it_has_the_ranking_and_nothing_that_a_terminal_obeys(client, ranked):
    forms, _ = DisplayFormatter().format(client.experiment(ranked), include={"text/plain"})
    assert set(forms) == {"text/plain"}
    lines = forms["text/plain"].splitlines()
    assert lines[0] == HOSTILE.replace("\x1b", "␛")
    assert lines[1] == "6 of 6 runs, 100%"
    assert lines[3].split()[:3] == ["1", "elu", "94.00%"]
    assert lines[-1] == f"{client.url}/#/experiments/{ranked}"


def test_it_is_as_it_is_now_and_has_no_ranking_before_a_run_has_ended(client, lab):
    submitted = client.submit(activation="relu", epochs=1)
    shown_before = client.experiment(submitted)
    waiting = Seen(shown_before._repr_html_())
    assert "progress" in waiting.tags
    assert "table" not in waiting.tags
    assert "queued: 1 run waiting for a worker" in "".join(waiting.words)
    lab.train_all()
    assert submitted["status"] == "queued", "what was answered stays"
    ended = Seen(submitted._repr_html_())
    assert "progress" not in ended.tags
    assert "completed: 1 of 1 run, 100%" in "".join(ended.words)


def test_without_the_service_it_shows_what_was_answered_and_says_so(served, lab):
    with Relay(served.url) as relay, Client(relay.url) as client:
        experiment = client.experiment(lab.submit(name="alone"))
    text = "".join(Seen(experiment._repr_html_()).words)
    assert "alone" in text
    assert relay.url in text


def test_it_is_a_dict_in_all_else_and_keeps_no_key_where_it_goes(served, lab):
    lab.submit(name="n")
    key = made_key(lab)
    with Client(served.url, key) as client:
        (experiment,) = client.experiments()
    plain = dict(experiment)
    assert experiment == plain
    assert json.loads(json.dumps(experiment)) == plain
    assert repr(experiment) == repr(plain)
    kept = pickle.dumps(experiment)
    assert key.encode() not in kept
    copied = pickle.loads(kept)
    assert copied == plain
    assert "href" not in copied._repr_html_()


def test_one_that_was_awaited_shows_itself_too(served, ranked):
    async def read():
        async with AsyncClient(served.url) as client:
            return await client.experiment(ranked)

    assert "leads" in Seen(asyncio.run(read())._repr_html_()).words
