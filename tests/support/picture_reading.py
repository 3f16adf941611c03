"""What tests see in a picture."""

import io
import re
from html import unescape
from xml.etree import ElementTree

import numpy as np
from matplotlib.image import imread

_SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: bytes) -> list[str]:
    """The texts of an SVG, in the order in which they are drawn."""
    root = ElementTree.fromstring(svg)
    return [unescape("".join(each.itertext())) for each in root.iter(f"{_SVG}text")]


def shapes(svg: bytes, kind: str) -> list[ElementTree.Element]:
    """The groups that matplotlib drew for artists of a kind, as ``QuadContourSet``."""
    root = ElementTree.fromstring(svg)
    found = re.compile(rf"{kind}_\d+")
    return [each for each in root.iter(f"{_SVG}g") if found.fullmatch(each.get("id", ""))]


def pixels_of(png: bytes) -> np.ndarray:
    """The pixels of a PNG: rows, columns, and red, green, blue and opacity."""
    return imread(io.BytesIO(png), format="png")


def is_png(data: bytes) -> bool:
    """Whether these are the bytes of a PNG with a width and a height."""
    width, height = data[16:20], data[20:24]
    whole = data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
    return whole and int.from_bytes(width, "big") > 500 and int.from_bytes(height, "big") > 300
