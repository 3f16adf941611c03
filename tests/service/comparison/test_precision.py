"""What values a metric can have."""

import math

import pytest

from service.comparison.precision import possible


@pytest.mark.parametrize(
    ("metric", "whole", "part"),
    [
        ("val_accuracy", (0.95, 1.018), (0.95, 1.0)),
        ("val_accuracy", (-0.02, 0.1), (0.0, 0.1)),
        ("val_loss", (-0.3, 1.5), (0.0, 1.5)),
        ("epochs_to", (-1.0, 4.0), (0.0, 4.0)),
        ("val_r2", (-2.0, 1.01), (-2.0, 1.0)),
        ("val_rmse", None, None),
    ],
)
def test_an_interval_ends_where_the_metric_does(metric, whole, part):
    assert possible(whole, metric) == part


def test_what_has_no_bound_is_not_cut():
    assert possible((-math.inf, math.inf), "learning_rate") == (-math.inf, math.inf)
