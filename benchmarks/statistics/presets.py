"""Train presets, check their claims, keep the results and write the table of docs/presets.md.

    python -m benchmarks.statistics.presets              every preset at its small size
    python -m benchmarks.statistics.presets --size full  every preset at its full size: many hours
    python -m benchmarks.statistics.presets he_depth     one of them
    python -m benchmarks.statistics.presets --judge      train nothing, check what is kept again

Trainings are kept in ``--folder``; those of another version of a preset's spec do not count. What
the claims gave is kept with the code (``service.presets.results``), and the API answers it.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks.options import program
from benchmarks.statistics.preset_trainings import (
    CPU,
    Kept,
    kept_trainings,
    planned_runs,
    train_preset,
)
from service.presets import results
from service.presets.evidence import Evidence
from service.presets.preset import SIZES, Preset, Size
from service.presets.registry import PRESETS
from service.presets.results import PresetResult
from workers.training import devices

PAGE = Path(__file__).parents[2] / "docs" / "presets.md"

_BEGIN, _END = "<!-- table: python -m benchmarks.statistics.presets -->", "<!-- end of table -->"
_MARKS = {"reproduced": "**reproduced**", "not_reproduced": "**not reproduced**"}


def judged(preset: Preset, kept: Kept) -> PresetResult:
    """Return what the claims of a preset give on its trainings."""
    engine = devices.describe(CPU)
    return PresetResult(
        runs=len(kept.trainings),
        seconds=round(kept.seconds),
        machine=f"{engine['name']}, torch {engine['torch']}",
        claims={claim.name: claim.judge(kept.trainings) for claim in preset.claims},
    )


def store_results(folder: Path) -> None:
    """Check the claims on all trainings that are kept, and keep what they gave."""
    found = {}
    for name, preset in PRESETS.items():
        for size in SIZES:
            kept = kept_trainings(name, size, folder)
            if kept is not None:
                found[name, size] = (preset, judged(preset, kept))
    results.store(found)


def table() -> str:
    """Return what each claim gave at both sizes: a heading per preset, a row per claim."""
    return "\n\n".join(_section(preset) for preset in PRESETS.values())


def _section(preset: Preset) -> str:
    settings = [f"- {size} size: {_setting(preset, size)}" for size in SIZES]
    rows = ["| claim | full size | small size |", "|---|---|---|"]
    for claim in preset.claims:
        told = [_told(_found(preset, size, claim.name)) for size in SIZES]
        rows.append(f"| {claim.sentence} | {' | '.join(told)} |")
    return "\n".join([f"### {preset.name}", "", *settings, "", *rows])


def _setting(preset: Preset, size: Size) -> str:
    runs = planned_runs(preset.name, size)
    config = runs[0].config
    samples = config.dataset.parameters
    parts = [
        f"{config.dataset.name}, {samples['train_size']:,} + {samples['test_size']:,} samples",
        f"{config.epochs:,} epochs" if config.epochs else "no training",
        f"{len({run.seed for run in runs})} seeds",
        f"{len(runs)} runs",
    ]
    result = results.result_of(preset, size)
    parts.append("not run yet" if result is None else _time(result.seconds))
    return ", ".join(parts)


def _time(seconds: float) -> str:
    return f"{seconds / 60:,.0f} min" if seconds >= 600 else f"{seconds:,.0f} s"


def _found(preset: Preset, size: Size, claim: str) -> Evidence | None:
    result = results.result_of(preset, size)
    return result.claims.get(claim) if result else None


def _told(evidence: Evidence | None) -> str:
    if evidence is None:
        return "not run yet"
    figures = "; ".join(dict.fromkeys(_figures(evidence)))
    reason = evidence.reason if evidence.status == "inconclusive" or not figures else ""
    status = f"{_MARKS.get(evidence.status, evidence.status)}."
    return " ".join(part for part in (status, reason, figures) if part)


def _figures(evidence: Evidence) -> Iterator[str]:
    compared = set()
    for difference in evidence.differences:
        compared |= {difference.group, difference.than}
        name = f"{difference.group} minus {difference.than}"
        yield f"{name}: {_interval(difference.mean, difference.ci95)}"
    by_verdict = defaultdict(list)
    for group in evidence.groups:
        if group.diverged:
            yield f"{group.group}: {group.diverged} diverged"
        if group.group in compared:
            continue
        if group.mean is not None and group.ci95 is not None:
            yield f"{group.group}: {_interval(group.mean, group.ci95)}"
        elif group.verdicts and not group.diverged:
            by_verdict[" and ".join(group.verdicts)].append(group)
    for verdict, groups in by_verdict.items():
        runs = sum(sum(group.verdicts.values()) for group in groups)
        yield f"{verdict}: {runs} runs of {len(groups)} groups"


def _interval(mean: float, ci95: tuple[float, float]) -> str:
    return f"{mean:.3g} [{ci95[0]:.3g}, {ci95[1]:.3g}]"


def write_page() -> None:
    """Put the table into the page, between its marks."""
    before, _, rest = PAGE.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    PAGE.write_text(f"{before}{_BEGIN}\n\n{table()}\n\n{_END}{after}")


def main() -> None:
    """Read the command line, train, check the claims, and write results and table."""
    parser = program("benchmarks.statistics.presets", __doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="presets; all where left out")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/presets"))
    parser.add_argument("--judge", action="store_true", help="train nothing")
    arguments = parser.parse_args()
    unknown = {*arguments.names} - PRESETS.keys()
    if unknown:
        parser.error(f"There is no preset {', '.join(sorted(unknown))}.")
    if not arguments.judge:
        for name in arguments.names or PRESETS:
            train_preset(name, arguments.size, arguments.processes, arguments.folder)
            print(f"{name} at its {arguments.size} size is trained.", flush=True)
    store_results(arguments.folder)
    write_page()


if __name__ == "__main__":
    main()
