"""The part of the spread that comes from the data."""

import numpy as np
import pytest

from service.comparison.components import components_of
from service.comparison.design import Design
from service.comparison.groups import Candidate, Group, SeedValue

REDRAWN = Design(("activation",), (), ("dataset.seed",))


def group(table, *, trained=True):
    values = {
        seed: SeedValue(float(column.mean()), trained=trained, partly=trained)
        for seed, column in enumerate(table.T)
    }
    parts = {(draw,): dict(enumerate(map(float, row))) for draw, row in enumerate(table)}
    return Group({}, [Candidate({}, values, parts)], values, 0.0, 0, 0, 0)


def test_known_standard_deviations_are_found():
    random = np.random.default_rng(0)
    tables = [
        0.9
        + 0.03 * random.standard_normal((8, 1))
        + 0.01 * random.standard_normal((1, 8))
        + 0.02 * random.standard_normal((8, 8))
        for _ in range(40)
    ]
    found = components_of([group(table) for table in tables], REDRAWN)
    assert found.data == pytest.approx(0.03, rel=0.15)
    assert found.seeds == pytest.approx(0.01, rel=0.3)
    assert found.rest == pytest.approx(0.02, rel=0.05)


def test_nothing_is_said_without_redraws_or_of_runs_that_did_not_train():
    table = np.random.default_rng(0).normal(size=(3, 3))
    assert components_of([group(table)], Design(("activation",), (), ("initializer",))) is None
    assert components_of([group(table)], Design(("activation",), (), ())) is None
    assert components_of([group(table, trained=False)], REDRAWN) is None
    assert components_of([group(table[:1])], REDRAWN) is None
