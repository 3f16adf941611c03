"""``python -m docs.generate.notebook``: run the documentation's notebook, keep its output."""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from docs.generate.sample_service import sample_service

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "which_activation.ipynb"


def main() -> None:
    """Run it in a service without data, and write it back with its outputs."""
    prog = "python -m docs.generate.notebook"
    argparse.ArgumentParser(prog=prog, description=__doc__).parse_args()
    notebook = read()
    with sample_service() as client, tempfile.TemporaryDirectory() as folder:
        run(notebook, client.url, Path(folder))
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times, which say nothing here
    nbformat.write(notebook, NOTEBOOK)  # type: ignore[no-untyped-call]


def read() -> Any:
    """Read the notebook as it is kept."""
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


def run(notebook: Any, url: str, folder: Path) -> None:
    """Run every cell in a fresh kernel; outputs take the place of those there were.

    Args:
        notebook: as ``read`` gives it.
        url: of the service.
        folder: where its files go.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell fails, with its traceback.
    """
    os.environ["ACTINIUM_URL"] = url
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=120, resources=resources, coalesce_streams=True).execute()


if __name__ == "__main__":
    main()
