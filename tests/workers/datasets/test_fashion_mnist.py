"""Fashion-MNIST: from a folder, from a mirror, and the error when there is neither."""

import gzip
import hashlib
import socket
import struct
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from service.specs.choices import choice
from workers.datasets import mirrors
from workers.datasets.dataset import DatasetError
from workers.datasets.fashion_mnist import CHECKSUMS, fashion_mnist
from workers.datasets.loading import load


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def idx(values):
    sizes = struct.pack(f">{values.ndim}I", *values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.tobytes()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """The user's cache, empty; and no proxy between this test and its own servers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache" / "actinium" / "fashion_mnist"


@pytest.fixture
def arrays():
    numbers = np.random.default_rng(3)
    return {
        "train-images-idx3-ubyte": numbers.integers(0, 256, (20, 28, 28), np.uint8),
        "train-labels-idx1-ubyte": numbers.integers(0, 10, 20, np.uint8),
        "t10k-images-idx3-ubyte": numbers.integers(0, 256, (8, 28, 28), np.uint8),
        "t10k-labels-idx1-ubyte": numbers.integers(0, 10, 8, np.uint8),
    }


@pytest.fixture
def published(tmp_path, arrays):
    """A folder of small files as a mirror holds them."""
    folder = tmp_path / "published"
    folder.mkdir()
    for name, values in arrays.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx(values)))
    return folder


@pytest.fixture
def checksums(published):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in published.iterdir()
    }


@pytest.fixture
def serve():
    """Serve folders over HTTP on loopback; gives each one's address."""
    servers = []

    def start(folder):
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def unreachable():
    """Two addresses nobody listens at."""
    with socket.socket() as first, socket.socket() as second:
        for server in (first, second):
            server.bind(("127.0.0.1", 0))
        yield [f"http://127.0.0.1:{server.getsockname()[1]}/" for server in (first, second)]


def read(folder, mirrors, checksums, train_size=20, test_size=8):
    return fashion_mnist(
        folder,
        train_size=train_size,
        test_size=test_size,
        mirrors=mirrors,
        checksums=checksums,
    )


def test_it_is_fetched_once_and_kept(tmp_path, published, checksums, serve, unreachable, arrays):
    folder = tmp_path / "data"
    fetched = read(folder, [serve(published)], checksums, train_size=15)
    np.testing.assert_array_equal(
        fetched.train_inputs, arrays["train-images-idx3-ubyte"][:15, np.newaxis]
    )
    np.testing.assert_array_equal(fetched.train_labels, arrays["train-labels-idx1-ubyte"][:15])
    np.testing.assert_array_equal(fetched.test_labels, arrays["t10k-labels-idx1-ubyte"])
    # Nothing but the four files is left behind, and they are those of the mirror.
    assert {path.name for path in (folder / "fashion_mnist").iterdir()} == set(checksums)
    kept = read(folder, unreachable, checksums)
    np.testing.assert_array_equal(kept.test_inputs, arrays["t10k-images-idx3-ubyte"][:, np.newaxis])


def test_files_put_by_hand_need_no_mirror(tmp_path, published, checksums, unreachable):
    published.rename(tmp_path / "fashion_mnist")
    assert len(read(tmp_path, unreachable, checksums).train_labels) == 20


def test_a_folder_that_cannot_be_written_leads_to_the_cache(
    tmp_path, published, checksums, serve, unreachable, cache
):
    folder = tmp_path / "data"
    folder.write_text("a file, so that nobody can make a folder in it")
    read(folder, [serve(published)], checksums)
    assert {path.name for path in cache.iterdir()} == set(checksums)
    assert len(read(folder, unreachable, checksums).train_labels) == 20


def test_it_is_read_though_it_can_be_kept_nowhere(tmp_path, published, checksums, serve, cache):
    folder = tmp_path / "data"
    for blocked in (folder, cache.parents[1]):
        blocked.write_text("a file, so that nobody can make a folder in it")
    assert len(read(folder, [serve(published)], checksums).train_labels) == 20


def test_offline_the_error_says_where_the_files_can_be_put(tmp_path, checksums, unreachable):
    with pytest.raises(DatasetError) as refusal:
        read(tmp_path, unreachable, checksums)
    said = str(refusal.value)
    assert f"put its 4 files into {tmp_path / 'fashion_mnist'}" in said
    for mirror in unreachable:
        assert f"{mirror} (" in said
    assert "refused" in said
    assert said.count(". ") == 0
    assert not (tmp_path / "fashion_mnist").exists()


def test_a_mirror_of_other_files_is_passed_over(
    tmp_path, published, checksums, serve, arrays, unreachable
):
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for name in checksums:
        (damaged / name).write_bytes(gzip.compress(b"another file"))
    empty = tmp_path / "empty"
    empty.mkdir()
    bad = [unreachable[0], serve(empty), serve(damaged)]
    good = read(tmp_path / "data", [*bad, serve(published)], checksums)
    np.testing.assert_array_equal(good.train_labels, arrays["train-labels-idx1-ubyte"])
    with pytest.raises(DatasetError, match=r"404.*sha256 is not the one expected"):
        read(tmp_path / "other", bad, checksums)
    assert not (tmp_path / "other").exists()


def test_a_silent_mirror_is_left_in_time(tmp_path, published, checksums, serve, monkeypatch):
    monkeypatch.setattr(mirrors, "SILENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        addresses = [f"http://127.0.0.1:{silent.getsockname()[1]}/", serve(published)]
        assert len(read(tmp_path / "data", addresses, checksums).train_labels) == 20


def test_a_mirror_that_never_ends_is_left(tmp_path, published, checksums, serve, monkeypatch):
    monkeypatch.setattr(mirrors, "LARGEST_FILE_BYTES", 50)
    with pytest.raises(DatasetError, match="larger than any file"):
        read(tmp_path / "data", [serve(published)], checksums)
    monkeypatch.undo()
    monkeypatch.setattr(mirrors, "FILE_SECONDS", -1.0)
    with pytest.raises(DatasetError, match="not done after"):
        read(tmp_path / "data", [serve(published)], checksums)


def test_a_damaged_file_is_refused_and_named(tmp_path, published, checksums, unreachable):
    published.rename(tmp_path / "fashion_mnist")
    path = tmp_path / "fashion_mnist" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DatasetError) as refusal:
        read(tmp_path, unreachable, checksums)
    for part in (str(path), "damaged", checksums[path.name], "delete it to have it fetched"):
        assert part in str(refusal.value)


def test_the_published_checksums_stand_behind_the_name(tmp_path, published):
    published.rename(tmp_path / "fashion_mnist")
    with pytest.raises(DatasetError, match=CHECKSUMS["train-images-idx3-ubyte.gz"]):
        load(choice("dataset", "fashion_mnist"), tmp_path)
