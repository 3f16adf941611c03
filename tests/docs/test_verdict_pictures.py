"""The pictures of docs/diagnoses.md are those of networks with the verdicts they stand for."""

import re

import pytest

from actinium import Client
from docs.generate.verdict_pictures import EXAMPLES, FOLDER, train
from tests.support.paths import ROOT
from workers.diagnostics.findings import VERDICTS

PAGE = (ROOT / "docs" / "diagnoses.md").read_text()


def _words(picture: str) -> set[str]:
    """What a picture says, but for figures, whose last digits are a machine's own."""
    return {re.sub(r"[-\d.e+]+", "#", each) for each in re.findall(r">([^<>]+)</text>", picture)}


def test_every_verdict_is_explained() -> None:
    assert set(EXAMPLES) - {"diverged"} <= set(VERDICTS)
    for verdict in VERDICTS:
        assert f"### {verdict}\n" in PAGE or f"| `{verdict}` |" in PAGE
    for verdict in EXAMPLES:
        assert f"### {verdict}" in PAGE
        for theme in ("light", "dark"):
            assert f"pictures/verdicts/{verdict}_{theme}.svg" in PAGE
            assert (FOLDER / f"{verdict}_{theme}.svg").stat().st_size < 150_000


@pytest.mark.longest
@pytest.mark.parametrize("verdict", EXAMPLES)
def test_a_network_has_the_verdict_of_its_picture(service: str, verdict: str) -> None:
    with Client(service) as client:
        example = EXAMPLES[verdict]
        run = train(client, example)
        diagnosis = run["diagnosis"]
        kinds = {finding["kind"] for finding in diagnosis["findings"]}
        assert verdict in {diagnosis["outcome"], diagnosis["verdict"], *kinds}
        drawn = client.run_figure(run, example.figure, **example.options).data.decode()
    kept = (FOLDER / f"{verdict}_light.svg").read_text()
    assert _words(drawn) == _words(kept), "Run `python -m docs.generate.verdict_pictures`."
