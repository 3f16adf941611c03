"""How PostgreSQL answers the statements of a call, as EXPLAIN tells it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event

#: Tables that grow with every run.
LARGE = frozenset({"runs", "epochs", "events", "layers", "attempts"})

#: A node of a plan, as EXPLAIN (FORMAT JSON) gives it.
Plan = dict[str, Any]


@dataclass
class Seen:
    """The statements of a call, each with its plan."""

    plans: list[tuple[str, Plan]] = field(default_factory=list)

    def scans(self) -> set[str]:
        """Return the large tables that were read from end to end."""
        return {
            node["Relation Name"]
            for _, plan in self.plans
            for node in nodes(plan)
            if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
        }


def nodes(plan: Plan) -> Iterator[Plan]:
    """Return a plan's node and all below it."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


@contextmanager
def explaining(engine: Engine) -> Iterator[Seen]:
    """Explain every statement that is executed through an engine, just before it is."""
    seen = Seen()

    def explain(_: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        *_, many = rest
        if many or not statement.lstrip().upper().startswith(("SELECT", "WITH", "DELETE")):
            return
        with cursor.connection.cursor() as other:
            other.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
            seen.plans.append((statement, other.fetchone()[0][0]["Plan"]))

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", explain)


def explained(engine: Engine, statement: str, parameters: Any) -> Seen:
    """Explain a statement of the driver's."""
    with engine.connect() as connection:
        cursor: Any = connection.connection.cursor()
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        return Seen([(statement, cursor.fetchone()[0][0]["Plan"])])


def draw(plan: Plan, depth: int = 0) -> None:
    """Print a plan, one line per node."""
    on = plan.get("Index Name") or plan.get("Relation Name") or ""
    conditions = [plan[key] for key in ("Index Cond", "Filter", "Sort Key") if key in plan]
    print(f"{'  ' * depth}{plan['Node Type']} {on} {plan['Plan Rows']} rows {conditions or ''}")
    for each in plan.get("Plans", ()):
        draw(each, depth + 1)
