"""Statuses, outcomes and verdicts: written once, and groups that are what their names say."""

import ast

from service.statuses import (
    ACTIVE,
    ENDED,
    FAILURES,
    FINDING_KINDS,
    FINISHED,
    AttemptOutcome,
    Outcome,
    RunStatus,
    Verdict,
)
from tests.support.paths import ROOT

WORDS = {*RunStatus, *AttemptOutcome, *Verdict}
MODULES = sorted(path for room in ("service", "workers") for path in (ROOT / room).rglob("*.py"))


def _lists(source: str) -> list[set[str]]:
    """Return the words of statuses in every tuple, list and set of a module, where it has two."""
    displays = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Tuple | ast.List | ast.Set)
    ]
    found = [
        {element.value for element in node.elts if isinstance(element, ast.Constant)} & WORDS
        for node in displays
    ]
    return [words for words in found if len(words) > 1]


def test_no_other_module_spells_a_list_of_statuses():
    found = {str(path.relative_to(ROOT)): _lists(path.read_text()) for path in MODULES}
    spelling = {name for name, lists in found.items() if lists}
    # The diagnostics know no service; a test of theirs holds their verdicts to the service's.
    assert spelling == {"workers/diagnostics/findings.py"}


def test_a_list_of_statuses_is_recognized():
    assert _lists('waits = status in ("queued", "running")') == [{"queued", "running"}]
    assert _lists('Status = Literal["queued", "running"]') == [{"queued", "running"}]
    assert _lists('example = {"status": "queued", "error": None}') == []


def test_every_status_is_active_or_ended():
    assert (*ACTIVE, *ENDED) == tuple(RunStatus)
    assert set(FINISHED) <= set(ENDED)


def test_a_run_s_end_is_its_attempt_s_outcome():
    assert tuple(AttemptOutcome)[: len(ENDED)] == ENDED


def test_every_verdict_that_names_a_cause_is_a_kind_of_finding():
    assert set(Verdict) - set(FINDING_KINDS) == {Verdict.HEALTHY, Verdict.NO_CAUSE_FOUND}
    assert set(FAILURES) < set(Outcome)
