"""Packs of small runs, as tests train them and read their bits."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from service.catalog.axes import AXES
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.packing import Form, pack_key
from service.specs.spec import ExperimentSpec, RunConfig
from workers.datasets.dataset import Dataset
from workers.datasets.loading import load
from workers.training.jobs import create_job
from workers.training.packed.training import PackedTraining
from workers.training.results import EpochResult, Pulse, StartResult

CPU = torch.device("cpu")
BASE: dict[str, Any] = {
    "dataset": {"name": "digits", "train_size": 50, "test_size": 30},
    "model": {"name": "mlp", "hidden_units": [11, 6]},
    "activation": "relu",
    "dropout": {"name": "dropout", "rate": 0.2},
    "optimizer": {"name": "sgd", "learning_rate": 0.05},
    "batch_size": 20,
    "epochs": 2,
    "seeds": [3, 8],
    "layer_statistics": "off",
}
PARAMETRIC = ("prelu", "maxout", "glu", "swiglu", "geglu")
ELEMENTWISE = [name for name in AXES["activation"] if name not in PARAMETRIC]
REQUIRED = {"constant": {"value": 0.1}}
#: Axes that may vary inside a pack of mlps, each with several of its values.
VARIED: dict[str, dict[str, Any]] = {
    "activation": {"activation": ELEMENTWISE, "seeds": [3]},
    "slope": {"activation": [{"name": "leaky_relu", "negative_slope": a} for a in (0.1, 0.3)]},
    "formula": {
        "activation": [
            {
                "name": "formula",
                "expression": ["x * sigmoid(b * x)", "where(x > 0, x, b * (exp(x) - 1))"],
                "parameters": {"b": [0.5, 1.702]},
            },
            "tanh",
        ],
        "seeds": [3],
    },
    "prelu": {"activation": [{"name": "prelu", "initial_slope": a} for a in (0.1, 0.25)]},
    "maxout": {"activation": {"name": "maxout", "pieces": 2}, "dropout": "none"},
    **{name: {"activation": name, "dropout": "none"} for name in ("glu", "swiglu", "geglu")},
    "initializer": {
        "initializer": [
            {"name": name, **REQUIRED.get(name, {})}
            for name in AXES["initializer"]
            if name != "fixup"  # of residual networks, which are never packed
        ],
        "seeds": [3],
    },
    "bias": {"bias_initializer": ["zeros", {"name": "constant", "value": 0.2}]},
    "dropout": {"dropout": [{"name": "dropout", "rate": rate} for rate in (0.1, [0.5, 0.0])]},
    "alpha_dropout": {
        "activation": "selu",
        "dropout": [{"name": "alpha_dropout", "rate": rate} for rate in (0.1, 0.3)],
    },
    "value": {"clipping": [{"name": "value", "threshold": t} for t in (0.001, 0.1)]},
    "norm": {"clipping": [{"name": "norm", "max_norm": t} for t in (0.01, 1.0)]},
    "each_norm": {"clipping": [{"name": "per_parameter_norm", "max_norm": t} for t in (0.01, 1)]},
    "adaptive": {"clipping": [{"name": "adaptive", "clipping": t} for t in (0.001, 0.1)]},
    "sgd": {
        "optimizer": [
            {"name": "sgd"},
            {"name": "sgd", "momentum": 0.9},
            {"name": "sgd", "momentum": 0.5, "nesterov": True, "schedule": "cosine"},
        ]
    },
    **{
        name: {
            "optimizer": [
                {"name": name, "learning_rate": 0.01},
                {"name": name, "learning_rate": 0.002, "schedule": "warmup"},
            ]
        }
        for name in ("adam", "adamw", "rmsprop", "adagrad", "nadam", "lion")
    },
    **{
        f"{name}_decay": {
            "optimizer": [{"name": name}]
            + [{"name": name, f"{kind}_weight_decay": 0.1} for kind in ("coupled", "decoupled")]
        }
        for name in ("sgd", "adam", "rmsprop", "adagrad", "nadam", "lion")
    },
    "momentum_decay": {"optimizer": [{"name": "nadam", "momentum_decay": d} for d in (0.0, 0.1)]},
    "one_cycle": {"optimizer": [{"name": "sgd", "schedule": s} for s in ("constant", "one_cycle")]},
    "plateau": {
        "optimizer": [
            {"name": "sgd", "schedule": {"name": "reduce_on_plateau", "patience": 1} | plateau}
            for plateau in ({"min_delta": 10.0}, {"metric": "val_accuracy"})
        ],
        "epochs": 5,
    },
    "early_stopping": {
        "early_stopping": {"metric": "val_accuracy", "patience": 1},
        "optimizer": [{"name": "sgd", "learning_rate": rate} for rate in (0.0, 0.05, 0.2)],
        "epochs": 6,
        "layer_statistics": {"every": 4, "samples": 20},
    },
    "label_smoothing": {
        "loss": {"name": "categorical_crossentropy", "label_smoothing": 0.2},
        "layer_statistics": {"every": 1, "samples": 20},
    },
    "smoothed_sigmoids": {"loss": {"name": "binary_crossentropy", "label_smoothing": 0.2}},
    "weight_decay": {"optimizer": [{"name": "adamw", "weight_decay": w} for w in (0.0, 0.1)]},
    "accumulator": {
        "optimizer": [{"name": "adagrad", "initial_accumulator": a} for a in (0.0, 0.5)]
    },
    **{f"{name}_norm": {"normalization": name} for name in ("batch", "layer", "instance")},
    "group_norm": {"normalization": {"name": "group", "groups": 1}},
    "switchable_norm": {"normalization": "switchable"},
    "rms_norm": {"normalization": "rms"},
    "weight_norm": {
        "normalization": "weight",
        "initializer": ["he_uniform", "orthogonal"],
        "layer_statistics": {"every": 1, "samples": 20},
        "clipping": {"name": "norm", "max_norm": 0.5},
    },
    # With tanh: relu's zeros give a layer without variance, which makes rounding large.
    **{
        f"{name}_norm_after": {
            "normalization": {"name": name, "position": "after_activation"},
            "activation": "tanh",
        }
        for name in ("batch", "layer", "rms")
    },
    "statistics": {"layer_statistics": {"every": 1, "samples": 20}},
    "bfloat16": {
        "precision": "bfloat16",
        "activation": ["relu", "tanh", "gelu"],
        "layer_statistics": {"every": 1, "samples": 20},
    },
    "float16": {
        "precision": "float16",
        "device": "cuda",
        "optimizer": [{"name": "adam", "learning_rate": rate} for rate in (0.01, 0.001)],
    },
    **{
        f"bfloat16_{name}_norm": {"precision": "bfloat16", "normalization": name}
        for name in ("batch", "layer", "weight")
    },
    "binary": {"dataset": {"name": "moons", "train_size": 50, "test_size": 30}},
    "ten_sigmoids": {"loss": "binary_crossentropy"},
    **{
        loss["name"]: {
            "dataset": {
                "name": "friedman",
                "train_size": 50,
                "test_size": 30,
                "folds": 5,
                "fold": 1,
            },
            "loss": loss,
            "early_stopping": {"metric": "val_rmse", "patience": 1},
            "optimizer": [{"name": "sgd", "learning_rate": rate} for rate in (0.01, 0.05)],
            "epochs": 4,
            "layer_statistics": {"every": 1, "samples": 20},
        }
        for loss in (
            {"name": "mean_squared_error"},
            {"name": "mean_absolute_error"},
            {"name": "huber", "delta": 0.5},
        )
    },
    "held_out": {"dataset": BASE["dataset"] | {"validation_split": 0.3}},
    "one_sample": {"batch_size": 1, "dataset": {"name": "digits", "train_size": 9, "test_size": 7}},
}

_CNN: dict[str, Any] = {
    "dataset": {"name": "mnist", "train_size": 24, "test_size": 16},
    "model": {"name": "mnist_cnn", "channels": [4, 6], "units": [8]},
    "activation": ["relu", "gelu", "tanh"],
    "dropout": {"name": "dropout", "rate": [0.1, 0.4]},
    "clipping": {"name": "value", "threshold": 0.1},
    "seeds": [3],
}
#: The kinds of packs of convolutional networks.
CNNS: dict[str, dict[str, Any]] = {
    "activations": _CNN | {"optimizer": "adam"},
    "maxout": _CNN | {"activation": {"name": "maxout"}, "dropout": "none", "seeds": [3, 8]},
    "prelu": _CNN | {"activation": "prelu", "seeds": [3, 8]},
    "bfloat16": _CNN | {"precision": "bfloat16"},
    "geglu": _CNN | {"activation": "geglu", "dropout": "none", "seeds": [3, 8]},
    **{
        f"{' '.join(map(str, normalization.values()))} norm": _CNN
        | {"normalization": normalization}
        for normalization in (
            {"name": "batch"},
            {"name": "weight"},
            {"name": "layer"},
            {"name": "instance"},
            {"name": "group", "groups": 2},
            {"name": "switchable"},
            {"name": "rms"},
            {"name": "batch", "position": "after_activation"},
        )
    },
}

#: Configuration and seed of each.
Runs = list[tuple[RunConfig, int]]


def runs_of(spec: dict[str, Any]) -> tuple[Runs, Dataset]:
    """Return the runs of a spec, which form one pack, and their data set."""
    runs = expand(ExperimentSpec.model_validate(BASE | spec), Limits())
    (key,) = {pack_key(run.configuration) for run in runs}
    assert key is not None
    return [(run.config, run.seed) for run in runs], load(runs[0].config.dataset)


def seen(result: StartResult | EpochResult) -> Any:
    """Return a result's bits, with its layer statistics, without the seconds."""
    metrics = result.metrics if isinstance(result, EpochResult) else {}
    return (
        {name: value.hex() for name, value in metrics.items() if name != "epoch_seconds"},
        result.statistics and repr(result.statistics.as_dict()),
    )


