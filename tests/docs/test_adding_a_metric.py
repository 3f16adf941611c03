"""docs/howto/adding-a-metric.md, followed in a copy of the repository."""

from pathlib import Path

import pytest

from service.database.schema_version import known_revisions
from tests.support.worked_examples import blocks, copy_repository

TABLES = "service/database/tables.py"
LOSSES = "workers/nn/losses.py"
TEST_LOSSES = "tests/workers/nn/test_losses.py"
FOUND = "tests/service/catalog/test_metrics.py"
COLUMNS = "tests/service/database/test_tables.py"
MEASURED = "tests/workers/training/test_metrics.py"
MIGRATED = (
    "tests/migrations/test_migrations.py::test_the_code_of_the_tables_and_the_migrations_agree",
    "tests/migrations/test_migrations.py::test_every_migration_goes_down_and_up_again_on_data",
)
NAMES = ("top_3_accuracy", "val_top_3_accuracy")
EVERYWHERE = (
    "test_a_metric_is_stored_and_read",
    "test_a_metric_orders_runs_and_ranks_configurations",
    "test_a_metric_is_mlflows",
    "test_a_metric_is_drawn_under_its_title",
    "test_a_metric_is_listed",
    "test_a_metric_is_described_consistently",
)
LAST_COLUMN = "    epoch_seconds: Mapped[float | None] = mapped_column(Double)\n"
OLD_LOSS = '    return Loss(mean, per_sample, {"accuracy": accuracy}, label_smoothing)\n'
OLD_NAMES = (
    '    assert list(LOSSES["categorical_crossentropy"](label_smoothing=0.0).metrics) == '
    '["accuracy"]\n'
)


@pytest.mark.timeout(900)  # a whole project is changed and served
@pytest.mark.longest
def test_the_worked_example_works(tmp_path: Path) -> None:
    copy = copy_repository(tmp_path)
    described, columns, migration, function, measured, reference, names = blocks(
        "adding-a-metric.md"
    )
    last = known_revisions()[-1]
    assert f'down_revision = "{last}"' in migration, f"the page's migration follows {last}"
    copy.insert("service/catalog/metrics.py", described, at_the_end_of="_METRICS = (")
    printed = copy.run(COLUMNS, MEASURED)
    assert "test_the_columns_of_epochs_are_the_metrics_of_the_registry FAILED" in printed
    assert "test_every_metric_of_the_registry_is_measured FAILED" in printed
    copy.replace(TABLES, LAST_COLUMN, LAST_COLUMN + columns)
    copy.write(f"migrations/versions/{int(last) + 1:04}_top_3_accuracy.py", migration)
    copy.insert(LOSSES, f"{function}\n\n", before="def _targets(")
    copy.replace(LOSSES, OLD_LOSS, measured)
    copy.insert(TEST_LOSSES, f"{reference}\n\n", before="def test_metrics_of_each_loss(")
    copy.replace(TEST_LOSSES, OLD_NAMES, names)
    everywhere = [f"{FOUND}::{test}[{name}]" for test in EVERYWHERE for name in NAMES]
    printed = copy.run(*everywhere, COLUMNS, MEASURED, TEST_LOSSES, *MIGRATED)
    assert printed.startswith("0\n"), printed
