"""How fast each library at hand multiplies float32 and bfloat16 numbers on this processor.

    python -m benchmarks.training.products [--rounds 5]

One thread, processor time, each way in turn, the best of the rounds: others share the processor.
Ways: torch.mm and F.linear (MKL), torch.baddbmm (MKL, batched), torch's oneDNN linear
(``torch.ops.mkldnn._linear_pointwise``, with the weight as it is and packed beforehand), numpy
(OpenBLAS) one by one and batched, a convolution (oneDNN), and bfloat16 as this project multiplies
it (``workers.nn.products``) and as torch's own kernels do. Prints GFLOP/s by shape, and the fastest
float32 way: what this processor reaches.
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.options import program
from workers.training import devices

#: Samples, inputs and units: a layer of mnist_cnn, of mlps, and a square product.
SHAPES = ((128, 9216, 128), (128, 784, 128), (128, 128, 128), (1024, 1024, 1024))
_TURN_SECONDS = 0.03
_MEMBERS = 8

Ways = dict[str, tuple[Callable[[], Any], float]]


def ways(samples: int, inputs: int, units: int) -> Ways:
    """Return each way to multiply a shape, by its name, with its floating-point operations."""
    x, weight, bias = torch.randn(samples, inputs), torch.randn(units, inputs), torch.randn(units)
    work = 2.0 * samples * inputs * units
    narrow_x, narrow_weight = x.bfloat16(), weight.bfloat16()
    products = devices.products_of("bfloat16", torch.device("cpu"))
    many = [torch.randn(_MEMBERS, *shape) for shape in ((samples, inputs), (inputs, units))]
    room = torch.randn(_MEMBERS, 1, units)
    array_x, array_weight = x.numpy(), np.ascontiguousarray(weight.numpy().T)
    arrays = [each.numpy() for each in many]
    array_room = np.empty((_MEMBERS, samples, units), np.float32)
    packed = torch.ops.mkldnn._reorder_linear_weight(weight, samples)
    onednn = torch.ops.mkldnn._linear_pointwise
    return {
        "torch.mm": (lambda: torch.mm(x, weight.T), work),
        "F.linear": (lambda: F.linear(x, weight, bias), work),
        "baddbmm": (lambda: torch.baddbmm(room, *many), _MEMBERS * work),
        "oneDNN linear": (lambda: onednn(x, weight, bias, "none", [], ""), work),
        "oneDNN linear, packed": (lambda: onednn(x, packed, bias, "none", [], ""), work),
        "numpy (OpenBLAS)": (lambda: array_x @ array_weight, work),
        "numpy, batched": (lambda: np.matmul(*arrays, out=array_room), _MEMBERS * work),
        "bfloat16 here": (lambda: products.linear(x, weight, bias), work),
        "bfloat16 by torch": (lambda: narrow_x @ narrow_weight.T, work),
    }


def convolutions() -> Ways:
    """Return conv_2 of mnist_cnn on 32 samples, both passes."""
    x = torch.randn(32, 32, 26, 26).contiguous(memory_format=torch.channels_last).requires_grad_()
    weight = torch.randn(64, 32, 3, 3).contiguous(memory_format=torch.channels_last)
    weight.requires_grad_()
    y = F.conv2d(x, weight)
    upstream = torch.randn_like(y)
    work = 2.0 * y.numel() * 32 * 9

    def backward() -> Any:
        return torch.autograd.grad(y, [x, weight], upstream, retain_graph=True)

    return {
        "oneDNN convolution": (lambda: F.conv2d(x.detach(), weight.detach()), work),
        "oneDNN convolution, backward": (backward, 2 * work),
    }


def rates(measured: Ways, rounds: int) -> dict[str, float]:
    """Return the GFLOP/s of each way, the best of rounds in turns."""
    best = dict.fromkeys(measured, 0.0)
    times = {name: _repetitions(call) for name, (call, _) in measured.items()}
    for _ in range(rounds):
        for name, (call, work) in measured.items():
            begun = time.process_time()
            for _ in range(times[name]):
                call()
            took = time.process_time() - begun
            best[name] = max(best[name], times[name] * work / took / 1e9)
    return best


def _repetitions(call: Callable[[], Any]) -> int:
    """Return how often a turn calls a way, which is called twice for that."""
    call()
    begun = time.process_time()
    call()
    return math.ceil(_TURN_SECONDS / max(time.process_time() - begun, 1e-6))


def measured(rounds: int) -> dict[str, dict[str, float]]:
    """Return the GFLOP/s of each way, by shape."""
    found = {str(shape): rates(ways(*shape), rounds) for shape in SHAPES}
    return found | {"conv_2": rates(convolutions(), rounds)}


def table(rounds: int) -> Iterator[str]:
    """Yield the rows of the table, and the peak."""
    found = measured(rounds)
    names = list(dict.fromkeys(name for column in found.values() for name in column))
    yield f"| GFLOP/s | {' | '.join(found)} |"
    yield "|---" * (len(found) + 1) + "|"
    for name in names:
        cells = [f"{column[name]:.0f}" if name in column else "" for column in found.values()]
        yield f"| {name} | {' | '.join(cells)} |"
    plain = {
        (name, shape): rate
        for shape, column in found.items()
        for name, rate in column.items()
        if "bfloat16" not in name
    }
    (name, shape), rate = max(plain.items(), key=lambda item: item[1])
    yield f"reached in float32: {rate:.0f} GFLOP/s, {name}, {shape}"


def main() -> None:
    """Measure and print."""
    parser = program("benchmarks.training.products", __doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    devices.prepare(torch.device("cpu"), 1)
    print(*table(options.rounds), sep="\n")


if __name__ == "__main__":
    main()
