"""How often the ranking errs, and how much it finds, where the truth is known.

    python -m benchmarks.statistics.ranking [--times 400] [--only level power seeds looks trained]

Values of k configurations are drawn for n seeds each and judged as the service judges them
(``service.comparison.judgement``), many times over. ``level``: how often a configuration that
equals the best is called worse, how often an interval holds, how often one is falsely called
equivalent. ``power``: how often those that are behind are called worse. ``seeds``: how often the
number of seeds that was asked for settles it. ``looks``: how often who looks after every seed is
misled. ``trained``: the same of populations of real trainings (``populations``).
docs/comparisons.md has the tables.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.options import program
from benchmarks.statistics.populations import POPULATIONS, Population, population
from service.comparison.judgement import Judged, against_leader
from service.comparison.samples import Floats, Samples
from service.comparison.words import Word

#: Validation samples that an accuracy is measured on: the grid.
SAMPLES = 1_000
MARGIN = 0.01
CHANCE = 0.5

#: Draws a (k, n) table and its true means.
Draw = Callable[[np.random.Generator, int, int], tuple[Floats, Floats]]


def one_spread(random: np.random.Generator, k: int, n: int) -> tuple[Floats, Floats]:
    """All equal, all of one spread."""
    return 0.9 + 0.01 * random.standard_normal((k, n)), np.full(k, 0.9)


def skewed(random: np.random.Generator, k: int, n: int) -> tuple[Floats, Floats]:
    """All equal, with a tail to the bad side."""
    return random.beta(20, 2, (k, n)), np.full(k, 20 / 22)


def unequal_spreads(random: np.random.Generator, k: int, n: int) -> tuple[Floats, Floats]:
    """All equal, with spreads from .001 to .03."""
    spreads = np.geomspace(0.001, 0.03, k)[:, None]
    return 0.9 + spreads * random.standard_normal((k, n)), np.full(k, 0.9)


def seeds_in_common(random: np.random.Generator, k: int, n: int) -> tuple[Floats, Floats]:
    """All equal, with half of the variance common to a seed."""
    own, common = random.standard_normal((k, n)), random.standard_normal(n)
    return 0.9 + 0.01 * np.sqrt(0.5) * (own + common), np.full(k, 0.9)


def half_behind(random: np.random.Generator, k: int, n: int) -> tuple[Floats, Floats]:
    """Half of them equal, half ten points behind."""
    means = np.where(np.arange(k) < k // 2, 0.9, 0.8)
    return means[:, None] + 0.01 * random.standard_normal((k, n)), means


def train_or_not(random: np.random.Generator, k: int, n: int) -> tuple[Floats, Floats]:
    """All equal: each trains with four of five seeds, and stays at chance with the others."""
    values = 0.9 + 0.01 * random.standard_normal((k, n))
    stuck = random.uniform(size=(k, n)) > 0.8
    return np.where(stuck, CHANCE, values), np.full(k, 0.8 * 0.9 + 0.2 * CHANCE)


def ladder(random: np.random.Generator, k: int, n: int) -> tuple[Floats, Floats]:
    """Evenly from .93 down to .80, with spreads from .003 to .015 in any order."""
    means = np.linspace(0.93, 0.80, k)
    spreads = random.permutation(np.geomspace(0.003, 0.015, k))[:, None]
    return means[:, None] + spreads * random.standard_normal((k, n)), means


NULLS: tuple[Draw, ...] = (
    one_spread,
    skewed,
    unequal_spreads,
    seeds_in_common,
    half_behind,
    train_or_not,
)
CELLS = ((4, 3), (16, 3), (16, 5), (16, 10), (60, 5), (200, 3))


@dataclass
class Counts:
    """What was counted over many experiments."""

    experiments: int = 0
    any_false: int = 0
    given_false: int = 0
    falsely_equivalent: int = 0
    intervals: list[bool] = field(default_factory=list)
    means: list[bool] = field(default_factory=list)

    def add(self, truth: Floats, judged: Sequence[Judged]) -> None:
        """Add an experiment."""
        best = truth >= truth.max() - 1e-12
        worse = np.array([found.word == Word.WORSE for found in judged])
        far = truth <= truth.max() - MARGIN
        equivalent = np.array([found.word == Word.EQUIVALENT for found in judged])
        leader = next(row for row, found in enumerate(judged) if found.word == Word.LEADS)
        self.experiments += 1
        self.any_false += bool((best & worse).any())
        self.given_false += bool(worse[int(np.argmax(best))])
        self.falsely_equivalent += bool((far & equivalent).any())
        for mean, found in zip(truth, judged, strict=True):
            if found.interval is not None:
                gap = truth[leader] - mean
                self.intervals.append(found.interval[0] <= gap <= found.interval[1])
            if found.mean_interval is not None:
                low, high = found.mean_interval
                self.means.append(bool(low <= mean <= high))

    def line(self) -> str:
        """Return the shares."""
        n = self.experiments
        covered = [
            f"{np.mean(held):.3f}" if held else "  -" for held in (self.intervals, self.means)
        ]
        return (
            f"{self.any_false / n:8.3f}{self.given_false / n:8.3f}"
            f"{self.falsely_equivalent / n:12.3f}{covered[0]:>11}{covered[1]:>8}"
        )


def judge(values: Floats) -> list[Judged]:
    """Judge a table as the service does; a value at chance is of a run that did not train."""
    values = np.clip(np.round(values * SAMPLES) / SAMPLES, 0.0, 1.0)
    trained = (values > CHANCE + 0.05).sum(axis=1)
    floors = np.full(len(values), 1 / (12 * SAMPLES**2))
    return against_leader(Samples(values, trained, trained > 0, floors), MARGIN)


def level(times: int) -> None:
    """Print how often a judgement is false where configurations are equal."""
    print(
        f"{'':<18}{'k':>5}{'n':>4}{'any':>8}{'given':>8}{'equivalent':>12}{'intervals':>11}{'means':>8}"
    )
    for draw in NULLS:
        for k, n in CELLS:
            counts = Counts()
            random = np.random.default_rng([k, n])
            for _ in range(times if k < 100 else max(times // 8, 20)):
                values, truth = draw(random, k, n)
                counts.add(truth, judge(values))
            print(f"{draw.__name__:<18}{k:5}{n:4}{counts.line()}", flush=True)


def power(times: int) -> None:
    """Print how often those that are behind are called worse, by how far they are behind."""
    print(f"{'ladder':<18}{'k':>5}{'n':>4}{'1-3':>8}{'3-10':>8}{'over 10':>9}")
    for k, n in ((16, 3), (16, 5), (60, 3), (200, 3)):
        found: dict[str, list[bool]] = {"1-3": [], "3-10": [], "over 10": []}
        random = np.random.default_rng([k, n])
        for _ in range(max(times // (1 if k < 100 else 8), 20)):
            values, truth = ladder(random, k, n)
            for mean, one in zip(truth, judge(values), strict=True):
                behind = truth.max() - mean
                name = "1-3" if behind <= 0.03 else "3-10" if behind <= 0.1 else "over 10"
                if behind > 0.01:
                    found[name].append(one.word == Word.WORSE)
        shares = "".join(f"{np.mean(told):8.2f}" for told in found.values())
        print(f"{'':<18}{k:5}{n:4}{shares}", flush=True)


def seeds(times: int) -> None:
    """Print how often the number of seeds that was asked for settles it."""
    print(f"{'':<18}{'k':>5}{'n':>4}{'contenders':>12}{'settled':>9}{'wrongly':>9}")
    for draw in (ladder, unequal_spreads, one_spread):
        for k, n in ((16, 3), (16, 5), (60, 3)):
            settled: list[bool] = []
            wrong: list[bool] = []
            random = np.random.default_rng([k, n, 1])
            for _ in range(max(times // 4, 20)):
                _again(draw, random, (k, n), settled, wrong)
            print(
                f"{draw.__name__:<18}{k:5}{n:4}{len(settled):12}{np.mean(settled):9.2f}"
                f"{np.mean(wrong):9.3f}",
                flush=True,
            )


def _again(
    draw: Draw,
    random: np.random.Generator,
    size: tuple[int, int],
    settled: list[bool],
    wrong: list[bool],
) -> None:
    """Draw an experiment, give all as many seeds as one contender asks for, and judge again."""
    k, n = size
    state = random.bit_generator.state
    values, truth = draw(random, k, n)
    asked = [(row, one.seeds_needed) for row, one in enumerate(judge(values)) if one.seeds_needed]
    if not asked:
        return
    row, more = asked[int(random.integers(len(asked)))]
    # The same truth (of spreads, too), with new values for so many seeds.
    again = np.random.default_rng()
    again.bit_generator.state = state
    again_values, _ = draw(again, k, n + more)
    word = judge(again_values)[row].word
    settled.append(word != Word.UNDECIDED)
    behind = truth.max() - truth[row]
    wrong.append(
        (word == Word.WORSE and behind <= 0) or (word == Word.EQUIVALENT and behind >= MARGIN)
    )


def looks(times: int) -> None:
    """Print how often some equal is called worse at one of many looks, and at the last alone."""
    print(f"{'':<18}{'k':>5}{'looks':>7}{'at some look':>14}{'at the last':>13}")
    for k, most in ((4, 10), (4, 51), (16, 51)):
        some = last = 0
        random = np.random.default_rng([k, most])
        for _ in range(max(times // 4, 20)):
            values, _ = one_spread(random, k, most)
            told = [
                any(one.word == Word.WORSE for one in judge(values[:, :n]))
                for n in range(2, most + 1)
            ]
            some += any(told)
            last += told[-1]
        n = max(times // 4, 20)
        print(f"{'one_spread':<18}{k:5}{most - 1:7}{some / n:14.3f}{last / n:13.3f}", flush=True)


def trained(times: int) -> None:
    """Print power and errors on populations of real trainings, drawn without replacement."""
    print(
        f"{'':<12}{'k':>4}{'n':>4}{'over 10':>9}{'3-10':>7}{'1-3':>7}{'best called worse':>19}"
        f"{'equivalent':>12}"
    )
    for name in POPULATIONS:
        known = population(name)
        for n in (3, 5, 10):
            _print_trained(name, known, n, times)


def _print_trained(name: str, known: Population, n: int, times: int) -> None:
    truth = known.values.mean(axis=1)
    behind = truth.max() - truth
    bands = {"over 10": behind > 0.1, "3-10": (behind > 0.03) & (behind <= 0.1)}
    bands["1-3"] = (behind > 0.01) & (behind <= 0.03)
    told: dict[str, list[float]] = {band: [] for band in bands}
    best = false = 0
    random = np.random.default_rng([len(truth), n])
    floors = np.full(len(truth), known.step**2 / 12)
    for _ in range(times):
        drawn = random.permuted(np.tile(np.arange(known.values.shape[1]), (len(truth), 1)), axis=1)[
            :, :n
        ]
        values = np.take_along_axis(known.values, drawn, axis=1)
        did = np.take_along_axis(known.trained, drawn, axis=1).sum(axis=1)
        judged = against_leader(Samples(values, did, did > 0, floors), MARGIN)
        beaten = np.array([one.word in (Word.WORSE, Word.DID_NOT_TRAIN) for one in judged])
        equivalent = np.array([one.word == Word.EQUIVALENT for one in judged])
        for band, rows in bands.items():
            told[band] += [float(found) for found in beaten[rows]]
        best += bool(beaten[int(np.argmax(truth))])
        false += bool((equivalent & (behind >= MARGIN)).any())
    shares = "".join(f"{np.mean(found):7.2f}" if found else f"{'-':>7}" for found in told.values())
    print(
        f"{name:<12}{len(truth):4}{n:4}  {shares}{best / times:19.3f}{false / times:12.3f}",
        flush=True,
    )


TOPICS: dict[str, Callable[[int], None]] = {
    "level": level,
    "power": power,
    "seeds": seeds,
    "looks": looks,
    "trained": trained,
}


def main() -> None:
    """Measure and print."""
    parser = program("benchmarks.statistics.ranking", __doc__)
    parser.add_argument("--times", type=int, default=400)
    parser.add_argument("--only", nargs="+", choices=tuple(TOPICS), default=list(TOPICS))
    options = parser.parse_args()
    for name in options.only:
        print(f"\n{name}", flush=True)
        TOPICS[name](options.times)


if __name__ == "__main__":
    main()
