"""By how much totals grew."""

from service.operations.growth import Growth


def test_only_what_came_since_the_first_look_counts():
    growth: Growth[str] = Growth()
    assert growth.grow({"a": 5.0, "b": 0.0}) == {"a": 0.0, "b": 0.0}
    assert growth.grow({"a": 7.0, "b": 0.0}) == {"a": 2.0, "b": 0.0}


def test_a_total_that_begins_anew_counts_in_full_and_one_that_is_gone_not_at_all():
    growth: Growth[str] = Growth()
    growth.grow({"a": 5.0, "b": 9.0})
    assert growth.grow({"a": 2.0, "c": 3.0}) == {"a": 2.0, "c": 3.0}
    assert growth.grow({"a": 2.5, "b": 1.0}) == {"a": 0.5, "b": 1.0}
