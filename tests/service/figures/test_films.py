"""Films of layers and boundaries, drawn from data alone."""

import io

import numpy as np
import pytest
from PIL import Image

from service.figures.plots.decision_boundary import film_decision_boundary
from service.figures.plots.layers import PlottedLayer, film_layers
from tests.service.figures.test_decision_boundary import plane
from tests.service.figures.test_layer_figures import NOTHING, normal


def frames(film):
    """The frames of a GIF as arrays of RGB, and how long each is shown, in milliseconds."""
    image = Image.open(io.BytesIO(film))
    found, durations = [], []
    for number in range(image.n_frames):
        image.seek(number)
        found.append(np.asarray(image.convert("RGB")).astype(int))
        durations.append(image.info["duration"])
    return found, durations, image.info.get("loop")


def network(spread):
    values = normal(spread, 1_000)
    return [PlottedLayer(name, values, values, values, values) for name in ("dense_1", "output")]


def coloured(frame):
    """Whether each pixel has a colour, which text and axes have not."""
    return frame.max(-1) - frame.min(-1) > 40


def test_a_film_has_a_frame_an_epoch_and_plays_without_end():
    networks = [(f"epoch {at}", network(1.0 + at)) for at in range(3)]
    film = film_layers(networks, title="tanh")
    found, durations, loop = frames(film)
    assert len(found) == 3
    assert durations[0] == durations[1] < durations[2]
    assert loop == 0
    assert film == film_layers(networks, title="tanh")


def test_all_frames_have_the_same_axes():
    film = film_layers([("epoch 0", network(1.0)), ("epoch 1", network(4.0))], title="x")
    (small, large), _, _ = frames(film)
    heights = []
    for frame in (small, large):
        panel = coloured(frame[: len(frame) // 2, : frame.shape[1] // 2])
        rows = panel.any(1).nonzero()[0]
        heights.append(rows[-1] - rows[0])
    assert heights[0] / heights[1] == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("spread", [1e-30, 1e-6, 1e30])
def test_whatever_layers_do_can_be_filmed(spread):
    nothing = [PlottedLayer(name, NOTHING, None, NOTHING, NOTHING) for name in ("a", "b")]
    film = film_layers(
        [("as initialized", network(spread)), ("after epoch 1", nothing)],
        title=r"初始化 $\\frac \ud800",
        theme="dark",
    )
    assert len(frames(film)[0]) == 2


def test_a_boundary_moves_and_its_samples_stay():
    film = film_decision_boundary(
        [("epoch 0", plane(2)), ("epoch 1", plane(2, size=50)), ("epoch 2", plane(4))], title="x"
    )
    (first, same, last), _, _ = frames(film)
    inside = np.s_[60:350, 80:480]
    moved = np.abs(first[inside] - same[inside]).max(-1) > 60
    assert moved.mean() < 0.05
    assert (np.abs(first[inside] - last[inside]).max(-1) > 60).mean() > 0.1


def test_films_are_small():
    film = film_layers([(f"epoch {at}", network(1.0 + at)) for at in range(4)], title="x")
    assert len(film) < 4 * 60_000