def seen_with_weights(pack: PackedTraining, member: int, result: StartResult | EpochResult) -> Any:
    """Return a result's bits, of an epoch with those of the weights at its end."""
    if isinstance(result, StartResult):
        return (*seen(result), {})
    return (*seen(result), bits_of(pack.members[member].weights()))


def bits_of(tensors: Mapping[str, Tensor]) -> dict[str, int]:
    """Return a hash of the bits of each tensor, without the seconds of a state."""
    return {
        name: hash(tensor.numpy().tobytes())
        for name, tensor in tensors.items()
        if name != "seconds"
    }


def trained(
    pack: PackedTraining, *, at_pulse: Callable[[PackedTraining], None] = lambda _: None
) -> dict[int, list[Any]]:
    """Train to the end; return each member's results and weights, as bits.

    Args:
        pack: not begun yet.
        at_pulse: called at each pulse.
    """
    found: dict[int, list[Any]] = {}
    for item in pack.run():
        if isinstance(item, Pulse):
            at_pulse(pack)
            continue
        for member, result in item.items():
            found.setdefault(member, []).append(seen_with_weights(pack, member, result))
    return found


def without_seconds(result: EpochResult) -> dict[str, float]:
    """Return the metrics of an epoch that are equal in each training of it."""
    return {name: value for name, value in result.metrics.items() if name != "epoch_seconds"}


def metrics_and_states(form: Form, run: Any, data: Dataset) -> tuple[list[Any], list[Any]]:
    """Train one run to the end; return the metrics of each epoch, and the state at each pulse."""
    job, metrics, states = create_job(form, [run], data, CPU), [], []
    for item in job.run():
        if isinstance(item, Pulse):
            states.append(job.members[0].state())
        else:
            metrics.append(without_seconds(item[0]))
    return metrics, states


def metrics_from(state: Any, form: Form, run: Any, data: Dataset) -> list[Any]:
    """Return the metrics of the epochs that are left to a run that goes on from a state."""
    job = create_job(form, [run], data, CPU)
    job.members[0].restore(state)
    return [without_seconds(item[0]) for item in job.run() if not isinstance(item, Pulse)]
