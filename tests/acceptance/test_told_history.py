"""The checker of told histories finds each kind of wrong one, and lets right ones be."""

import pytest

from tests.support.told_history import EventTold, HistoryRead, RunRead, anomalies


def read(began, ended, status="running", attempt=1, epoch=0, client="a"):
    return RunRead(
        client=client,
        began=began,
        ended=ended,
        run_id="r",
        status=status,
        attempt=attempt,
        epoch=epoch,
    )


def history(began, ended, *epochs, client="a", value=0.5):
    return HistoryRead(
        client=client,
        began=began,
        ended=ended,
        run_id="r",
        epochs={epoch: (epoch, value) for epoch in epochs},
    )


def told(at, number, epoch=None, client="a", kind="run.epoch"):
    return EventTold(
        client=client,
        began=at,
        ended=at,
        stream="s",
        id=number,
        type=kind,
        run_id="r",
        epoch=epoch,
    )


def test_a_right_history_has_no_anomaly():
    observations = [
        read(0, 1, "queued", attempt=0),
        told(2, 10, epoch=1),
        history(3, 4, 1),
        history(3, 5, 1, 2, client="b"),
        read(6, 7, "queued", epoch=2),
        read(8, 9, "running", attempt=2, epoch=2),
        told(10, 12, epoch=2),
        told(11, 14, kind="run.finished"),
        told(12, 10, epoch=1, client="b"),
        read(13, 14, "completed", attempt=2, epoch=3),
        history(13, 15, 1, 2, 3),
    ]
    assert anomalies(observations) == []


def test_answers_to_questions_asked_at_the_same_time_may_come_in_any_order():
    assert anomalies([read(0, 5, epoch=3), read(1, 4, epoch=2), history(0, 9), told(8, 1, 4)]) == []


@pytest.mark.parametrize(
    ("observations", "sentence"),
    [
        ([read(0, 1, epoch=3), read(2, 3, epoch=2)], "a was told of r epoch 2 after epoch 3."),
        (
            [read(0, 1, epoch=3), read(2, 3, epoch=2, client="b")],
            "b was told of r epoch 2 after epoch 3.",
        ),
        (
            [read(0, 1, attempt=2), read(2, 3, attempt=1)],
            "a was told of r attempt 1 after attempt 2.",
        ),
        (
            [read(0, 1, "completed"), read(2, 3)],
            "a was told of r that it is running after it was completed.",
        ),
        (
            [read(0, 1, "cancelled"), read(2, 3, "completed")],
            "a was told of r that it is completed after it was cancelled.",
        ),
        (
            [history(0, 1, 1, 2), history(2, 3, 1, client="b")],
            "b was told of r a history without epochs [2], which had been told.",
        ),
        (
            [told(0, 5, epoch=3), history(1, 2, 1, 2)],
            "a was told of r a history without epochs [3], which had been told.",
        ),
        ([told(0, 5, epoch=3), read(1, 2, epoch=2)], "a was told of r epoch 2 after epoch 3."),
        (
            [history(0, 1, 1, value=0.5), history(2, 3, 1, value=0.6)],
            "a was told of r other values of epochs [1] than before.",
        ),
        ([told(0, 5, 1), told(1, 5, 1)], "a was told event 5 (run.epoch) of s twice."),
        ([told(0, 5, 2), told(1, 4, 1)], "a was told event 4 (run.epoch) of s after event 5."),
        (
            [told(0, 5, 1), told(1, 5, 2, client="b")],
            "b was told event 5 (run.epoch) of s, which a was told as run.epoch.",
        ),
    ],
)
def test_each_wrong_history_is_found(observations, sentence):
    assert anomalies(observations) == [sentence]
