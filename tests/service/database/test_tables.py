"""The tables have a column for each metric of the registry, and no other."""

from service.catalog.metrics import EPOCH_METRICS, RESULT_COLUMNS
from service.database.tables import Epoch, Run


def test_the_columns_of_epochs_are_the_metrics_of_the_registry():
    columns = [column.key for column in Epoch.__table__.columns]
    assert columns == ["run_id", "epoch", *EPOCH_METRICS]


def test_a_run_keeps_the_final_metrics_of_the_registry():
    columns = {column.key for column in Run.__table__.columns}
    assert columns >= set(RESULT_COLUMNS)
