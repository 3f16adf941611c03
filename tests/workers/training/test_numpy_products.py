"""Runs whose large products go through numpy: their bits, and on which processors they do."""

import pytest
import torch
from threadpoolctl import threadpool_info

from tests.support.packed_training import (
    CPU,
    VARIED,
    metrics_and_states,
    metrics_from,
    runs_of,
    trained,
)
from workers.nn import numpy_products
from workers.training import devices, solo
from workers.training.jobs import create_job
from workers.training.packed.training import PackedTraining
from workers.training.results import Pulse

ZEN_5 = {"vendor_id": ["AuthenticAMD"], "cpu family": ["26"], "kernels": "Cooperlake"}
OTHERS = {
    "Zen 4": ZEN_5 | {"cpu family": ["25"]},
    "OPENBLAS_CORETYPE=Haswell": ZEN_5 | {"kernels": "Haswell"},
    "Intel": ZEN_5 | {"vendor_id": ["GenuineIntel"]},
    "no /proc/cpuinfo": {"kernels": "SkylakeX"},
}


@pytest.fixture
def by_numpy(monkeypatch):
    """Every product goes through numpy, as large ones do on some processors."""
    monkeypatch.setattr(devices, "is_faster_by_numpy", lambda: True)
    monkeypatch.setattr(numpy_products, "LEAST", 0)
    monkeypatch.setattr(numpy_products, "LEAST_OF_A_MEMBER", 0)
    devices.prepare(CPU, 1)


@pytest.mark.parametrize("form", ["solo", "batched"])
def test_a_run_goes_on_from_a_checkpoint_with_the_same_bits(by_numpy, monkeypatch, form):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    (run,), data = runs_of({"seeds": [3], "epochs": 3, "optimizer": "adam"})
    found, states = metrics_and_states(form, run, data)
    for state in (states[1], states[-1]):
        left = metrics_from(state, form, run, data)
        assert left == found[-len(left) :]


@pytest.mark.parametrize("name", VARIED)
def test_no_bit_of_a_member_depends_on_its_pack(by_numpy, name):
    runs, data = runs_of(VARIED[name])
    packed = trained(PackedTraining(runs, data, CPU))
    for member, run in list(enumerate(runs))[:: len(runs) - 1]:
        assert trained(PackedTraining([run], data, CPU))[0] == packed[member]


@pytest.mark.parametrize("form", ["solo", "batched"])
def test_both_libraries_train_alike(monkeypatch, by_numpy, form):
    (run,), data = runs_of({"seeds": [3], "model": {"name": "mlp", "hidden_units": [200, 100]}})
    losses = []
    for numpy_is_faster in (True, False):
        monkeypatch.setattr(devices, "is_faster_by_numpy", lambda is_so=numpy_is_faster: is_so)
        job = create_job(form, [run], data, CPU)
        items = [item for item in job.run() if not isinstance(item, Pulse)]
        losses.append([item[0].metrics["loss"] for item in items])
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def of_processor(monkeypatch, fields):
    monkeypatch.setattr(devices, "_cpu_lines", lambda name: fields.get(name, []))
    monkeypatch.setattr(devices, "_numpy_kernels", lambda: fields["kernels"])
    return devices.is_faster_by_numpy.__wrapped__()


def test_numpy_multiplies_on_amd_processors_from_zen_5_on(monkeypatch):
    assert of_processor(monkeypatch, ZEN_5)
    assert of_processor(monkeypatch, ZEN_5 | {"cpu family": ["27", "27"]})


@pytest.mark.parametrize("fields", OTHERS.values(), ids=OTHERS)
def test_torch_multiplies_on_others(monkeypatch, fields):
    assert not of_processor(monkeypatch, fields)


def test_numpy_multiplies_float32_on_a_cpu_with_one_or_two_threads(by_numpy):
    assert devices.products_of("float32", CPU).by_numpy
    assert not devices.products_of("bfloat16", CPU).by_numpy
    assert not devices.products_of("float32", torch.device("cuda")).by_numpy
    for threads, through_numpy in ((2, True), (3, False), (1, True)):
        devices.prepare(CPU, threads)
        assert devices.products_of("float32", CPU).by_numpy is through_numpy


def test_the_engine_says_so_with_numpys_kernels(monkeypatch, by_numpy):
    libraries = (one for one in threadpool_info() if one["internal_api"] == "openblas")
    (kernels,) = {one["architecture"] for one in libraries}  # scipy may have brought another copy
    assert devices.describe(CPU)["dense_products"] == f"numpy, kernels of {kernels}"
    monkeypatch.setattr(devices, "is_faster_by_numpy", lambda: False)
    assert "dense_products" not in devices.describe(CPU)
