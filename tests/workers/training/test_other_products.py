"""Runs whose large products go through oneDNN or numpy: their bits, and which processors' do."""

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
from workers.nn import onednn_products
from workers.nn.packed import numpy_products
from workers.nn.products import Products
from workers.training import devices, solo
from workers.training.jobs import create_job
from workers.training.packed.training import PackedTraining
from workers.training.results import Pulse

ZEN_5 = {"vendor_id": ["AuthenticAMD"], "cpu family": ["26"], "kernels": "Cooperlake"}
OTHERS = {
    "Zen 4": ZEN_5 | {"cpu family": ["25"]},
    "Intel": ZEN_5 | {"vendor_id": ["GenuineIntel"]},
    "no /proc/cpuinfo": {"kernels": "SkylakeX"},
}


def on_processor(monkeypatch, *, slow_with_mkl):
    monkeypatch.setattr(devices, "is_faster_by_onednn", lambda: slow_with_mkl)
    monkeypatch.setattr(devices, "packs_are_faster_by_numpy", lambda: slow_with_mkl)


@pytest.fixture
def by_others(monkeypatch):
    """Every product goes through oneDNN, and in packs through numpy, as large ones do on Zen 5."""
    on_processor(monkeypatch, slow_with_mkl=True)
    monkeypatch.setattr(onednn_products, "LEAST", 0)
    monkeypatch.setattr(numpy_products, "LEAST", 0)
    devices.prepare(CPU, 1)


@pytest.mark.parametrize("form", ["solo", "batched"])
def test_a_run_goes_on_from_a_checkpoint_with_the_same_bits(by_others, monkeypatch, form):
    monkeypatch.setattr(solo, "PULSE_SECONDS", 0.0)
    (run,), data = runs_of({"seeds": [3], "epochs": 3, "optimizer": "adam"})
    found, states = metrics_and_states(form, run, data)
    for state in (states[1], states[-1]):
        left = metrics_from(state, form, run, data)
        assert left == found[-len(left) :]


@pytest.mark.parametrize("name", VARIED)
def test_no_bit_of_a_member_depends_on_its_pack(by_others, name):
    runs, data = runs_of(VARIED[name])
    packed = trained(PackedTraining(runs, data, CPU))
    for member, run in list(enumerate(runs))[:: len(runs) - 1]:
        assert trained(PackedTraining([run], data, CPU))[0] == packed[member]


@pytest.mark.parametrize("form", ["solo", "batched"])
def test_all_libraries_train_alike(monkeypatch, by_others, form):
    (run,), data = runs_of({"seeds": [3], "model": {"name": "mlp", "hidden_units": [200, 100]}})
    losses = []
    for slow_with_mkl in (True, False):
        on_processor(monkeypatch, slow_with_mkl=slow_with_mkl)
        job = create_job(form, [run], data, CPU)
        items = [item for item in job.run() if not isinstance(item, Pulse)]
        losses.append([item[0].metrics["loss"] for item in items])
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def of_processor(monkeypatch, fields):
    monkeypatch.setattr(devices, "_cpu_lines", lambda name: fields.get(name, []))
    monkeypatch.setattr(devices, "_numpy_kernels", lambda: fields["kernels"])
    rules = devices.is_faster_by_onednn, devices.packs_are_faster_by_numpy
    return tuple(rule.__wrapped__() for rule in rules)


@pytest.mark.parametrize("families", [["26"], ["27", "27"]])
def test_others_multiply_on_amd_processors_from_zen_5_on(monkeypatch, families):
    assert of_processor(monkeypatch, ZEN_5 | {"cpu family": families}) == (True, True)


def test_kernels_without_avx_512_are_none_for_packs(monkeypatch):
    """OPENBLAS_CORETYPE may have named them."""
    assert of_processor(monkeypatch, ZEN_5 | {"kernels": "Haswell"}) == (True, False)


def test_a_torch_without_the_operation_multiplies_itself(monkeypatch):
    monkeypatch.setattr(onednn_products, "AVAILABLE", False)
    assert of_processor(monkeypatch, ZEN_5) == (False, True)


@pytest.mark.parametrize("fields", OTHERS.values(), ids=OTHERS)
def test_torch_multiplies_on_others(monkeypatch, fields):
    assert of_processor(monkeypatch, fields) == (False, False)


def test_they_multiply_float32_on_a_cpu_and_numpy_with_one_or_two_threads(by_others):
    expected = Products(by_onednn=True, packs_by_numpy=True, biases_by_sums=True)
    assert devices.products_of("float32", CPU) == expected
    for precision, device in (("bfloat16", CPU), ("float32", torch.device("cuda"))):
        products = devices.products_of(precision, device)
        ours = products.by_onednn, products.packs_by_numpy, products.biases_by_sums
        assert not any(ours)
    for threads, by_numpy in ((2, True), (3, False), (1, True)):
        devices.prepare(CPU, threads)
        products = devices.products_of("float32", CPU)
        assert (products.by_onednn, products.packs_by_numpy) == (True, by_numpy)


def test_the_engine_says_so_with_numpys_kernels(monkeypatch, by_others):
    libraries = (one for one in threadpool_info() if one["internal_api"] == "openblas")
    (kernels,) = {one["architecture"] for one in libraries}  # scipy may have brought another copy
    in_packs = f"in packs numpy, kernels of {kernels}"
    alone = "large ones by oneDNN; gradients of convolutions' biases as sums"
    assert devices.describe(CPU)["products"] == f"{alone}; {in_packs}"
    monkeypatch.setattr(devices, "packs_are_faster_by_numpy", lambda: False)
    assert devices.describe(CPU)["products"] == alone
    on_processor(monkeypatch, slow_with_mkl=False)
    assert "products" not in devices.describe(CPU)
