"""Pictures over HTTP."""

import io
import math
import statistics
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest
from PIL import Image

from service.api.schemas.layers import ConfusionAnswer
from service.figures.plots.style import Look
from service.figures.sources.films import MOST_LAYERS, layers_film
from service.figures.sources.layers import MOST_EPOCHS, evenly_spaced, gradient_flow_picture
from service.histories import layer_statistics, means
from service.histories.means import GroupOfRuns
from tests.support.picture_reading import is_png, shapes, texts
from workers.diagnostics.boundary import Boundary

pytestmark = pytest.mark.slow

FOREVER = "private, max-age=31536000, immutable"

#: Validation accuracies of two epochs by activation and seed.
RESULTS = {
    "relu": [(0.90, 0.96), (0.91, 0.97)],
    "tanh": [(0.80, 0.92), (0.82, 0.94)],
    "sigmoid": [(0.11, 0.10), (0.10, 0.12)],
}


def train(lab, results, diverge=()):
    """Train what waits to these accuracies; some (activation, seed) diverge in epoch 2."""
    while held := lab.claim():
        activation = held.config["activation"]["name"]
        first, second = results[activation][held.seed]
        lab.epoch(held, 1, val_accuracy=first, val_loss=1 - first)
        if (activation, held.seed) in diverge:
            lab.epoch(held, 2, "diverged", val_accuracy=0.1, val_loss=math.nan)
        else:
            lab.epoch(held, 2, "completed", val_accuracy=second, val_loss=1 - second)


@pytest.fixture
def showdown(lab):
    """An experiment of three activations with two seeds each."""
    experiment_id = lab.submit(name="showdown", activation=[*RESULTS], seeds=2)
    train(lab, RESULTS)
    return experiment_id


def get(api, path, **query):
    return api.get(f"/v1/{path}", params=query)


def figure(experiment_id, name):
    return f"experiments/{experiment_id}/figures/{name}"


@pytest.mark.parametrize("name", ["learning_curves", "heatmap", "comparison"])
def test_an_experiments_figures_come_in_both_formats_and_themes(api, showdown, name):
    svg = get(api, figure(showdown, f"{name}.svg"))
    assert svg.status_code == 200, svg.text
    assert svg.headers["content-type"].startswith("image/svg+xml")
    assert "style-src 'unsafe-inline'" in svg.headers["content-security-policy"]
    said = texts(svg.content)
    assert any(each.startswith("showdown: ") for each in said)
    assert {"relu", "tanh", "sigmoid"} <= set(said)
    dark = get(api, figure(showdown, f"{name}.svg"), theme="dark")
    assert texts(dark.content) == said
    assert dark.content != svg.content
    png = get(api, figure(showdown, f"{name}.png"))
    assert png.headers["content-type"] == "image/png"
    assert is_png(png.content)


