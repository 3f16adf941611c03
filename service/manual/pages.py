"""The pages of the documentation and the files beside them, as they are in the folder ``docs``.

The folder is beside ``service`` in a checkout, in the image and where the package is installed.
"""

from functools import cache, lru_cache
from pathlib import Path

from service.manual.rendering import ManualPage, render

FOLDER = Path(__file__).parents[2] / "docs"
#: The page that lists all others.
START = "README.md"

_SUFFIXES = frozenset({".md", ".svg", ".png", ".gif", ".ipynb"})


@cache
def files() -> dict[str, Path]:
    """Return all files of the documentation by their paths; no other file can be named."""
    found = (path for path in sorted(FOLDER.rglob("*")) if path.suffix in _SUFFIXES)
    return {path.relative_to(FOLDER).as_posix(): path for path in found if path.is_file()}


def is_page(path: str) -> bool:
    """Whether a path is that of a page; other files are pictures and notebooks."""
    return path in files() and path.endswith(".md")


def page(path: str) -> ManualPage:
    """Return a page, rendered anew only where its file was changed.

    Raises:
        KeyError: there is no such file.
    """
    return _rendered(path, files()[path].stat().st_mtime_ns)


def pages() -> list[ManualPage]:
    """Return every page, in the order of their paths."""
    return [page(path) for path in files() if is_page(path)]


@lru_cache(maxsize=512)
def _rendered(path: str, _changed_at: int) -> ManualPage:
    return render(path, files()[path].read_text(encoding="utf-8"), files().keys())
