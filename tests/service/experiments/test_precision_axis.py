"""The axis precision in answers, also of runs that were stored before there was one."""

import csv
import io

import pytest
from sqlalchemy import text

from service.comparison import ranking
from service.comparison.question import Question
from service.experiments.cost import estimate
from service.histories.exports import as_csv
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec


@pytest.fixture
def experiment_id(lab):
    """An experiment of one run of each precision; labels of float32 are as they were before."""
    found = lab.submit(precision=["float32", "bfloat16"], epochs=1)
    lab.train_all()
    with lab.sessions() as session, session.begin():
        session.execute(
            text(
                "UPDATE runs SET labels = labels - 'precision' "
                "WHERE labels ->> 'precision' = 'float32'"
            )
        )
    return found


def test_runs_without_a_precision_compare_as_float32(lab, experiment_id):
    with lab.sessions() as session:
        groups = ranking.compare(session, experiment_id, Question(by=("precision",))).groups
    assert {group.by["precision"] for group in groups} == {"float32", "bfloat16"}


def test_they_are_exported_and_answered_as_float32(api, lab, experiment_id):
    rows = csv.DictReader(io.StringIO(b"".join(as_csv(lab.sessions, experiment_id)).decode()))
    assert [row["precision"] for row in rows] == ["float32", "bfloat16"]
    found = api.get(f"/v1/runs?experiment_id={experiment_id}&order_by=position").json()["items"]
    assert [run["labels"]["precision"] for run in found] == ["float32", "bfloat16"]
    assert [run["name"] for run in found] == ["float32", "bfloat16"]
    query = {"experiment_ids": [str(experiment_id)], "filter": "params.precision = 'float32'"}
    answer = api.post("/api/2.0/mlflow/runs/search", json=query).json()
    (run,) = answer["runs"]
    params = {param["key"]: param["value"] for param in run["data"]["params"]}
    assert params["precision"] == "float32"


@pytest.mark.parametrize(
    ("device", "precision", "note"),
    [
        ("cpu", "float32", None),
        ("cpu", "bfloat16", "avx512_bf16"),
        ("cuda", "bfloat16", "on this GPU"),
        ("cuda", "tf32", "on this GPU"),
    ],
)
def test_a_rate_says_what_a_precision_that_was_not_measured_leaves_open(
    lab, device, precision, note
):
    spec = {"activation": "relu", "precision": precision, "seeds": 1, "device": device}
    wanted = ExperimentSpec.model_validate(spec)
    planned = expand(wanted, Limits())
    with lab.sessions() as session, session.begin():
        found = estimate(session, planned, wanted, caller="test", settings=lab.settings)
    (rate,) = found.rates
    assert rate.precision == precision
    assert (rate.note is None) == (note is None)
    assert (note or "") in (rate.note or "")
