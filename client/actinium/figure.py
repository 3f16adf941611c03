"""Pictures that show themselves in notebooks."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["svg", "png"]
Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Figure:
    """A picture as the service drew it. In a notebook, the last line of a cell shows it."""

    data: bytes
    kind: Kind

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file.

        Raises:
            ValueError: the file's ending names another format.
        """
        place = Path(path)
        if place.suffix.lower() != f".{self.kind}":
            raise ValueError(
                f"This picture is {self.kind.upper()}: name the file {place.stem}.{self.kind}, or "
                "ask for another `kind`."
            )
        place.write_bytes(self.data)
        return place

    def _repr_svg_(self) -> str | None:
        return self.data.decode() if self.kind == "svg" else None

    def _repr_png_(self) -> bytes | None:
        return self.data if self.kind == "png" else None

    def __repr__(self) -> str:
        """Tell what it is, not its bytes."""
        return f"<Figure: {self.kind.upper()}, {len(self.data):,} bytes>"
