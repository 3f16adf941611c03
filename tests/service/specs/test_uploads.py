"""Uploaded data sets in a spec: what an id becomes in the configurations of its runs."""

import pytest

from service.comparison.guessing import guess
from service.comparison.precision import step
from service.specs.expansion import SpecError, config_hash, expand
from service.specs.labels import label_runs
from service.specs.limits import Limits
from service.specs.packing import pack_key
from service.specs.resolution import network_of
from service.specs.spec import ExperimentSpec, RunConfig
from service.specs.uploads import UploadedFacts, ids_of

TABLE = "019ac4f2-9a1c-7b52-8d0e-4f1c2a6b7d30"
IMAGES = "019ac4f2-9a1c-7b52-8d0e-4f1c2a6b7d31"
UPLOADS = {
    TABLE: UploadedFacts("ab" * 32, (12,), 3, None, 0.5, 8000, 2000),
    IMAGES: UploadedFacts("cd" * 32, (1, 8, 8), 2, 255.0, 0.75, 100, 20),
}
BASE = {"model": {"name": "mlp", "hidden_units": [4]}, "activation": "relu", "batch_size": 10}


def runs_of(*datasets, **fields):
    named = [{"name": "uploaded"} | dataset for dataset in datasets]
    return expand(
        ExperimentSpec.model_validate(BASE | fields | {"dataset": named}), Limits(), UPLOADS
    )


def test_the_ids_of_a_spec_are_found_in_lists_and_variants():
    spec = ExperimentSpec.model_validate(
        BASE
        | {
            "dataset": ["digits", {"name": "uploaded", "id": [TABLE.upper()]}],
            "variants": [{"label": "a", "dataset": {"name": "uploaded", "id": IMAGES}}],
        }
    )
    assert ids_of(spec) == {TABLE, IMAGES}


def test_a_configuration_has_the_facts_and_the_usual_preprocessing():
    table, images = (run.config.dataset.parameters for run in runs_of({"id": [TABLE, IMAGES]}))
    assert (table["sha256"], table["train_size"], table["test_size"]) == ("ab" * 32, 8000, 2000)
    assert (table["validation_split"], images["validation_split"]) == (0.2, 0.2)
    assert [part["preprocessing"].name for part in (table, images)] == ["standardize", "scale"]


@pytest.mark.parametrize(
    ("said", "split"),
    [({"validation_split": 0.0}, 0.0), ({"folds": 5, "fold": 1}, 0.0), ({}, 0.2)],
)
def test_a_fifth_is_held_out_unless_something_else_is_said(said, split):
    (run,) = runs_of({"id": TABLE} | said)
    assert run.config.dataset.parameters["validation_split"] == split


def test_a_stored_configuration_is_read_again_with_its_hash_and_its_network():
    (run,) = runs_of({"id": TABLE, "train_size": 500})
    read = RunConfig.model_validate(run.configuration.values)
    assert config_hash(read) == run.config_hash
    layers = network_of(read.dataset, read.model, read.activation)
    assert [(layer.inputs, layer.features) for layer in layers.layers] == [(12, 4), (4, 3)]
    assert pack_key(run.configuration) is not None
    assert guess("val_accuracy", run.configuration.values) == 0.5
    assert step("test_accuracy", run.configuration.values) == 1 / 2000


def test_labels_tell_contents_and_sizes_apart():
    runs = runs_of({"id": [TABLE, IMAGES], "test_size": [10, 20]})
    labels = [found.by_axis["dataset"] for found in label_runs(runs).values()]
    assert labels == [
        "uploaded(abababab, train_size=8000, test_size=10, preprocessing=standardize)",
        "uploaded(abababab, train_size=8000, test_size=20, preprocessing=standardize)",
        "uploaded(cdcdcdcd, train_size=100, test_size=10, preprocessing=scale)",
        "uploaded(cdcdcdcd, train_size=100, test_size=20, preprocessing=scale)",
    ]
    (alone,) = label_runs(runs_of({"id": TABLE})).values()
    assert alone.by_axis["dataset"] == "uploaded(abababab)"


def test_what_is_not_there_is_refused_at_its_place():
    with pytest.raises(SpecError) as refused:
        runs_of({"id": TABLE, "train_size": [500, 8001]}, {"id": TABLE[:-1] + "9"})
    assert [(error.location, error.detail) for error in refused.value.errors] == [
        (
            ("dataset", 0, "train_size", 1),
            "The data set has 8,000 samples in this part, not 8,001.",
        ),
        (
            ("dataset", 1, "id"),
            f"There is no data set {TABLE[:-1]}9; `GET /v1/datasets` lists them.",
        ),
    ]


def test_rules_know_the_shape():
    with pytest.raises(SpecError, match="mnist_cnn needs images"):
        runs_of({"id": TABLE}, model="mnist_cnn")
    with pytest.raises(SpecError, match="13 components are more than uploaded gives here"):
        runs_of({"id": TABLE, "preprocessing": {"name": "pca", "components": 13}})
