"""Devices: where a run trains, and the settings that decide the last bits of its numbers."""

import ctypes
import os
import platform
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from workers.nn import kernels, onednn_products
from workers.nn.products import PRECISIONS, Products

#: Parameters of mallopt (malloc.h of the GNU C library): the size from which a block is mapped on
#: its own, and how much may be free at the end of the heap before it goes back to the kernel.
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
_LARGEST_BLOCK_BYTES, _MOST_KEPT_BYTES = 2**30, 2**31 - 1

#: What Linux calls the instructions that multiply bfloat16 numbers: of x86 processors, and of ARM.
_BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})

#: The first family of AMD processors (Zen 5) on which other libraries multiply faster than MKL.
_FIRST_FAMILY_MKL_IS_SLOW_ON = 26

#: What OpenBLAS calls its kernels that use AVX-512. OPENBLAS_CORETYPE may have named others.
_KERNELS_BY_NUMPY = frozenset({"SkylakeX", "Cooperlake", "SapphireRapids"})

#: With more threads torch is the faster one, since numpy multiplies with one (``prepare``).
_MOST_THREADS_BY_NUMPY = 2


class DeviceError(Exception):
    """The requested device is not on this machine."""


def choose(requested: str) -> torch.device:
    """Return the device for ``auto`` (CUDA if there is one), ``cpu`` or ``cuda``.

    Raises:
        DeviceError: CUDA was requested and this process sees no such device.
    """
    available = torch.cuda.is_available()
    if requested == "cuda" and not available:
        raise DeviceError(
            "The run asks for CUDA and this worker sees no CUDA device. Start a worker on a "
            "machine with one, or submit with device auto or cpu."
        )
    return torch.device("cuda" if available and requested != "cpu" else "cpu")


def own_bytes(device: torch.device) -> int:
    """Return the size of a device's own memory; 0 of a CPU, which uses the machine's."""
    if device.type == "cpu":
        return 0
    return int(torch.cuda.get_device_properties(device).total_memory)


def prepare(device: torch.device, threads: int | None = None, precision: str = "float32") -> None:
    """Set up this process so that a run gives the same bits each time.

    For the whole process: float32 products in full precision unless the precision is tf32,
    deterministic kernels, and on a CPU the number of threads, which decides the order of sums.
    Numpy multiplies with one thread: several spin while they wait, on the cores that torch's need.
    Networks may use compiled kernels, which change no bits.

    Args:
        device: where the run trains.
        threads: on a CPU; None leaves the number as it is.
        precision: of the run's products.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    threadpool_limits(1, user_api="blas")  # numpy's
    _keep_memory()
    kernels.lend(_compiled_kernels)
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = precision == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
        # Sums of narrow products stay float32, whatever the order of their parts.
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
        torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False


def _compiled_kernels() -> kernels.Kernels:
    from workers.training import compiled  # noqa: PLC0415 - not in processes that need none

    return compiled


def products_of(precision: str, device: torch.device) -> Products:
    """Return how a run of this precision multiplies on a device.

    It depends on the device, its processor and the threads only, and is recorded in the engine.
    """
    if device.type != "cpu":
        return Products(PRECISIONS[precision])
    if precision == "float32":
        few = torch.get_num_threads() <= _MOST_THREADS_BY_NUMPY
        return Products(
            by_onednn=is_faster_by_onednn(),
            packs_by_numpy=few and packs_are_faster_by_numpy(),
            biases_by_sums=is_faster_by_onednn(),
        )
    native = precision == "bfloat16" and multiplies_bfloat16()
    return Products(PRECISIONS[precision], native)


@cache
def is_faster_by_onednn() -> bool:
    """Whether oneDNN multiplies large float32 matrices faster than MKL on this processor.

    On AMD processors whose AVX-512 is as wide as its name says (family 26, Zen 5, and later): MKL
    does not use it there, and oneDNN does. On those before them MKL is as fast as any
    (docs/performance.md).
    """
    return onednn_products.AVAILABLE and _is_slow_with_mkl()


@cache
def packs_are_faster_by_numpy() -> bool:
    """Whether numpy's OpenBLAS multiplies those of packs faster: there, by AVX-512 as well."""
    return _is_slow_with_mkl() and _numpy_kernels() in _KERNELS_BY_NUMPY


def _is_slow_with_mkl() -> bool:
    families = [int(family) for family in _cpu_lines("cpu family") if family.isdigit()]
    amd = "AuthenticAMD" in _cpu_lines("vendor_id")
    return amd and min(families, default=0) >= _FIRST_FAMILY_MKL_IS_SLOW_ON


@cache
def multiplies_bfloat16() -> bool:
    """Whether this machine's processor has instructions that multiply bfloat16 numbers."""
    return not _BFLOAT16_FLAGS.isdisjoint(" ".join(_cpu_lines("flags", "Features")).split())


def _keep_memory() -> None:
    """Make the allocator keep memory between steps, and return what the last run left.

    By default glibc returns memory to the kernel at the end of a step, and the kernel clears the
    same pages again in the next one. Depending on the layout of the heap that costs nothing, or
    12,000 page faults per step: measured with mnist_cnn, 4 to 9% of a first epoch and up to 15% of
    a later one. With another C library nothing changes.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt") and hasattr(library, "malloc_trim"):
        library.mallopt(MMAP_THRESHOLD, _LARGEST_BLOCK_BYTES)
        library.mallopt(TRIM_THRESHOLD, _MOST_KEPT_BYTES)
        library.malloc_trim(0)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the device, or this machine, has no memory left.

    On a CPU torch raises a plain RuntimeError, which only its text tells from others.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)


def describe(device: torch.device) -> dict[str, Any]:
    """Return the engine a run trains on, as plain data to be recorded with it.

    Runs of one configuration and seed agree bit for bit if their engines agree. ``bfloat16`` is how
    products of that precision are computed (``workers.nn.products``): ``native`` or ``emulated``.
    ``products`` says what computes those of float32 numbers where torch's own way is slow
    (``products_of``).
    """
    engine: dict[str, Any] = {
        "device": device.type,
        "name": _processor(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "bfloat16": "native" if products_of("bfloat16", device).native else "emulated",
    }
    if device.type == "cpu" and (others := list(_other_products())):
        engine["products"] = "; ".join(others)
    if device.type == "cuda":
        engine["name"] = torch.cuda.get_device_name(device)
        engine["cuda"] = torch.version.cuda
    return engine


def _other_products() -> Iterator[str]:
    if is_faster_by_onednn():
        yield "large ones by oneDNN"
        yield "gradients of convolutions' biases as sums"
    if packs_are_faster_by_numpy():
        yield f"in packs numpy, kernels of {_numpy_kernels()}"


def _numpy_kernels() -> str:
    """Return the processor whose kernels numpy's OpenBLAS uses."""
    libraries = threadpool_info()
    return next((one["architecture"] for one in libraries if "architecture" in one), "unknown")


def _processor() -> str:
    """Return the processor's model name, which Python's ``platform`` does not know on Linux."""
    names = _cpu_lines("model name")
    return names[0] if names else platform.processor() or platform.machine()


def _cpu_lines(*fields: str) -> list[str]:
    """Return the values of some fields in /proc/cpuinfo, core after core; none elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(fields)]
