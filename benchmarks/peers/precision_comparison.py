"""bfloat16 against Keras on TensorFlow, in float32 and in its policy mixed_bfloat16.

The sides take turns, as in ``benchmarks.peers.keras_comparison``. The targets are those of a
processor with instructions for bfloat16; elsewhere products are emulated, and no target is held.
Before it come the rates that the libraries at hand reach (``benchmarks.training.products``), and
after it a pack against the same run alone in float32, both ours (``benchmarks.training.packs``).
"""

import os
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.http.serving import Service
from benchmarks.peers import keras_comparison
from benchmarks.peers.environments import PeerError, interpreter
from benchmarks.peers.keras_comparison import RECIPE, Keras, Sizes
from benchmarks.table import Row, faster
from benchmarks.training import packs, products
from workers.training import devices

_POLICIES = {"float32": 2.4, "mixed_bfloat16": 1.4}
_LEAST_IN_A_QUEUE = 3.0
_LEAST_IN_A_PACK = 2.5
_MEMBERS = 16


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure the rates of products, one run, a queue, and a pack."""
    devices.prepare(torch.device("cpu"), 1)
    for shape, rates in products.measured(rounds=3).items():
        shown = ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
        yield Row(f"GFLOP/s of one thread, {shape}", shown)
    keras: Keras
    try:
        keras = interpreter("keras")
    except PeerError as error:
        keras = error
    native = devices.multiplies_bfloat16()
    yield from _one_run(keras, sizes, native=native)
    least = _LEAST_IN_A_QUEUE if native else None
    yield keras_comparison.queue(keras, sizes, precision="bfloat16", least=least)
    yield _pack(native=native)


def _pack(*, native: bool) -> Row:
    alone, packed = packs.in_bfloat16(_MEMBERS, rounds=5)
    what = f"{_MEMBERS} mlps of 128-128 on mnist in one pack in bfloat16{_how(native=native)}"
    what += ", an epoch of one in processor time; one alone in float32"
    return faster(what, packed, alone, "s", _LEAST_IN_A_PACK if native else None)


def _how(*, native: bool) -> str:
    return "" if native else ", emulated"


def _one_run(keras: Keras, sizes: Sizes, *, native: bool) -> list[Row]:
    threads = os.cpu_count() or 1
    dataset = keras_comparison.sample(sizes.images)
    spec = RECIPE | {"dataset": dataset, "epochs": 2, "precision": "bfloat16"}
    ours: list[float] = []
    theirs: dict[str, list[float]] = {policy: [] for policy in _POLICIES}
    with Service() as service:
        service.api()
        service.worker()
        for seed in range(sizes.rounds):
            _, (run_id,) = keras_comparison.trained(service, spec | {"seeds": [seed]})
            ours.append(keras_comparison.epoch_seconds(service, run_id)[-1])
            for policy in _POLICIES if isinstance(keras, Path) else ():
                answer = keras_comparison.in_keras_run(keras, seed, sizes.images, threads, policy)
                theirs[policy].append(answer[-1]["seconds"])
    return [
        faster(
            f"one mnist_cnn run in bfloat16{_how(native=native)}, seconds of an epoch; "
            f"Keras in {policy}",
            ours,
            theirs[policy] or str(keras),
            "s",
            least if native else None,
        )
        for policy, least in _POLICIES.items()
    ]