def test_a_finished_experiments_picture_may_be_kept(api, lab, showdown):
    first = get(api, figure(showdown, "learning_curves.svg"))
    assert first.headers["cache-control"] == FOREVER
    tag = {"if-none-match": first.headers["etag"]}
    path = f"/v1/{figure(showdown, 'learning_curves.svg')}"
    again = api.get(path, headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert api.get(path, params={"theme": "dark"}, headers=tag).status_code == 200
    experiment_id = lab.submit(activation="elu", seeds=2)
    lab.train(lab.taken())
    unfinished = get(api, figure(experiment_id, "learning_curves.svg"))
    assert unfinished.headers["cache-control"] == "private, no-cache"


def test_curves_stand_best_first_and_some_can_be_left_out(api, showdown):
    def shown(**query):
        said = texts(get(api, figure(showdown, "learning_curves.svg"), **query).content)
        return [each for each in said if each in RESULTS]

    assert shown() == ["relu", "tanh", "sigmoid"]
    assert shown(leave_out="activation:sigmoid") == ["relu", "tanh"]
    said = texts(
        get(api, figure(showdown, "learning_curves.svg"), leave_out="activation:sigmoid").content
    )
    assert any("Left out: sigmoid." in each for each in said)


def test_one_metric_can_be_asked_for(api, showdown):
    said = texts(get(api, figure(showdown, "learning_curves.svg"), metric="gradient_norm").content)
    assert "Gradient norm (log scale)" in said
    assert not any("accuracy" in each for each in said)


def test_a_heat_map_has_the_axes_asked_for_and_the_verdicts(api, lab):
    experiment_id = lab.submit(
        activation=["relu", "tanh"], initializer=["he_normal", "zeros"], seeds=2
    )
    train(lab, RESULTS, diverge={("tanh", 1)})
    lab.execute("UPDATE runs SET verdict = 'healthy' WHERE initializer = 'he_normal'")
    lab.execute("UPDATE runs SET verdict = 'symmetric' WHERE initializer = 'zeros'")
    lab.execute("UPDATE runs SET verdict = 'step_size' WHERE status = 'diverged'")
    said = texts(get(api, figure(experiment_id, "heatmap.svg")).content)
    assert {"he_normal", "zeros", "relu", "tanh", "Initializer", "healthy", "symmetric"} <= set(
        said
    )
    assert said.count("96.50%") == 2  # relu: mean of 96% and 97%
    assert said.count("51.68%") == 2  # tanh: the seed that diverged counts as guessing
    assert said.count("1/2 diverged") == 2
    turned = texts(
        get(api, figure(experiment_id, "heatmap.svg"), by="initializer,activation").content
    )
    assert turned.index("relu") < turned.index("he_normal")
    assert said.index("he_normal") < said.index("relu")


def test_a_heat_map_has_the_first_axes_that_vary_on_their_own(api, lab):
    """Auto gives each activation an initializer of its own: that axis would leave cells empty."""
    experiment_id = lab.submit(
        activation=["relu", "tanh"], normalization=["none", "batch"], batch_size=[8, 16]
    )
    lab.train_all(val_accuracy=0.9)
    said = texts(get(api, figure(experiment_id, "heatmap.svg")).content)
    assert {"Activation", "Normalization", "relu", "tanh", "none", "batch"} <= {*said}
    assert not {"Initializer", "he_uniform"} & {*said}
    assert said.count("90.00%") == 4


def test_a_heat_map_has_the_verdicts_of_the_runs_that_its_means_are_of(api, lab):
    losses = [
        {"name": "categorical_crossentropy", "label_smoothing": smoothing} for smoothing in (0, 0.9)
    ]
    experiment_id = lab.submit(
        activation=["relu", "tanh"], clipping=["none", "value"], loss=losses, seeds=2
    )
    while held := lab.claim():
        bad = held.config["loss"].get("label_smoothing") == 0.9
        lab.train(held, "diverged" if bad else "completed", val_accuracy=0.5 if bad else 0.9)
    lab.execute("UPDATE runs SET verdict = 'healthy' WHERE status = 'completed'")
    lab.execute("UPDATE runs SET verdict = 'step_size' WHERE status = 'diverged'")
    by = "activation,clipping"
    said = texts(get(api, figure(experiment_id, "heatmap.svg"), by=by).content)
    assert said.count("90.00%") == said.count("healthy") == 4
    assert not any("diverged" in each for each in said if "counts as" not in each)
    compared = get(api, figure(experiment_id, "comparison.svg"), by=by)
    assert not any("diverged" in each for each in texts(compared.content))
    alone = texts(get(api, figure(experiment_id, "comparison.svg"), by=f"{by},loss").content)
    assert sum("2 diverged" in each for each in alone) == 4


def test_curves_count_seeds_and_not_runs(api, lab):
    experiment_id = lab.submit(activation=["relu", "tanh"], batch_size=[8, 16], seeds=2)
    lab.train_all(val_accuracy=0.9)
    path = figure(experiment_id, "learning_curves.svg")
    said = " ".join(texts(get(api, path).content))
    assert "mean over 2 seeds;" in said
    said = " ".join(texts(get(api, path, by="activation").content))
    assert "mean over 4 runs (2 seeds);" in said


def test_variants_that_differ_in_no_axis_have_curves_of_their_own(api, lab):
    """As those with another ticket."""
    variants = [{"label": label, "batch_size": size} for label, size in (("a", 8), ("b", 16))]
    experiment_id = lab.submit(activation="relu", variants=variants, seeds=2)
    lab.train_all(val_accuracy=0.9)
    lab.execute("UPDATE runs SET labels = jsonb_set(labels, '{batch_size}', '8')")
    said = texts(get(api, figure(experiment_id, "learning_curves.svg")).content)
    assert {"a", "b", "variant"} <= {*said}
    said = texts(get(api, figure(experiment_id, "heatmap.svg")).content)
    assert {"a", "b", "Variant"} <= {*said}


def test_the_comparison_tells_what_the_api_tells(api, showdown):
    compared = get(api, f"experiments/{showdown}/comparison").json()
    said = texts(get(api, figure(showdown, "comparison.svg")).content)
    labels = [group["by"]["activation"] for group in compared["groups"]]
    assert [each for each in said if each in RESULTS] == labels
    written = " ".join(" ".join(said).split())  # a long statement has several lines
    for group in compared["groups"]:
        assert f"{group['mean']:.2%} {group['statement']}" in written
    assert compared["headline"] in " ".join(said)


def test_results_over_the_learning_rate(api, lab):
    rates = [{"name": "adam", "learning_rate": rate} for rate in (0.001, 0.01, 0.1)]
    experiment_id = lab.submit(activation=["relu", "tanh"], optimizer=rates, seeds=2)
    while held := lab.claim():
        rate = held.config["optimizer"]["learning_rate"]
        lab.train(held, val_accuracy=0.5 + rate + 0.01 * held.seed)
    answer = get(api, figure(experiment_id, "tuning.svg"))
    said = texts(answer.content)
    assert answer.headers["cache-control"] == FOREVER
    assert {"Learning rate", "relu", "tanh"} <= set(said)
    assert any("best learning rate" in each or "leads" in each for each in said)
    assert is_png(get(api, figure(experiment_id, "tuning.png"), theme="dark").content)
    problem = get(api, figure(experiment_id, "tuning.svg"), by="activation,optimizer")
    assert problem.status_code == 409
    assert "tune=optimizer.learning_rate" in problem.json()["detail"]


def test_a_runs_learning_curves(api, lab, showdown):
    run = lab.runs(showdown)[0]
    answer = get(api, f"runs/{run.id}/figures/learning_curves.svg")
    said = texts(answer.content)
    assert {"training", "validation"} <= set(said)
    assert any(each.startswith("relu, he_uniform, seed 0") for each in said)
    assert answer.headers["cache-control"] == FOREVER
    assert is_png(get(api, f"runs/{run.id}/figures/learning_curves.png", theme="dark").content)
    one = texts(
        get(api, f"runs/{run.id}/figures/learning_curves.svg", metric="learning_rate").content
    )
    assert "Learning rate (log scale)" in one
    missing = get(api, f"runs/{run.id}/figures/learning_curves.svg", metric="binary_accuracy")
    assert missing.status_code == 409
    assert "does not record binary_accuracy" in missing.json()["detail"]


def distribution(spread):
    """A distribution as a worker tells of it."""
    quantiles = {"0.5": 0.0}
    histogram = {"low": -spread, "high": spread, "counts": [1, 3, 3, 1]}
    moments = {"mean": 0.0, "std": spread / 2, "min": -spread, "max": spread}
    return {**moments, "quantiles": quantiles, "histogram": histogram}


def statistics_of(*names, spread=1.0, **more):
    parts = {part: distribution(spread) for part in layer_statistics.DISTRIBUTIONS}
    return {"samples": 100, "layers": [{"name": name, **parts} for name in names], **more}


BOUNDARY = Boundary(
    classes=2,
    extent=(-1.0, 1.0, -1.0, 1.0),
    size=3,
    predicted=[0, 0, 1] * 3,
    confidence=[0.9, 0.6, 0.9] * 3,
    points=[[-0.5, 0.0], [0.5, 0.0]],
    labels=[0, 1],
)


#: Of a validation part of ten samples: two bins of probabilities, three of losses.
OUTPUTS = {
    "samples": 10,
    "probability_edges": [0.0, 0.5, 1.0],
    "loss_edges": [0.01, 0.1, 1.0, 10.0],
    "classes": [
        {
            "label": label,
            "count": 5,
            "non_finite": label,
            "right": 3,
            "probabilities": [1, 4 - label],
            "losses": [3 - label, 1, 1],
        }
        for label in (0, 1)
    ],
    "confusion": [[3, 2], [1, 3]],
}


def _store(session, run_id, epoch, statistics):
    layer_statistics.store_layers(
        session,
        [layer_statistics.EncodedLayers(run_id, epoch, layer_statistics.encode(statistics))],
    )


@pytest.fixture
def probed(lab):
    """A finished run with layer statistics at epochs 0 and 2."""
    (run,) = lab.runs(lab.submit(activation="tanh", dataset="circles", model="mlp"))
    lab.train(lab.taken(), gradient_norm=0.5)
    with lab.sessions.begin() as session:
        inputs = distribution(4.0)
        turned = replace(BOUNDARY, predicted=[1, 1, 0] * 3).as_dict()
        first = statistics_of("dense_1", "output", inputs=inputs, boundary=turned)
        _store(session, run.id, 0, first)
        more = {"boundary": BOUNDARY.as_dict(), "outputs": OUTPUTS}
        last = statistics_of("dense_1", "output", spread=0.1, **more)
        _store(session, run.id, 2, last)
    return run.id


def test_a_runs_layers_at_an_epoch(api, probed):
    answer = get(api, f"runs/{probed}/figures/layers.svg")
    said = texts(answer.content)
    assert answer.headers["cache-control"] == FOREVER
    assert len(shapes(answer.content, "FillBetweenPolyCollection")) == 8
    assert {"z-values", "Weights", "Activations", "dense_1", "output", "0.5"} <= set(said)
    assert "tanh, glorot_uniform, seed 0: layers as initialized" in said
    later = texts(get(api, f"runs/{probed}/figures/layers.svg", epoch=2).content)
    assert "0.05" in later
    assert is_png(get(api, f"runs/{probed}/figures/layers.png", theme="dark").content)
    missing = get(api, f"runs/{probed}/figures/layers.svg", epoch=1)
    assert missing.status_code == 404
    assert "0, 2" in missing.json()["detail"]


def test_a_runs_layers_without_output_and_with_inputs(api, probed):
    hidden = texts(get(api, f"runs/{probed}/figures/layers.svg", output=False).content)
    assert "dense_1" in hidden
    assert "output" not in hidden
    for epoch in (0, 2):
        said = texts(
            get(api, f"runs/{probed}/figures/layers.svg", inputs=True, epoch=epoch).content
        )
        assert said[said.index("inputs") + 1] == "2"  # the standard deviation
    answer = get(api, f"runs/{probed}/layers", epoch=0).json()
    assert len(answer["inputs"]["histogram"]["edges"]) == 5
    assert answer["inputs"]["max"] == 4.0
    assert get(api, f"runs/{probed}/layers", epoch=2).json()["inputs"] is None


def test_mean_and_spread_by_layer(api, probed):
    path = f"runs/{probed}/figures/layer_moments.svg"
    answer = get(api, path)
    said = texts(answer.content)
    assert {"as initialized", "after epoch 2", "dense_1", "output"} <= {*said}
    assert "log scale" not in said
    assert answer.headers["cache-control"] == FOREVER
    one = get(api, path, epoch=2, output=False, y="log")
    assert not {"after epoch 2", "output"} & {*texts(one.content)}
    assert texts(one.content).count("log scale") == 4
    assert "after epoch 2" in texts(get(api, path, epoch=[0, 2]).content)
    assert is_png(get(api, path.replace("svg", "png"), theme="dark").content)
    missing = get(api, path, epoch=[0, 1])
    assert missing.status_code == 404
    assert "0, 2" in missing.json()["detail"]
    for wrong in (-1, "first", [*range(9)]):
        problem = get(api, path, epoch=wrong)
        assert {error["parameter"] for error in problem.json()["errors"]} == {"epoch"}


@pytest.fixture
def beside(lab):
    """A finished run of a smaller network, with statistics at epochs 0 and 1 of other samples."""
    (run,) = lab.runs(lab.submit(activation="relu", seeds=[4]))
    lab.train(lab.taken())
    with lab.sessions.begin() as session:
        for epoch in (0, 1):
            _store(session, run.id, epoch, statistics_of("output") | {"samples": 50})
    return run.id


def test_runs_side_by_side_in_one_picture(api, probed, beside):
    path = f"runs/{probed}/figures/layer_moments.svg"
    answer = get(api, path, epoch=0, beside=str(beside))
    said = texts(answer.content)
    assert {"tanh, seed 0", "relu, seed 4", "50 to 100 samples."} <= {*said}
    assert "2 runs as initialized: mean and spread by layer" in said
    assert {"1", "2"} <= {*said}  # layers of other names are numbered
    assert "dense_1" not in said
    assert answer.headers["cache-control"] == FOREVER
    last = texts(get(api, path, beside=[str(beside), str(probed)]).content)
    assert {"tanh, seed 0, after epoch 2", "relu, seed 4, after epoch 1"} <= {*last}
    problem = get(api, path, epoch=[0, 2, 4, 6, 8], beside=str(beside))
    assert problem.status_code == 422
    assert [error["parameter"] for error in problem.json()["errors"]] == ["beside"]
    unknown = "019aa3c8-7d40-7a5e-9c61-52f3b1a0d4e7"
    assert get(api, path, beside=unknown).status_code == 404


def test_runs_of_one_name_have_the_last_digits_of_their_ids(api, lab, probed):
    (again,) = lab.runs(lab.submit(activation="tanh", reuse=False))
    lab.train(lab.taken())
    with lab.sessions.begin() as session:
        _store(session, again.id, 0, statistics_of("dense_1", "output"))
    path = f"runs/{probed}/figures/layer_moments.svg"
    said = texts(get(api, path, epoch=0, beside=str(again.id)).content)
    digits = {f"tanh, seed 0 ({str(run)[-8:]})" for run in (probed, again.id)}
    assert digits <= {*said}
    assert said.count("dense_1") == 4


def test_inputs_of_an_older_version_cannot_be_drawn(api, lab):
    (run,) = lab.runs(lab.submit())
    lab.train(lab.taken())
    with lab.sessions.begin() as session:
        _store(session, run.id, 0, statistics_of("dense_1"))
    problem = get(api, f"runs/{run.id}/figures/layers.svg", inputs=True)
    assert problem.status_code == 409
    assert "older version" in problem.json()["detail"]


OF_STATISTICS = (
    "layers",
    "layer_moments",
    "gradient_flow",
    "decision_boundary",
    "outputs",
    "confusion",
)
TITLED = {
    "experiments": ("learning_curves", "heatmap", "comparison"),
    "runs": (
        "learning_curves",
        "layers",
        "layer_moments",
        "gradient_flow",
        "decision_boundary",
        "outputs",
        "confusion",
    ),
}


@pytest.mark.parametrize("kind", [*TITLED])
def test_every_figure_takes_a_title(api, probed, kind):
    run = get(api, f"runs/{probed}").json()
    owner = probed if kind == "runs" else run["experiment_id"]
    for name in TITLED[kind]:
        path = f"{kind}/{owner}/figures/{name}"
        said = texts(get(api, f"{path}.svg", title=r"Mine: $\\frac").content)
        assert r"Mine: $\\frac" in said
        assert not any("tanh, glorot" in text for text in said)
        problem = get(api, f"{path}.png", title="a" * 201)
        assert [error["parameter"] for error in problem.json()["errors"]] == ["title"]


def test_scales_can_be_asked_for(api, probed, showdown):
    path = figure(showdown, "learning_curves.svg")
    assert "Validation loss (log scale)" in texts(get(api, path).content)
    assert "Validation loss" in texts(get(api, path, y="linear").content)
    path = figure(showdown, "comparison.svg")
    assert "Validation accuracy (log scale)" in texts(get(api, path, x="log").content)
    for name in ("layers", "gradient_flow"):
        path = f"runs/{probed}/figures/{name}.svg"
        assert get(api, path, y="linear").content != get(api, path, y="log").content
        problem = get(api, path, y="cubic")
        assert [error["parameter"] for error in problem.json()["errors"]] == ["y"]


def test_a_runs_gradient_flow(api, probed):
    answer = get(api, f"runs/{probed}/figures/gradient_flow.svg")
    said = texts(answer.content)
    assert {"dense_1", "output", "Norm of the whole gradient, mean over steps"} <= set(said)
    assert answer.headers["cache-control"] == FOREVER
    assert is_png(get(api, f"runs/{probed}/figures/gradient_flow.png").content)


def test_a_runs_decision_boundary(api, probed, lab, showdown):
    answer = get(api, f"runs/{probed}/figures/decision_boundary.svg")
    assert len(shapes(answer.content, "QuadContourSet")) == 1
    assert {"class 0", "class 1"} <= set(texts(answer.content))
    assert is_png(get(api, f"runs/{probed}/figures/decision_boundary.png").content)
    assert any("After epoch 2." in text for text in texts(answer.content))
    first = get(api, f"runs/{probed}/figures/decision_boundary.svg", epoch=0)
    assert any("As initialized." in text for text in texts(first.content))
    assert first.headers["cache-control"] == FOREVER
    other = lab.runs(showdown)[0].id
    with lab.sessions.begin() as session:
        _store(session, other, 1, statistics_of("dense_1", boundary=asdict(BOUNDARY)))
        _store(session, other, 2, statistics_of("dense_1"))
    old = get(api, f"runs/{other}/decision_boundary", epoch=1).json()  # stored as numbers
    assert old["confidence"] == BOUNDARY.confidence
    problem = get(api, f"runs/{other}/figures/decision_boundary.svg")
    assert problem.status_code == 409
    assert "two features" in problem.json()["detail"]


def test_films_of_layers_and_of_the_boundary(api, lab, probed):
    for name, query in (("layers", {"output": False, "y": "log"}), ("decision_boundary", {})):
        path = f"runs/{probed}/figures/{name}.gif"
        answer = get(api, path, title=r"Mine: $\\frac", theme="dark", **query)
        assert answer.headers["content-type"] == "image/gif"
        assert answer.headers["cache-control"] == FOREVER
        film = Image.open(io.BytesIO(answer.content))
        assert film.n_frames == 2
        problem = get(api, path, epoch=3)
        assert {error["parameter"] for error in problem.json()["errors"]} == {"epoch"}
        assert get(api, f"runs/{uuid.uuid4()}/figures/{name}.gif").status_code == 404
    (run,) = lab.runs(lab.submit(activation="elu"))
    assert get(api, f"runs/{run.id}/figures/layers.gif").status_code == 404
    with lab.sessions.begin() as session:
        _store(session, run.id, 0, statistics_of("dense_1"))
    problem = get(api, f"runs/{run.id}/figures/decision_boundary.gif")
    assert problem.status_code == 409
    assert "two features" in problem.json()["detail"]


def test_a_film_of_a_long_training_is_thinned(lab, session):
    (run,) = lab.runs(lab.submit())
    lab.train(lab.taken())
    with lab.sessions.begin() as writing:
        for epoch in range(10):
            _store(writing, run.id, epoch, statistics_of(*map(str, range(80))))
    film = Image.open(io.BytesIO(layers_film(session, run.id, look=Look()).data))
    assert film.n_frames == MOST_LAYERS // 80


def test_a_boundary_as_numbers(api, probed):
    answer = get(api, f"runs/{probed}/decision_boundary")
    last = answer.json()
    assert (last["epoch"], last["epochs_available"]) == (2, [0, 2])
    assert last["predicted"] == BOUNDARY.predicted
    assert last["confidence"] == pytest.approx(BOUNDARY.confidence, abs=0.002)
    assert (last["points"], last["labels"]) == (BOUNDARY.points, BOUNDARY.labels)
    assert answer.headers["cache-control"] == FOREVER
    first = get(api, f"runs/{probed}/decision_boundary", epoch=0).json()
    assert first["predicted"] == [1, 1, 0] * 3
    assert get(api, f"runs/{probed}/decision_boundary", epoch=1).status_code == 404


def test_probabilities_and_losses_by_class(api, probed, lab):
    answer = get(api, f"runs/{probed}/outputs")
    assert answer.json()["classes"] == OUTPUTS["classes"]
    assert answer.json()["samples"] == 10
    picture = get(api, f"runs/{probed}/figures/outputs.svg")
    said = texts(picture.content)
    assert {"class 0", "class 1", "5 samples, 60.0% right"} <= {*said}
    assert "5 samples, 60.0% right, 1 not finite" in said
    assert any("After epoch 2, on 10 validation samples." in text for text in said)
    assert picture.headers["cache-control"] == FOREVER
    logarithmic = get(api, f"runs/{probed}/figures/outputs.svg", y="log")
    assert logarithmic.content != picture.content
    assert is_png(get(api, f"runs/{probed}/figures/outputs.png", theme="dark").content)
    (run,) = lab.runs(lab.submit(activation="elu"))
    with lab.sessions.begin() as session:
        _store(session, run.id, 0, statistics_of("dense_1"))
    for path in ("outputs", "figures/outputs.svg"):
        problem = get(api, f"runs/{run.id}/{path}")
        assert problem.status_code == 409
        assert "after the last epoch" in problem.json()["detail"]


def test_a_confusion_is_numbers_and_a_picture(api, probed, lab):
    answer = get(api, f"runs/{probed}/confusion")
    found = ConfusionAnswer.model_validate_json(answer.content)
    assert found.matrix == OUTPUTS["confusion"]
    assert (found.samples, found.right, found.non_finite) == (10, 6, 1)
    assert (found.accuracy, found.balanced_accuracy) == (0.6, 0.6)
    zero, one = found.classes[:2]
    assert (zero.count, zero.predicted, zero.recall, zero.precision) == (5, 4, 0.6, 0.75)
    assert (one.count, one.predicted, one.recall, one.precision) == (5, 5, 0.6, 0.6)
    assert zero.f1 == pytest.approx(2 * 0.6 * 0.75 / (0.6 + 0.75))
    assert answer.headers["cache-control"] == FOREVER
    picture = get(api, f"runs/{probed}/figures/confusion.svg")
    said = texts(picture.content)
    assert {"60%", "40%", "20%", "3", "2", "1", "0 (5)", "Predicted class"} <= {*said}
    assert any("on 10 validation samples: 60.0% right." in " ".join(t.split()) for t in said)
    assert any("Samples whose outputs are not finite: 1." in " ".join(t.split()) for t in said)
    assert is_png(get(api, f"runs/{probed}/figures/confusion.png", theme="dark").content)


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ({name: value for name, value in OUTPUTS.items() if name != "confusion"}, "older version"),
        (OUTPUTS | {"confusion": None}, "more than 100 classes"),
    ],
)
def test_a_confusion_that_was_not_recorded_is_a_conflict(api, lab, outputs, reason):
    (run,) = lab.runs(lab.submit(dataset="circles", model="mlp"))
    lab.train(lab.taken())
    with lab.sessions.begin() as session:
        _store(session, run.id, 2, statistics_of("dense_1", outputs=outputs))
    for path in ("confusion", "figures/confusion.svg"):
        problem = get(api, f"runs/{run.id}/{path}")
        assert problem.status_code == 409
        assert reason in problem.json()["detail"]


