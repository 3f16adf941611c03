"""An experiment that has something to show in every view of results."""

from typing import Any

from service.histories.diagnoses import Insight
from tests.support.layer_samples import SICK, drawable

_SPEC = {
    "model": {"name": "mlp", "hidden_units": [8, 8]},
    "activation": ["relu", "tanh"],
    "initializer": ["he_normal", "glorot_uniform"],
    "seeds": 2,
}


def result_views(lab: Any, *, trained: int, **fields: Any) -> list[str]:
    """Submit an experiment, let so many runs be trained, and return the views that show it.

    The first run has the layer statistics and findings of a sick network.
    """
    made = lab.submit(**(_SPEC | fields))
    first = lab.taken()
    lab.start(first, Insight(drawable(layers=3), SICK))
    lab.train(first, val_accuracy=0.9)
    for number in range(trained - 1):
        lab.train(lab.taken(), val_accuracy=0.5 + number / 100)
    runs = ",".join(str(run.id) for run in lab.runs(made)[:2])
    return [f"#/experiments/{made}", f"#/runs/{first.run_id}", f"#/compare?runs={runs}"]
