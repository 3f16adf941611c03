"""Choosing and describing devices."""

import ctypes
import json
from types import SimpleNamespace

import pytest
import torch

from workers.training import devices

CUDA = torch.cuda.is_available()


def test_a_cpu_is_always_there():
    assert devices.choose("cpu") == torch.device("cpu")
    assert devices.choose("auto").type == ("cuda" if CUDA else "cpu")


@pytest.mark.skipif(CUDA, reason="needs a machine without CUDA")
def test_cuda_where_there_is_none_is_refused():
    with pytest.raises(devices.DeviceError, match="sees no CUDA device"):
        devices.choose("cuda")


def test_the_description_tells_what_decides_the_last_bits():
    for threads in (1, 2):
        devices.prepare(torch.device("cpu"), threads)
        engine = devices.describe(torch.device("cpu"))
        assert engine["threads"] == threads
        assert engine["device"] == "cpu"
        assert engine["torch"] == torch.__version__
        assert engine["name"]
        assert json.loads(json.dumps(engine)) == engine


def test_threads_stay_where_none_are_asked_for():
    torch.set_num_threads(2)
    devices.prepare(torch.device("cpu"))
    assert torch.get_num_threads() == 2


def test_the_allocator_is_asked_to_keep_the_memory_that_a_step_frees(monkeypatch):
    """`python -m benchmarks.training.step_profile --settings` measures what that is worth."""
    asked = {}
    library = SimpleNamespace(mallopt=asked.__setitem__, malloc_trim=lambda _: 1)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    devices.prepare(torch.device("cpu"))
    assert asked[devices.MMAP_THRESHOLD] == 2**30
    assert asked[devices.TRIM_THRESHOLD] == 2**31 - 1


@pytest.mark.skipif(not CUDA, reason="needs CUDA")
def test_a_run_on_cuda_repeats_its_bits_and_agrees_with_the_cpu(configure):
    from workers.datasets import load
    from workers.training.solo import train

    config = configure(activation="tanh", dropout="none", epochs=2)
    histories = [
        [
            (result.epoch, {**result.metrics, "epoch_seconds": 0})
            for result in train(config, 0, load(config.dataset), torch.device(device))
            if hasattr(result, "metrics")
        ]
        for device in ("cuda", "cuda", "cpu")
    ]
    assert histories[0] == histories[1]
    for on_cuda, on_cpu in zip(histories[0], histories[2], strict=True):
        assert on_cuda[1] == pytest.approx(on_cpu[1], rel=1e-3)