@pytest.mark.parametrize("name", OF_STATISTICS)
def test_a_run_without_layer_statistics_has_no_picture_of_them(api, lab, name):
    (run,) = lab.runs(lab.submit())
    problem = get(api, f"runs/{run.id}/figures/{name}.svg")
    assert problem.status_code == 404
    assert "has no layer statistics yet" in problem.json()["detail"]


def test_a_long_gradient_flow_is_thinned(lab, session):
    (run,) = lab.runs(lab.submit())
    lab.train(lab.taken())
    with lab.sessions.begin() as writing:
        for epoch in range(200):
            _store(writing, run.id, epoch, statistics_of("dense_1"))
    assert gradient_flow_picture(session, run.id, look=Look("png")).finished
    epochs = evenly_spaced(range(200), MOST_EPOCHS)
    assert epochs[:2] == [0, 3]
    assert (len(epochs), epochs[-1]) == (60, 199)
    assert evenly_spaced([0, 5], MOST_EPOCHS) == [0, 5]


def test_an_unknown_figure_is_answered_with_the_nearest(api, lab, showdown):
    run = lab.runs(showdown)[0]
    for path, near in (
        (figure(showdown, "heatmaps.svg"), "heatmap"),
        (figure(showdown, "learning_curve.png"), "learning_curves"),
        (f"runs/{run.id}/figures/gradientflow.svg", "gradient_flow"),
    ):
        problem = get(api, path)
        assert problem.status_code == 404
        assert problem.headers["content-type"] == "application/problem+json"
        assert f"did you mean '{near}'" in problem.json()["detail"]


