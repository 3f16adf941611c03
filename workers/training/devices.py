"""Devices: where a run trains, and the settings that decide the last bits of its numbers."""

import ctypes
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

#: Parameters of mallopt (malloc.h of the GNU C library): the size from which a block is mapped on
#: its own, and how much may be free at the end of the heap before it goes back to the kernel.
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
_LARGEST_BLOCK_BYTES, _MOST_KEPT_BYTES = 2**30, 2**31 - 1


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


def prepare(device: torch.device, threads: int | None = None) -> None:
    """Set up this process so that a run gives the same bits each time.

    For the whole process: float32 products in full precision (no TF32), deterministic kernels, and
    on a CPU the number of threads, which decides the order of sums.

    Args:
        device: where the run trains.
        threads: on a CPU; None leaves the number as it is.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    _keep_memory()
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False


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

    Runs of one configuration and seed agree bit for bit if their engines agree.
    """
    engine: dict[str, Any] = {
        "device": device.type,
        "name": _processor(),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "precision": "float32",
    }
    if device.type == "cuda":
        engine["name"] = torch.cuda.get_device_name(device)
        engine["cuda"] = torch.version.cuda
    return engine


def _processor() -> str:
    """Return the processor's model name, which Python's ``platform`` does not know on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
