"""Files that mean harm or are broken: a sentence with a place, in bounded memory and time."""

import asyncio
import gzip
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from service.datasets.isolation import parse_apart
from service.datasets.meaning import FileLimits, FileMeaning
from service.datasets.parsing import parse
from service.datasets.problems import FileError
from tests.support.upload_files import idx, png, png_that_says, zipped

LIMITS = FileLimits(max_upload_bytes=1_000_000, max_upload_rows=1_000, max_upload_columns=100)
PICTURE = png(np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8))
GOOD = "".join(f"{row * 3},{row % 2}\n" for row in range(20))


def npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npz_of_header(header: str) -> bytes:
    file = io.BytesIO()
    content = header.encode().ljust(117) + b"\n"
    raw = b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", raw)
        archive.writestr("y.npy", raw)
    return file.getvalue()


def zip_of(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def parquet(frame) -> bytes:
    import pandas as pd

    file = io.BytesIO()
    pd.DataFrame(frame).to_parquet(file)
    return file.getvalue()


def lying_zip() -> bytes:
    """Return a zip whose directory says 4 bytes of a file of a million."""
    raw = bytearray(zip_of(**{"a/1.png": bytes(1_000_000)}))
    place = raw.rindex(b"PK\x01\x02") + 24
    raw[place : place + 4] = (4).to_bytes(4, "little")
    return bytes(raw)


BROKEN = {
    "empty": (b"", "empty"),
    "blank lines": (b"\n\n\n", "empty"),
    "names alone": (b"x,y\n", "no row"),
    "one class": (b"x,y\n" + b"1,a\n2,a\n" * 9, "one class"),
    "ragged": (b"x,y\n1,2\n3\n", r"Line 3 has 1 fields, and the first row has 2"),
    "no target value": (("x,y\n" + GOOD + "7,\n").encode(), "'y' has no value in line 22"),
    "NaN target": (("x,y\n" + GOOD + "7,NaN\n").encode(), "'y' has no value in line 22"),
    "a text among numbers": (("x,y\n" + GOOD + "abc,1\n").encode(), r"Line 22, column 1 \('x'\)"),
    "infinite": (("x,y\n" + GOOD + "inf,1\n").encode(), "Line 22, column 1"),
    "beyond float32": (("x,y\n" + GOOD + "1e39,1\n").encode(), "Line 22, column 1"),
    "names twice": (b"x,x,y\n1,2,a\n3,4,b\n", "Columns 1 and 2 are both named 'x'"),
    "a quote that never ends": (b'x,y\n1,"a\n2,b\n', "Line 2 cannot be read"),
    "too many columns": ((",".join(f"c{i}" for i in range(101)) + "\n").encode(), "max_upload_col"),
    "too many rows": (b"x,y\n" + b"1,a\n2,b\n" * 501, "max_upload_rows = 1,000"),
    "latin-1": ("x,y\n1,é\n2,ä\n".encode("latin-1"), "not utf-8.*encoding=latin-1"),
    "UTF-16 without its mark": ("x,y\n1,a\n".encode("utf-16-le"), "encoding=utf-16"),
    "zero bytes": (b"x,y\n1,a\x00\n2,b\n", "Line 2, column 4 is a zero byte"),
    "as many classes as rows": (b"".join(b"1,n%d\n" % i for i in range(30)), "too many to be"),
    "an ELF": (b"\x7fELF" + bytes(1000), "zero byte|UTF-16"),
    "noise": (bytes(range(128, 256)) * 8, "not utf-8"),
    "a broken gzip": (gzip.compress(b"x,y\n1,2\n")[:-9], "damaged|too soon"),
    "a gzip bomb": (gzip.compress(bytes(6_000_000)), "unpacks to more than 5 times"),
    "a zip bomb": (zip_of(**{"a/1.png": bytes(6_000_000)}), "unpacks to 6,000,000 bytes"),
    "a zip that lies": (lying_zip(), "not as long|damaged|no PNG|cannot be unpacked"),
    "half a zip": (zip_of(**{"a/1.png": PICTURE})[:-30], "zip file cannot be read"),
    "an empty zip": (b"PK\x05\x06" + bytes(18), "empty"),
    "a way out": (zip_of(**{"../../etc/cron.d/x.png": PICTURE}), "leaves the archive"),
    "an absolute way out": (zip_of(**{"/etc/x.png": PICTURE}), "leaves the archive"),
    "a way out by backslashes": (zip_of(**{"a\\..\\..\\x.png": PICTURE}), "leaves the archive"),
    "a drive": (zip_of(**{"C:/x/y.png": PICTURE}), "leaves the archive"),
    "no folder of a class": (zip_of(**{"1.png": PICTURE}), "in no folder of a class"),
    "a huge image": (zip_of(**{"a/1.png": png_that_says(50_000, 50_000)}), "max_upload_pixels"),
    "no image": (zip_of(**{"a/1.png": b"GIF89a" + bytes(99)}), "no PNG or JPEG"),
    "half an image": (
        zip_of(**{"a/1.png": PICTURE[:50], "b/1.png": PICTURE}),
        "cannot be dec|no P",
    ),
    "a program beside images": (zip_of(**{"a/1.png": PICTURE, "a/x.exe": b"MZ"}), "neither PNG"),
    "one class of images": (zip_of(**{"a/1.png": PICTURE, "a/2.png": PICTURE}), "one class"),
    "three tables": (zip_of(**{f"{n}.csv": b"x,y\n" for n in "abc"}), "3 tables"),
    "a zip of nothing known": (zip_of(**{"a.exe": b"MZ"}), "none of what a data set can be"),
    "pickles": (npz(x=np.array([{}, {}], object), y=np.zeros(2)), "unpickled"),
    "an array that lies": (
        npz_of_header("{'descr': '<f8', 'fortran_order': False, 'shape': (900, 900000000), }"),
        "larger than it is",
    ),
    "a header that is a program": (npz_of_header("__import__('os').system('true')"), "cannot be"),
    "no targets": (npz(x=np.zeros((4, 2))), "needs an array named y"),
    "unequal lengths": (npz(x=np.zeros((4, 2)), y=np.zeros(3)), "4 inputs and 3 targets"),
    "infinite arrays": (npz(x=np.array([[np.inf], [1]]), y=np.array([0, 1])), "no finite number"),
    "no pixels": (npz(x=np.full((4, 2, 2), 0.5), y=np.array([0, 1, 0, 1])), "not pixels"),
    "five axes": (npz(x=np.zeros((4, 1, 1, 1, 1)), y=np.zeros(4)), "5 axes"),
    "half a parquet": (parquet({"x": [1, 2], "y": [0, 1]})[:-9], "Parquet file cannot be read"),
    "lists in a parquet": (parquet({"x": [[1], [2]], "y": [0, 1]}), "values of the type list"),
    "one IDX": (idx(np.zeros((3, 4, 4))), "two, images and labels"),
    "IDX without labels": (zip_of(**{"images-idx3-ubyte": idx(np.zeros((3, 4, 4)))}), "labels for"),
    "IDX that lies": (
        zip_of(
            **{
                "images-idx3-ubyte": idx(np.zeros((3, 4, 4)))[:-5],
                "labels-idx1-ubyte": idx(np.zeros(3)),
            }
        ),
        "its head says 48",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_or_hostile_file_is_refused_with_a_sentence(tmp_path, name):
    content, sentence = BROKEN[name]
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(FileError, match=sentence):
        parse(path, FileMeaning(), LIMITS, tmp_path / "output")
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("meaning", "sentence"),
    [
        ({"target": "z"}, "'z' is not a known column"),
        ({"leave_out": ["q"]}, "'q' is not a known column"),
        ({"leave_out": ["y"]}, "target 'y' cannot be left out"),
        ({"leave_out": ["x"]}, "No column is left"),
        ({"split_column": "x", "target": "y"}, "No column is left"),
        ({"image_shape": "2x2"}, "needs 4 columns"),
        ({"test_share": 0.99}, "training part has no row"),
    ],
)
def test_a_wrong_meaning_is_refused_at_its_parameter(tmp_path, meaning, sentence):
    path = tmp_path / "file"
    path.write_text("x,y\n" + GOOD)
    with pytest.raises(FileError, match=sentence) as refused:
        parse(path, FileMeaning(**meaning), LIMITS, tmp_path / "output")
    assert refused.value.location[1] in {*meaning, "stratified"}


@pytest.mark.parametrize("shape", ["5x4x4", "2x4x4", "0x0", "0x8", "99999x99999"])
def test_a_shape_that_no_image_has_is_refused_at_its_parameter(tmp_path, shape):
    path = tmp_path / "file"
    path.write_bytes(
        zip_of(**{f"{name}/{number}.png": PICTURE for name in "ab" for number in "12"})
    )
    with pytest.raises(FileError, match=f"image_shape is {shape}") as refused:
        parse(path, FileMeaning(image_shape=shape), LIMITS, tmp_path / "output")
    assert refused.value.location == ("query", "image_shape")


def test_a_number_has_no_underscores(tmp_path):
    """Python reads 1_000 as a thousand; spreadsheets and pandas read a text."""
    path = tmp_path / "file"
    path.write_text("x,y\n" + GOOD + "1_000,1\n")
    with pytest.raises(FileError, match=r"Line 22, column 1 .*'1_000' is not a number"):
        parse(path, FileMeaning(), LIMITS, tmp_path / "output")


def apart(path: Path, limits: FileLimits):
    return asyncio.run(parse_apart(path, FileMeaning(), limits, path.with_name("output")))


def test_a_parse_that_needs_too_much_memory_harms_nobody(tmp_path):
    images = {f"{'ab'[n % 2]}/{n}.png": png(np.zeros((1000, 1000), np.uint8)) for n in range(400)}
    path = zipped(tmp_path / "large.zip", images)
    limits = FileLimits(upload_memory_bytes=600_000_000)
    with pytest.raises(FileError, match="upload_memory_bytes") as refused:
        apart(path, limits)
    assert refused.value.too_large
    assert [found.name for found in tmp_path.iterdir()] == ["large.zip"]


def test_a_parse_that_takes_too_long_is_ended(tmp_path):
    (tmp_path / "file").write_text("x,y\n" + GOOD)
    with pytest.raises(FileError, match=r"upload_seconds = 0\.01"):
        apart(tmp_path / "file", FileLimits(upload_seconds=0.01))


def test_the_parsing_process_has_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("ACTINIUM_DATABASE_URL", "postgresql://secret")
    (tmp_path / "file").write_text("x,y\n" + GOOD)
    spy = tmp_path / "spy"
    spy.mkdir()
    (spy / "sitecustomize.py").write_text(
        "import json, os\n"
        f"with open({str(tmp_path / 'seen')!r}, 'w') as seen: json.dump(dict(os.environ), seen)"
    )
    monkeypatch.syspath_prepend(str(spy))
    assert apart(tmp_path / "file", FileLimits()).task == "binary"
    assert not [name for name in json.loads((tmp_path / "seen").read_text()) if "ACTINIUM" in name]
