"""Figures, which notebooks display."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["svg", "png", "gif"]
Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Figure:
    """A figure drawn by the service. A notebook displays it at the end of a cell."""

    data: bytes
    kind: Kind

    def save(self, path: str | Path) -> Path:
        """Write the figure to a file, and return its path.

        Raises:
            ValueError: the file's ending belongs to another format.
        """
        file = Path(path)
        if file.suffix.lower() != f".{self.kind}":
            raise ValueError(
                f"This figure is {self.kind.upper()}: name the file {file.stem}.{self.kind}, or "
                "ask for another `kind`."
            )
        file.write_bytes(self.data)
        return file

    def _repr_svg_(self) -> str | None:
        return self.data.decode() if self.kind == "svg" else None

    def _repr_png_(self) -> bytes | None:
        return self.data if self.kind == "png" else None

    def _repr_html_(self) -> str | None:
        if self.kind != "gif":
            return None
        return f'<img src="data:image/gif;base64,{base64.b64encode(self.data).decode()}">'

    def __repr__(self) -> str:
        """Return the format and the size, without the bytes."""
        return f"<Figure: {self.kind.upper()}, {len(self.data):,} bytes>"
