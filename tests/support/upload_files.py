"""Files for uploads: the same data in every format, and files that mean harm."""

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a zip of some files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def png(pixels: np.ndarray) -> bytes:
    """Return a PNG of pixels (height, width) or (height, width, 3)."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def png_that_says(width: int, height: int) -> bytes:
    """Return a small PNG whose head says that it is huge."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def idx(values: np.ndarray) -> bytes:
    """Return the IDX file of bytes."""
    head = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    return head + values.astype(np.uint8).tobytes()


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's digits: pixels uint8 (n, 8, 8), labels."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.images.astype(np.uint8), data.target


def digits_in(kind: str, path: Path) -> Path:
    """Write scikit-learn's digits as csv, parquet, npz, flat_npz, idx or png."""
    import pandas as pd

    pixels, labels = digits()
    flat = pixels.reshape(len(pixels), 64)
    frame = pd.DataFrame(flat, columns=[f"pixel_{place}" for place in range(64)])
    frame["label"] = labels
    match kind:
        case "csv":
            frame.to_csv(path, index=False)
        case "parquet":
            frame.to_parquet(path)
        case "npz":
            np.savez(path, x=pixels, y=labels)
            path = path.with_name(f"{path.name}.npz")
        case "flat_npz":
            np.savez(path, x=flat, y=labels)
            path = path.with_name(f"{path.name}.npz")
        case "idx":
            files = {"images-idx3-ubyte": idx(pixels), "labels-idx1-ubyte": idx(labels)}
            zipped(path, {f"{name}.gz": gzip.compress(content) for name, content in files.items()})
        case "png":
            named = zip(pixels, labels, strict=True)
            zipped(
                path,
                {
                    f"digits/{label}/{row:05}.png": png(one)
                    for row, (one, label) in enumerate(named)
                },
            )
    return path
