"""`make compose` without an engine: the .env that it writes, and what it says of a machine."""

import re
import stat

import pytest

from deploy.compose import Machine, refusals, warnings, with_secrets, write_env
from tests.support.compose_file import compose, variables_of_example
from tests.support.paths import ROOT

EXAMPLE = (ROOT / ".env.example").read_text()
LARGE = Machine((28, 1), (2, 40), 8, 16_000_000_000, 100_000_000_000)


def test_a_new_env_has_a_secret_of_its_own_for_each(tmp_path):
    (tmp_path / ".env.example").write_text(EXAMPLE)
    values = write_env(tmp_path)
    assert values.keys() == variables_of_example().required.keys()
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in values.values())
    assert len(set(values.values())) == len(values)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert compose(values)["services"]


def test_an_env_that_is_there_keeps_what_it_says(tmp_path):
    (tmp_path / ".env.example").write_text(EXAMPLE)
    first = write_env(tmp_path)
    text = (tmp_path / ".env").read_text()
    assert write_env(tmp_path) == first
    assert (tmp_path / ".env").read_text() == text


def test_an_older_env_gets_only_what_it_lacks():
    older = "ACTINIUM_API_KEY=mine\nPOSTGRES_PASSWORD=ours\n#REDIS_PASSWORD=\nWORKERS=4"
    newer = with_secrets(older, EXAMPLE)
    assert newer.startswith(older + "\n")
    added = newer.removeprefix(older).split()
    assert [line.partition("=")[0] for line in added] == ["SERVICE_PASSWORD", "REDIS_PASSWORD"]


@pytest.mark.parametrize(
    ("machine", "sentence"),
    [
        (Machine((24, 0), (2, 40), 8, 16_000_000_000, None), "Docker Engine is 24.0; 25.0 is"),
        (Machine((28, 1), (2, 20), 8, 16_000_000_000, None), "Docker Compose is 2.20; 2.24 is"),
        (Machine((28, 1), (2, 40), 8, 16_000_000_000, 2_000_000_000), "2.0 GB left; 8 GB are"),
    ],
)
def test_a_machine_that_cannot_is_refused_with_a_sentence(machine, sentence):
    (found,) = refusals(machine)
    assert sentence in found
    assert refusals(LARGE) == []


def test_a_small_machine_is_told_what_it_lacks():
    small = Machine((28, 1), (2, 40), 1, 2_000_000_000, None)
    cores, memory = warnings(small, {"WORKERS": ""})
    assert cores.startswith("2 workers share 1 cores")
    assert "has 2.0 GB of memory; the services and 2 workers take 2.9 GB" in memory
    assert warnings(LARGE, {"WORKERS": "8"}) == []
