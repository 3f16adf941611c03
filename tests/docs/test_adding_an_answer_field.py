"""docs/howto/adding-an-answer-field.md, followed in a copy of the repository."""

from pathlib import Path

import pytest

from tests.support.worked_examples import blocks, copy_repository

TEST = "tests/service/runs/test_restarts.py"
BODIES = "tests/service/api/test_run_bodies.py"
EXAMPLES = "tests/service/api/test_examples.py"
AGREE = "tests/migrations/test_migrations.py::test_the_code_of_the_tables_and_the_migrations_agree"

TABLES = "service/database/tables.py"
SQL = "service/api/schemas/run_bodies.py"

#: What stands before and after the places that the page names.
AFTER_FAILURES = "    not_before: Mapped[datetime | None]"
OLD_VALUES = "        .values(epoch=0, **results)\n"
AFTER_FAILURES_IN_SCHEMA = "    max_attempts: int\n    priority: int\n"
OLD_SQL = "runs.failures, runs.max_attempts"
AFTER_FAILURES_IN_EXAMPLE = '    "max_attempts": 3,\n    "priority": 0,\n'


@pytest.mark.timeout(900)  # a whole project is changed and served
@pytest.mark.longest
def test_the_worked_example_works(tmp_path: Path) -> None:
    copy = copy_repository(tmp_path)
    column, migration, values, field, example, test = blocks("adding-an-answer-field.md")
    (sql,) = blocks("adding-an-answer-field.md", "sql")
    copy.write(TEST, test)
    copy.insert(TABLES, column, before=AFTER_FAILURES)
    copy.write("migrations/versions/0028_restarts.py", migration)
    copy.replace("service/runs/claims.py", OLD_VALUES, values)

    copy.insert("service/api/schemas/runs.py", field, before=AFTER_FAILURES_IN_SCHEMA)
    said = copy.run(BODIES, EXAMPLES)
    assert said.startswith("1\n"), "nothing misses the field in the SQL and in the example"
    assert f"FAILED {BODIES}::test_the_answer_and_its_schema_have_the_same_fields" in said
    assert f"FAILED {EXAMPLES}::test_example_answers" in said

    copy.replace(SQL, OLD_SQL, f"runs.failures,\n{sql}    runs.max_attempts")
    copy.insert("service/api/openapi/examples.py", example, before=AFTER_FAILURES_IN_EXAMPLE)
    said = copy.run(TEST, BODIES, EXAMPLES, AGREE)
    assert said.startswith("0\n"), said

    copy.replace("service/api/schemas/runs.py", field, "")
    said = copy.run(BODIES)
    assert said.startswith("1\n"), "nothing misses the field in the schema"
