"""``python -m docs.generate.mean_field_table``: the table of docs/mean-field.md.

Predictions beside measurements, of networks of ten hidden layers of 300 units on standardized
MNIST: as initialized, probed as a worker probes them, geometric means over three seeds.
"""

import math
from collections.abc import Iterator
from typing import Any

from docs.generate.markdown import table
from service.mean_field.prediction import Prediction, predict
from service.specs.expansion import PlannedRun, expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from workers.datasets.loading import load
from workers.diagnostics.flow import Flow, flow_of
from workers.diagnostics.probe import Probe
from workers.nn.losses import LOSSES
from workers.training.assembly import build_network
from workers.training.streams import Streams

_SAMPLES = 1_000
_SPEC: dict[str, Any] = {
    "dataset": {"name": "mnist", "preprocessing": "standardize"},
    "model": {"name": "mlp", "hidden_units": [300] * 10},
    "seeds": 3,
}
_HEAD = (
    "network",
    "q*",
    "c*",
    "chi_1",
    "depth scale",
    "signal",
    "measured",
    "gradient",
    "measured",
)


def _specs() -> Iterator[dict[str, Any]]:
    for activation, initializer in (
        ("relu", "auto"),
        ("relu", "glorot_uniform"),
        ("tanh", "auto"),
        ("sigmoid", "glorot_uniform"),
        ("sigmoid", "auto"),
        ("hard_sigmoid", "glorot_uniform"),
        ("hard_sigmoid", "auto"),
        ("elu", "he_uniform"),
        ("elu", "auto"),
        ("selu", "auto"),
        ("gelu", "auto"),
        ("silu", "auto"),
        ("softplus", "auto"),
        ({"name": "leaky_relu", "negative_slope": 0.5}, "he_uniform"),
        ({"name": "leaky_relu", "negative_slope": 0.5}, "auto"),
        ("maxout", "he_uniform"),
        ("maxout", "auto"),
        ("relu", "orthogonal"),
        ("tanh", "lsuv"),
    ):
        yield {"activation": activation, "initializer": initializer}
    for normalization in ("batch", "layer"):
        yield {"activation": "relu", "normalization": normalization}


def main() -> None:
    """Print the table."""
    print(table(_HEAD, map(_row, _specs())))


def _row(spec: dict[str, Any]) -> tuple[str, ...]:
    planned = expand(ExperimentSpec.model_validate(_SPEC | spec), Limits())
    config = planned[0].config
    found, flows = predict(config), [_measured(run) for run in planned]
    normalized = (
        "" if config.normalization.name == "none" else f", {config.normalization.name} norm"
    )
    initializer = config.initializer.name
    if spec.get("initializer", "auto") == "auto":
        initializer = f"auto ({initializer})"
    return (
        f"{config.activation}, {initializer}{normalized}",
        *_fixed_point(found),
        f"{found.signal:.2g}",
        f"{_geometric([flow.forward for flow in flows]):.2g}",
        f"{found.gradient:.2g}",
        f"{_geometric([flow.backward for flow in flows]):.2g}",
    )


def _fixed_point(found: Prediction) -> tuple[str, ...]:
    point = found.fixed_point
    return (
        f"{point.length:.3g}",
        f"{point.correlation:.2f}",
        f"{point.chi:.3f}",
        f"{point.depth_scale:.3g}",
    )


def _geometric(values: list[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def _measured(run: PlannedRun) -> Flow:
    data = load(run.config.dataset)
    network = build_network(run.config, data, Streams(run.seed))
    inputs, labels = data.train.inputs[:_SAMPLES], data.train.labels[:_SAMPLES]
    probe = Probe(
        network, LOSSES[run.config.loss.name](**run.config.loss.parameters).function, len(labels)
    )
    for part in probe.chunks():
        probe.add(inputs[part], labels[part])
    return flow_of(probe.statistics())


if __name__ == "__main__":
    main()
