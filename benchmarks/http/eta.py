"""Compare what the service expects with what passed: ten mixed experiments of two callers.

    python -m benchmarks.http.eta [--rounds 2] [--workers 1]

A real API, scheduler and workers on embedded servers of their own, which have trained nothing. The
ten are submitted some seconds apart, so that several wait behind a big one: packs of small mlps,
CNNs that are trained alone, layer statistics of every epoch, no epochs at all. A round trains all
ten; the second has other seeds, when such runs were measured.
Prints how many times what passed was expected: at the submission, when a tenth was trained and when
half was, with the least and the most of each round. A difference of under a second counts as none
(1.00): nobody waits longer or shorter for it.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from benchmarks.http.serving import Service
from benchmarks.options import program
from benchmarks.table import machine
from service import api_keys

_DIGITS = {"dataset": "digits", "batch_size": 32}
_SMALL = _DIGITS | {"model": {"name": "mlp", "hidden_units": [32, 16]}}
_LARGE = {"model": {"name": "mlp", "hidden_units": [400, 300]}}
_CNN = {"model": "mnist_cnn"}

#: Name, caller, seconds before it is submitted, and spec; ``seeds`` is how many.
_EXPERIMENTS: tuple[tuple[str, int, float, dict[str, Any]], ...] = (
    (
        "27 small mlps",
        0,
        0,
        _SMALL | {"epochs": 20, "seeds": 9, "clipping": ["none", "norm", "value"]},
    ),
    (
        "2 CNNs",
        0,
        1,
        _CNN | {"epochs": 4, "seeds": 2, "dataset": {"name": "mnist", "train_size": 1000}},
    ),
    ("3 small mlps, behind", 0, 1, _SMALL | {"epochs": 10, "seeds": 3, "activation": "elu"}),
    ("3 small mlps, another caller", 1, 1, _SMALL | {"epochs": 5, "seeds": 3}),
    ("no epochs", 1, 1, _SMALL | {"epochs": 0, "seeds": 6, "initializer": ["he_normal", "zeros"]}),
    (
        "statistics of every epoch",
        1,
        4,
        _SMALL | {"epochs": 20, "seeds": 3, "layer_statistics": {"every": 1}},
    ),
    ("80 small mlps", 0, 4, _SMALL | {"epochs": 5, "seeds": 40, "activation": ["relu", "tanh"]}),
    (
        "5 large mlps",
        0,
        1,
        _LARGE | {"epochs": 4, "seeds": 5, "dataset": {"name": "mnist", "train_size": 3000}},
    ),
    ("a small one behind the large", 1, 1, _SMALL | {"epochs": 10, "seeds": 1, "dropout": 0.2}),
    (
        "moons",
        1,
        1,
        {
            "dataset": "moons",
            "model": "mlp",
            "epochs": 40,
            "seeds": 4,
            "optimizer": ["sgd", "adam"],
        },
    ),
)
#: What is looked at: the share that is trained.
_SHARES = (0.0, 0.1, 0.5)
_WAIT_SECONDS = 0.15
_CLOSE_SECONDS = 1.0
_LONGEST_SECONDS = 1_800.0


@dataclass
class Watched:
    """An experiment, and what was expected of it when.

    Attributes:
        expected: by the share that was trained: the seconds left, and when that was said.
    """

    name: str
    id: str
    submitted: float
    expected: dict[float, tuple[float, float]] = field(default_factory=dict)
    ended: float | None = None

    def look(self, answer: dict[str, Any]) -> None:
        """Note what an answer expects, at the first that has so much trained."""
        now = time.monotonic()
        if answer["status"] not in {"queued", "running"}:
            self.ended = self.ended or now
            return
        for share in _SHARES:
            is_due = answer["progress"] >= share and share not in self.expected
            if is_due and answer["eta_seconds"] is not None:
                self.expected[share] = (answer["eta_seconds"], now)

    def ratios(self) -> list[float | None]:
        """Return expected over passed, by share; None where it was never seen at one."""
        ended = self.ended or time.monotonic()
        found = (self.expected.get(share) for share in _SHARES)
        return [seen and _ratio(seen[0], ended - seen[1]) for seen in found]


def _ratio(expected: float, passed: float) -> float:
    """Return how many times what passed was expected."""
    return 1.0 if abs(expected - passed) < _CLOSE_SECONDS else expected / passed


def watched(service: Service, tokens: Sequence[str], seed: int) -> Iterator[Watched]:
    """Submit the ten and yield each when it has ended."""
    clients = [
        httpx.Client(base_url=service.url, headers={"authorization": f"Bearer {token}"}, timeout=60)
        for token in tokens
    ]
    began, left = time.monotonic(), list(_EXPERIMENTS)
    due, active = began, list[Watched]()
    while left or active:
        if time.monotonic() > began + _LONGEST_SECONDS:
            raise TimeoutError(f"Not trained: {', '.join(each.name for each in active)}.")
        if left and time.monotonic() >= due + left[0][2]:
            name, caller, _, spec = left.pop(0)
            seeds = [*range(seed, seed + spec["seeds"])]
            body = {"activation": "relu"} | spec | {"seeds": seeds}
            answer = clients[caller].post("/v1/experiments", json=body)
            if not answer.is_success:
                raise RuntimeError(f"{name}: {answer.status_code} {answer.text}")
            due = time.monotonic()
            made = answer.json()
            active.append(Watched(name, made["id"], due))
            active[-1].look(made)
        found = clients[0].get("/v1/experiments?limit=50").json()["items"]
        by_id = {each["id"]: each for each in found}
        for each in list(active):
            each.look(by_id[each.id])
            if each.ended is not None:
                active.remove(each)
                yield each
        time.sleep(_WAIT_SECONDS)
    for client in clients:
        client.close()


def _line(each: Watched) -> str:
    passed = (each.ended or 0) - each.submitted
    cells = ("-" if ratio is None else f"{ratio:.2f}" for ratio in each.ratios())
    return f"| {each.name} | {passed:.1f} | {' | '.join(cells)} |"


def measure(rounds: int, workers: int) -> list[list[Watched]]:
    """Train the ten some times over, and print a table of each round."""
    done = []
    with Service() as service:
        with service.store.sessions() as session:
            keys = [
                api_keys.create(session, name=name, scopes=["admin"]) for name in ("ada", "bob")
            ]
        service.api()
        service.scheduler()
        for number in range(workers):
            service.worker(f"cpu-{number + 1}")
        for number in range(rounds):
            print(f"\nRound {number + 1}:\n")
            print("| experiment | passed, s | at submission | at 10% | at 50% |")
            print("|---|---|---|---|---|")
            done.append([])
            for each in watched(service, [key.token for key in keys], 1_000 * number):
                done[-1].append(each)
                print(_line(each), flush=True)
            print(f"\n{_within(done[-1])}", flush=True)
    return done


def _within(found: Sequence[Watched]) -> str:
    told = []
    for number, share in enumerate(_SHARES):
        ratios = [ratio for each in found if (ratio := each.ratios()[number]) is not None]
        if ratios:
            told.append(f"at {share:.0%}: {min(ratios):.2f} to {max(ratios):.2f}")
    return "Expected over passed, " + "; ".join(told) + "."


def main() -> int:
    """Measure and print."""
    options = _parser().parse_args()
    print(machine(), flush=True)
    measure(options.rounds, options.workers)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = program("benchmarks.http.eta", __doc__)
    parser.add_argument("--rounds", type=int, default=2, help="times that the ten are trained")
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