@pytest.mark.parametrize(
    "name", ["learning_curves.svg", "heatmap.svg", "comparison.png", "nothing.svg"]
)
def test_figures_of_what_is_not_there(api, name):
    nobody = uuid.uuid4()
    for path in (
        figure(nobody, name),
        f"runs/{nobody}/figures/{name.replace('heatmap', 'layers')}",
    ):
        problem = get(api, path)
        assert problem.status_code == 404
        assert problem.json()["title"] == "Not found"


def test_an_experiment_without_results_has_no_pictures_yet(api, lab):
    experiment_id = lab.submit()
    (run,) = lab.runs(experiment_id)
    for name in ("learning_curves", "heatmap", "comparison"):
        problem = get(api, figure(experiment_id, f"{name}.svg"))
        assert (problem.status_code, problem.json()["title"]) == (409, "Conflict")
        assert problem.json()["detail"].endswith("yet.")
    assert get(api, f"runs/{run.id}/figures/learning_curves.svg").status_code == 409


@pytest.mark.parametrize(
    ("name", "query", "parameter"),
    [
        ("heatmap.gif", {}, "kind"),
        ("heatmap.svg", {"theme": "sepia"}, "theme"),
        ("heatmap.svg", {"by": "activation"}, "by"),
        ("heatmap.svg", {"by": "activation,actvation"}, "by"),
        ("heatmap.svg", {"leave_out": "activation:relu"}, "leave_out"),
        ("comparison.svg", {"metric": "learning_rate"}, "metric"),
        ("comparison.svg", {"at": "first"}, "at"),
        ("learning_curves.svg", {"metric": "acuracy"}, "metric"),
        ("learning_curves.svg", {"leave_out": "sigmoid"}, "leave_out"),
        ("learning_curves.svg", {"leave_out": "activation:sigmod"}, "leave_out"),
        ("learning_curves.svg", {"leave_out": "activaton:sigmoid"}, "leave_out"),
        ("learning_curves.svg", {"by": "seed"}, "by"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_its_parameter(api, showdown, name, query, parameter):
    problem = get(api, figure(showdown, name), **query)
    assert problem.status_code == 422, problem.text
    assert [error["parameter"] for error in problem.json()["errors"]] == [parameter]


def test_pictures_can_be_drawn_side_by_side(api, showdown):
    """Themes are settings of the process; neither picture takes the other's."""
    path = figure(showdown, "comparison.svg")
    alone = {theme: get(api, path, theme=theme).content for theme in ("light", "dark")}
    with ThreadPoolExecutor(8) as pool:
        drawn = [(theme, pool.submit(get, api, path, theme=theme)) for theme in [*alone] * 8]
    assert all(answer.result().content == alone[theme] for theme, answer in drawn)


def test_mean_histories_are_those_of_the_runs(lab, session):
    experiment_id = lab.submit(activation=[*RESULTS], seeds=2)
    train(lab, RESULTS, diverge={("tanh", 0), ("sigmoid", 0), ("sigmoid", 1)})
    hashes = {run.activation: (run.config_hash, None) for run in lab.runs(experiment_id)}
    groups = [
        GroupOfRuns([hashes["relu"]], diverged=False),
        GroupOfRuns([hashes["tanh"]], diverged=False),
        GroupOfRuns([hashes["sigmoid"]], diverged=True),
        GroupOfRuns([hashes["relu"], hashes["tanh"]], diverged=False),
    ]
    relu, tanh, sigmoid, both = means.read_means(
        session, experiment_id, groups, ("val_accuracy", "val_loss")
    )
    for epoch in (0, 1):
        values = [seed[epoch] for seed in RESULTS["relu"]]
        expected = (statistics.fmean(values), statistics.stdev(values))
        assert relu.metrics["val_accuracy"][epoch] == pytest.approx(expected)
    assert tanh.metrics["val_accuracy"] == [(0.82, 0.0), (0.94, 0.0)]
    assert sigmoid.epochs == [1, 2]
    assert math.isnan(sigmoid.metrics["val_loss"][1][0])
    assert both.metrics["val_accuracy"][1][0] == pytest.approx((0.96 + 0.97 + 0.94) / 3)


def test_a_training_that_variants_share_counts_once(lab, session):
    variants = [{"label": "one", "activation": "relu"}, {"label": "two", "activation": "relu"}]
    experiment_id = lab.submit(activation="relu", variants=variants, seeds=2, reuse=False)
    train(lab, RESULTS)
    runs = lab.runs(experiment_id)
    assert len(runs) == 4
    group = GroupOfRuns([*{(run.config_hash, run.label) for run in runs}], diverged=False)
    (history,) = means.read_means(session, experiment_id, [group], ("val_accuracy",))
    values = [seed[1] for seed in RESULTS["relu"]]
    assert history.metrics["val_accuracy"][1][1] == pytest.approx(statistics.stdev(values))


def test_long_histories_are_thinned_and_keep_their_ends(lab, session):
    experiment_id = lab.submit(epochs=900)
    (run,) = lab.runs(experiment_id)
    lab.execute(
        "INSERT INTO epochs (run_id, epoch, val_loss) "
        "SELECT :id, number, number FROM generate_series(1, 899) AS number",
        id=run.id,
    )
    lab.execute("UPDATE runs SET epoch = 899 WHERE id = :id", id=run.id)
    group = GroupOfRuns([(run.config_hash, None)], diverged=False)
    (history,) = means.read_means(session, experiment_id, [group], ("val_loss",))
    assert (history.epochs[0], history.epochs[-1]) == (1, 899)
    assert 100 < len(history.epochs) <= means.MOST_EPOCHS + 2
    assert [mean for mean, _ in history.metrics["val_loss"]] == history.epochs
