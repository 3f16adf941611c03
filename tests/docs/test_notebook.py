"""The documentation's notebook runs, and what it keeps is what it shows."""

import pytest

from docs.generate.notebook import NOTEBOOK, read, run

pytestmark = pytest.mark.slow


def _shown(notebook) -> list[list[tuple[str, frozenset[str]]]]:
    """What each cell of code puts out: its kinds, and the formats it comes in."""
    return [
        [(output.output_type, frozenset(output.get("data", {}))) for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def _told(notebook) -> str:
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs)


def _card(notebook):
    """What the experiment itself puts out."""
    (cell,) = [cell for cell in notebook.cells if cell.source == "experiment"]
    return cell.outputs[0].data


@pytest.mark.longest
def test_the_notebook_runs_and_shows_what_it_keeps(service, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ACTINIUM_URL", service)
    kept, fresh = read(), read()
    for cell in fresh.cells:
        cell.pop("outputs", None)
    run(fresh, service, tmp_path)
    assert _shown(fresh) == _shown(kept), "Run `python -m docs.generate.notebook`."
    for notebook in (kept, fresh):
        pictures = [cell for cell in _shown(notebook) if cell and "image/png" in cell[0][1]]
        assert len(pictures) == 3
        assert "18 of 18 runs, 100%" in _told(notebook)
        card = _card(notebook)
        assert "Which activation</a></h4>" in card["text/html"]
        assert card["text/html"].count("data:image/svg+xml;base64,") == 2
        assert "<script" not in card["text/html"]
        assert card["text/plain"].splitlines()[:2] == ["Which activation", "18 of 18 runs, 100%"]
        assert "at_chance: vanishing\n- epoch 0: The spread" in _told(notebook)
    assert (tmp_path / "histories.csv").stat().st_size > 0


def test_the_notebook_names_no_machine() -> None:
    text = NOTEBOOK.read_text()
    assert len(text) < 1_000_000
    for own in ("/root", "/home", "/tmp", '"error"'):
        assert own not in text


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_figure_shows_itself_in_a_notebook(kind) -> None:
    """In the one format it has; a notebook skips what gives None."""
    from IPython.core.formatters import DisplayFormatter

    from actinium import Figure

    picture = {"svg": b"<svg></svg>", "png": b"\x89PNG"}[kind]
    formats, _ = DisplayFormatter().format(Figure(picture, kind))
    mime = {"svg": "image/svg+xml", "png": "image/png"}[kind]
    assert set(formats) == {"text/plain", mime}
