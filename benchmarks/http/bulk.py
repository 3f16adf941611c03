"""Much at once: a submission of 1,000 runs, exports of a million values, 200 live listeners."""

import asyncio
import statistics
import time
from collections.abc import Iterator

import httpx

from benchmarks.http.exports import Export
from benchmarks.http.exports import measure as export
from benchmarks.http.listeners import listen
from benchmarks.http.serving import Service
from benchmarks.table import Row, below, not_measured

_SPEC = {
    "activation": ["relu", "tanh", "sigmoid", "elu", "gelu"],
    "initializer": ["glorot_uniform", "he_normal"],
    "seeds": 100,
    "reuse": False,
}
_LISTENERS = 200
#: What three times as much may need more of the API's memory, and still count as constant.
_SLACK_MB = 32.0

SUBMISSION = "POST of a 1,000-run experiment"
LIVE = f"epoch committed to event received, {_LISTENERS} listeners, p95"


def measure(times: int, values: int, seconds: float) -> Iterator[Row]:
    """Measure the three."""
    with Service() as service:
        service.api()
        taken = []
        with httpx.Client(base_url=service.url, timeout=60) as client:
            for number in range(times + 1):
                began = time.perf_counter()
                client.post("/v1/experiments", json=_SPEC).raise_for_status()
                if number:
                    taken.append(time.perf_counter() - began)
    yield below(SUBMISSION, taken, "s", 0.5)
    yield from _exports(values)
    yield _live(seconds)


def _exports(values: int) -> list[Row]:
    by_kind: dict[str, list[Export]] = {}
    for each in export([values, 3 * values], ("CSV", "Parquet")):
        by_kind.setdefault(each.kind, []).append(each)
    rows = []
    for kind, limit in (("CSV", 4.0), ("Parquet", 2.0)):
        once, thrice = by_kind[kind]
        shown = f"{once.seconds:.2f} s, API +{once.rose:.0f} MB (thrice: +{thrice.rose:.0f} MB)"
        holds = once.seconds < limit and thrice.rose < once.rose + _SLACK_MB
        target = f"under {limit:g} s, constant memory"
        what = f"export of {values:,} values as {kind}"
        rows.append(Row(what, shown, target=target, holds=holds))
    return rows


def _live(seconds: float) -> Row:
    with Service() as service:  # no other experiment, no other reader
        service.api()
        heard, errors = asyncio.run(listen(service.store, service.url, _LISTENERS, seconds))
    if errors:
        return not_measured(LIVE, errors[0], "under 200 ms")
    p95 = 1000 * statistics.quantiles(heard.delays, n=100)[94]
    return below(LIVE, [p95], "ms", 200, ".0f")
