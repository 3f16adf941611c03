"""The kernels of ``workers.nn.kernels``, compiled by numba.

A kernel compiles in the first process that calls it, which takes a second, and stays on the disk
for others. Importing numba takes 0.3 s, so ``workers.training.devices`` lends this module as a
function that imports it.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir  # a dependency of numba, whose intrinsics are written with it
from numba import types
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from workers.nn.kernels import NOWHERE

#: Philox's multipliers, and what its key grows by in each round.
_TIMES_1, _TIMES_2 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
_PLUS_1, _PLUS_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)

_MAGNITUDE, _INFINITY = np.int16(2**15 - 1), np.int16(0x7F80)


def _compiled(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a kernel, which lets other threads of Python run meanwhile."""
    try:
        return numba.njit(nogil=True, cache=True)(kernel)
    except RuntimeError:  # no folder where a compiled one may stay
        return numba.njit(nogil=True)(kernel)


def _order(number: Any) -> Any:
    """Return what numbers that are not NaN are compared by; for compiled code."""
    raise NotImplementedError


def _is_nan(number: Any) -> bool:
    """Whether a number is NaN; for compiled code."""
    raise NotImplementedError


@overload(_order, inline="always")
def _order_of(number: Any) -> Any:
    def of_float32(number: Any) -> Any:
        return number

    def of_bfloat16(number: Any) -> Any:  # the magnitude's bits, negated by the sign: 0 for -0
        sign = np.int16(number >> np.int16(15))
        return np.int16(np.int16(np.int16(number & _MAGNITUDE) ^ sign) - sign)

    return of_float32 if isinstance(number, types.Float) else of_bfloat16


@overload(_is_nan, inline="always")
def _is_nan_of(number: Any) -> Any:
    def of_float32(number: Any) -> Any:
        return np.isnan(number)

    def of_bfloat16(number: Any) -> Any:
        return np.int16(number & _MAGNITUDE) > _INFINITY

    return of_float32 if isinstance(number, types.Float) else of_bfloat16


@_compiled
def pool(x: NDArray[Any], y: NDArray[Any], at: NDArray[np.uint8], size: int, relu: bool) -> None:
    samples, rows, columns, channels = y.shape
    for sample in range(samples):
        for row in range(rows):
            for column in range(columns):
                best, place = y[sample, row, column], at[sample, row, column]
                first = x[sample, size * row, size * column]
                for k in range(channels):
                    best[k] = first[k]
                    place[k] = np.uint8(0)
                for position in range(1, size * size):
                    down, right = divmod(position, size)
                    other = x[sample, size * row + down, size * column + right]
                    for k in range(channels):
                        larger = (_order(other[k]) > _order(best[k])) & (not _is_nan(best[k]))
                        taken = larger | _is_nan(other[k])
                        best[k] = other[k] if taken else best[k]
                        place[k] = np.uint8(position) if taken else place[k]
                if relu:
                    zero = x.dtype.type(0)
                    for k in range(channels):
                        off = (_order(best[k]) <= zero) & (not _is_nan(best[k]))
                        best[k] = zero if off else best[k]
                        place[k] = NOWHERE if off else place[k]


@_compiled
def unpool(
    gradient: NDArray[Any], at: NDArray[np.uint8], whole: NDArray[Any], size: int, nothing: Any
) -> None:
    samples, rows, columns, channels = gradient.shape
    for sample in range(samples):
        for row in range(rows):
            for column in range(columns):
                passed, place = gradient[sample, row, column], at[sample, row, column]
                for position in range(size * size):
                    down, right = divmod(position, size)
                    into = whole[sample, size * row + down, size * column + right]
                    for k in range(channels):
                        into[k] = passed[k] if place[k] == np.uint8(position) else nothing


def _upper_half(_context: Any, x: Any, y: Any) -> Any:
    """Return the upper half of a product of two 64-bit numbers; for compiled code."""

    def build(_: Any, builder: Any, _signature: Any, factors: Any) -> Any:
        whole = builder.mul(*(builder.zext(factor, ir.IntType(128)) for factor in factors))
        return builder.trunc(builder.lshr(whole, whole.type(64)), ir.IntType(64))

    return types.uint64(x, y), build


_upper: Any = intrinsic(_upper_half)


@_compiled
def draw(
    counters: NDArray[np.uint64], words: NDArray[np.uint64], low: np.uint64, high: np.uint64
) -> None:
    for k in range(len(counters)):
        a, b, c, d = counters[k], np.uint64(0), np.uint64(0), np.uint64(0)
        first, second = low, high
        for _ in range(10):
            a, b, c, d = (
                _upper(_TIMES_2, c) ^ b ^ first,
                _TIMES_2 * c,
                _upper(_TIMES_1, a) ^ d ^ second,
                _TIMES_1 * a,
            )
            first += _PLUS_1
            second += _PLUS_2
        words[k, 0], words[k, 1], words[k, 2], words[k, 3] = a, b, c, d


@_compiled
def drop_float32(
    x: NDArray[np.float32],
    drawn: NDArray[np.uint16],
    y: NDArray[np.float32],
    dropped: int,
    scale: np.float32,
) -> None:
    least = np.uint16(dropped)
    for k in range(len(x)):
        y[k] = x[k] * (scale if drawn[k] >= least else np.float32(0))


@_compiled
def drop_bfloat16(
    x: NDArray[np.int16],
    drawn: NDArray[np.uint16],
    y: NDArray[np.int16],
    dropped: int,
    scale: np.float32,
) -> None:
    least = np.uint16(dropped)
    for k in range(len(x)):
        wide = np.int32(np.int32(x[k]) << np.int32(16)).view(np.float32)
        product = wide * (scale if drawn[k] >= least else np.float32(0))
        bits = np.float32(product).view(np.int32)
        upper = np.int32(bits >> np.int32(16))
        rounded = np.int32(bits + np.int32(0x7FFF) + (upper & np.int32(1)))
        is_nan = np.int32(bits & np.int32(0x7FFFFFFF)) > np.int32(0x7F800000)
        y[k] = np.int16(upper | np.int32(0x40)) if is_nan else np.int16(rounded >> np.int32(16))


@_compiled
def norm(x: NDArray[np.float32]) -> Any:
    whole = len(x) - len(x) % 4
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for k in range(0, whole, 4):
        a += np.float64(x[k]) * np.float64(x[k])  # exact: 48 bits
        b += np.float64(x[k + 1]) * np.float64(x[k + 1])
        c += np.float64(x[k + 2]) * np.float64(x[k + 2])
        d += np.float64(x[k + 3]) * np.float64(x[k + 3])
    total = a + b + c + d
    for k in range(whole, len(x)):
        total += np.float64(x[k]) * np.float64(x[k])
    return np.sqrt(total)


@_compiled
def clamp(x: NDArray[np.float32], threshold: np.float32) -> Any:
    largest = np.int32(0)  # magnitudes in order of their bits, with NaN last
    for k in range(len(x)):
        number = x[k]
        largest = max(largest, np.int32(np.float32(number).view(np.int32) & np.int32(0x7FFFFFFF)))
        number = -threshold if number < -threshold else number
        x[k] = threshold if number > threshold else number
    return np.int32(largest).view(np.float32)
