"""Results over a tuned number, drawn from data alone."""

import pytest

from service.catalog.metrics import COMPARED_METRICS
from service.figures.plots.tuning import TunedConfiguration, draw_tuning
from tests.support.picture_reading import texts

pytestmark = pytest.mark.slow

LEVELS = [0.01, 0.1, 10.0]


def drawn(*means: list[float], metric: str = "val_rmse", guess: float | None = 80.2) -> bytes:
    curves = [TunedConfiguration("relu", LEVELS, own, (0.01, 0.01)) for own in means]
    return draw_tuning(
        curves,
        metric=metric,
        tuned="optimizer.learning_rate",
        title="x",
        guess=guess,
        kind="svg",
    )


def said(picture: bytes) -> str:
    return " ".join(texts(picture))


def test_what_a_run_counts_as_that_diverged_is_said_as_it_is_counted() -> None:
    lower = "counts as the worst of guessing, its own last value and all that completed."
    assert lower in said(drawn([60.0, 70.0, 80.0]))
    accuracy = said(drawn([0.6, 0.7, 0.8], metric="val_accuracy", guess=0.1))
    assert "A run that diverged counts as the worst of guessing and all that completed." in accuracy
    assert "diverged" not in said(drawn([1.0, 2.0, 3.0], metric="epoch_seconds", guess=None))
    assert "never reached" in said(drawn([1.0, 2.0, 3.0], metric="epochs_to", guess=None))


@pytest.mark.parametrize("guess", [80.2, None])
def test_a_point_far_beyond_guessing_is_an_arrow(guess: float | None) -> None:
    far = drawn([60.0, 100.0, 1.6e19], [70.0, 300.0, 590.0], guess=guess)
    assert "An arrow: beyond the axis (up to 1.6e19)." in said(far)
    assert {"100", "200", "500"} <= {*texts(far)}
    assert "1e19" not in texts(far)
    assert "An arrow" not in said(drawn([60.0, 100.0, 590.0], guess=guess))


def test_a_negative_r2_has_no_logarithm_and_goes_down() -> None:
    picture = drawn([0.45, -0.5, -3e38], metric="val_r2", guess=0.0)
    assert "An arrow: beyond the axis (down to -3e38)." in said(picture)
    assert "Validation R²" in texts(picture)
    assert "log scale" not in said(picture)


def test_rates_are_written_as_people_write_them() -> None:
    assert {"0.01", "0.1", "1", "10"} <= {*texts(drawn([0.1, 0.2, 0.3], metric="val_accuracy"))}


def test_whatever_is_tuned_can_be_drawn() -> None:
    for metric in COMPARED_METRICS:
        for means in ([0.1, 0.2, 0.3], [0.0, 0.0, 0.0], [0.5, 1e300, 1e-300]):
            assert drawn(means, metric=metric, guess=0.0)
