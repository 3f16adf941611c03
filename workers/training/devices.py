"""Devices: where a run trains, and what about it decides the last bits of its numbers."""

import ctypes
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

#: mallopt's names for the size from which a block is mapped on its own, and for how much may be
#: free at the heap's end before it goes back to the kernel; malloc.h of the GNU C library.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_LARGEST_BLOCK, _MOST_KEPT = 2**30, 2**31 - 1


class DeviceError(Exception):
    """The device asked for is not here."""


def choose(requested: str) -> torch.device:
    """Give the device for ``auto`` (CUDA where there is one), ``cpu`` or ``cuda``.

    Raises:
        DeviceError: CUDA was asked for and this process sees no such device.
    """
    available = torch.cuda.is_available()
    if requested == "cuda" and not available:
        raise DeviceError(
            "The run asks for CUDA and this worker sees no CUDA device. Start a worker on a "
            "machine with one, or submit with device auto or cpu."
        )
    return torch.device("cuda" if available and requested != "cpu" else "cpu")


def prepare(device: torch.device, threads: int | None = None) -> None:
    """Set this process up so that a run gives the same bits each time.

    Settings are the process's, not the run's: float32 products in full precision (no TF32),
    deterministic kernels, and on a CPU the number of threads, which decides the order of sums.
    ``threads`` None leaves that number as it is.
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
    """Let the allocator keep what one step frees for the next; what the last run left goes back.

    Left to itself, glibc gives memory back at the end of a step, and the kernel clears the same
    pages again in the next. By the chance of the heap's layout that is nothing, or 12,000 page
    faults a step: measured with mnist_cnn, 4 to 9% of a first epoch and up to 15% of a later one.
    Where the C library is another, nothing changes.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt") and hasattr(library, "malloc_trim"):
        library.mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK)
        library.mallopt(_TRIM_THRESHOLD, _MOST_KEPT)
        library.malloc_trim(0)


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that the device, or this machine, has no memory left.

    Torch says so of a CPU by the words of its allocator only.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)


def describe(device: torch.device) -> dict[str, Any]:
    """Describe the engine a run trains on, as JSON to be recorded with it.

    Runs of one configuration and seed agree bit for bit where these agree.
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
    """Give the processor's model name, which Python itself does not tell on Linux."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
