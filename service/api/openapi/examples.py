"""Examples of requests and answers for the API's description; tests check that they are valid."""

from typing import Any

from service.specs.expansion import expand
from service.specs.labels import label_runs
from service.specs.limits import Limits
from service.specs.resolution import initializer_reason
from service.specs.spec import ExperimentSpec

_EXPERIMENT_ID = "019aa3c8-7d40-7a5e-9c61-52f3b1a0d4e7"
_RUN_ID = "019aa3c8-7d41-7f02-8b1d-6e9a40c2d853"

SPEC: dict[str, Any] = {
    "name": "activation showdown",
    "tags": {"course": "deep-learning"},
    "dataset": {"name": "mnist", "train_size": 12000, "test_size": 2000},
    "activation": ["relu", "tanh", {"name": "leaky_relu", "negative_slope": 0.2}],
    "clipping": {"name": "value", "threshold": 0.5},
    "epochs": 3,
    "seeds": 3,
}

LEARNING_RATES: dict[str, Any] = {
    "name": "which learning rate",
    "dataset": "digits",
    "model": {"name": "mlp", "hidden_units": [32, 32]},
    "activation": ["relu", "tanh"],
    "optimizer": {
        "name": "adam",
        "learning_rate": {"low": 0.0001, "high": 0.01, "count": 5, "scale": "log"},
    },
    "seeds": 3,
}

VARIANTS: dict[str, Any] = {
    "name": "selu with its own initializer",
    "epochs": 3,
    "variants": [
        {"label": "relu, as usual", "activation": "relu"},
        {"label": "selu, as its paper has it", "activation": "selu"},
        {
            "label": "selu, as relu",
            "activation": "selu",
            "initializer": "he_uniform",
            "dropout": {"name": "dropout", "rate": [0.25, 0.5]},
        },
    ],
}

_SPEC = ExperimentSpec.model_validate(SPEC)
_RUNS = expand(_SPEC, Limits())
_PLANNED = _RUNS[0]
_CONFIG = _PLANNED.configuration.values
_LABELS = label_runs(_RUNS)[_PLANNED.key]

_ALIKE = {"z_mean": 0.0, "z_std": 0.473286}
_RECTIFIED = {"activation_mean": 0.188814, "activation_std": 0.276314}

#: Theory beside a run. It is written out, and held to the theory by a test: computing it imports
#: scipy, which takes longer than a start.
PREDICTION: dict[str, Any] = {
    "initializer_reason": initializer_reason(_PLANNED.config),
    "prediction": {
        "q_star": 0.224,
        "c_star": 1.0,
        "chi_1": 1.0,
        "depth_scale": "Infinity",
        "hidden_layers": 3,
        "signal": 0.734282,
        "gradient": 1.0,
        "risk": "none",
        "sentence": "Over 3 hidden layers the signal is multiplied by 0.73 and the gradient by 1. "
        "Max-pooling is neglected.",
        "layers": [
            {
                "name": "conv_1",
                "q": 0.224,
                "c": 0.152429,
                "signal": 0.435725,
                "gradient": 1.0,
                **_ALIKE,
                **_RECTIFIED,
            },
            {
                "name": "conv_2",
                "q": 0.224,
                "c": 0.398229,
                "signal": 0.367147,
                "gradient": 1.0,
                **_ALIKE,
                **_RECTIFIED,
            },
            {
                "name": "dense_1",
                "q": 0.224,
                "c": 0.543015,
                "signal": 0.319945,
                "gradient": 1.0,
                **_ALIKE,
                **_RECTIFIED,
            },
            {
                "name": "output",
                "q": 0.224,
                "c": 0.638018,
                "signal": 0.284752,
                "gradient": None,
                **_ALIKE,
                "activation_mean": None,
                "activation_std": None,
            },
        ],
    },
    "prediction_reason": None,
}

_LABELLED = {"labels": _LABELS.by_axis, "name": _LABELS.name}
_ENGINE = {
    "device": "cpu",
    "name": "Intel(R) Xeon(R) CPU @ 2.50GHz",
    "threads": 1,
    "instructions": "AVX512",
    "torch": "2.13.0+cpu",
    "numpy": "2.4.0",
    "precision": "float32",
}
_CREATED, _STARTED = "2026-11-21T09:15:00.120000Z", "2026-11-21T09:15:00.310000Z"
_FINISHED = "2026-11-21T09:16:12.480000Z"


def json_answer(example: Any) -> dict[str, Any]:
    """Return an example of an answer, for ``responses`` of a route."""
    return {"content": {"application/json": {"example": example}}}


SUMMARY: dict[str, Any] = {
    "id": _EXPERIMENT_ID,
    "name": SPEC["name"],
    "description": None,
    "tags": SPEC["tags"],
    "note": None,
    "archived": False,
    "preset": None,
    "status": "running",
    "runs": {
        "total": 9,
        "queued": 5,
        "running": 2,
        "completed": 2,
        "diverged": 0,
        "failed": 0,
        "cancelled": 0,
    },
    "progress": 0.296296,
    "eta_seconds": 228.4,
    "eta_range": None,
    "waits": None,
    "created_by": "local",
    "created_at": _CREATED,
    "started_at": _STARTED,
    "finished_at": None,
    "cancelled_at": None,
    "varying": [{"axis": "activation", "count": 3, "labels": ["relu", "tanh", "leaky_relu"]}],
    "best": {
        "metric": "val_accuracy",
        "value": 0.9731,
        "name": SPEC["activation"][0],
        "trained": 3,
        "n": 3,
    },
    "results_of": 2,
    "links": {
        "self": f"/v1/experiments/{_EXPERIMENT_ID}",
        "runs": f"/v1/runs?experiment_id={_EXPERIMENT_ID}",
        "histories": f"/v1/experiments/{_EXPERIMENT_ID}/histories",
        "events": f"/v1/experiments/{_EXPERIMENT_ID}/events",
    },
}

EXPERIMENT: dict[str, Any] = {
    **SUMMARY,
    "spec": _SPEC.model_dump(mode="json", exclude_none=True),
    "submitted": SPEC,
}

EXPERIMENT_PAGE: dict[str, Any] = {"items": [SUMMARY], "next_cursor": None}

DRY_RUN: dict[str, Any] = {
    "runs": 9,
    "configurations": 3,
    "already_trained": 3,
    "cost": {
        "training_samples": 216000,
        "seconds": 284.1,
        "range": {"low_seconds": 94.7, "high_seconds": 852.3},
        "rates": [
            {
                "model": _CONFIG["model"],
                "dataset": "mnist",
                "batch_size": 128,
                "precision": "float32",
                "seconds_per_thousand_samples": 1.3,
                "basis": "catalog",
                "runs": 0,
                "note": None,
            }
        ],
    },
    "forecast": {
        "starts_in_seconds": 12.5,
        "eta_seconds": 296.6,
        "eta_range": {"low_seconds": 107.2, "high_seconds": 864.8},
        "waits": None,
    },
    "memory_bytes": _PLANNED.configuration.memory.total,
    "worker_memory_bytes": 1_623_000_000,
    "items": [
        {
            "label": None,
            **_LABELLED,
            "config": _CONFIG,
            "config_hash": _PLANNED.config_hash,
            "memory_bytes": _PLANNED.configuration.memory.total,
            "runs": 3,
            "already_trained": 3,
            **PREDICTION,
        }
    ],
    "next_cursor": "WyIzZjA5YTFiMmM0ZDUiLDAsbnVsbCwxXQ",
}

DIAGNOSIS: dict[str, Any] = {
    "outcome": "learned",
    "verdict": "healthy",
    "findings": [
        {
            "kind": "dying",
            "layer": "dense_1",
            "epoch": 2,
            "value": 0.0859375,
            "threshold": 0.0234375,
            "explanation": "dense_1 has 8 more dead units than before the first step, 8.6% of its "
            "128 in all.",
            "advice": "Nothing has to change while the loss falls; else lower the learning rate.",
        }
    ],
    "version": 2,
}

RUN: dict[str, Any] = {
    "id": _RUN_ID,
    "experiment_id": _EXPERIMENT_ID,
    "position": 0,
    "label": None,
    **_LABELLED,
    "config": _CONFIG,
    "config_hash": _PLANNED.config_hash,
    "seed": 0,
    "status": "completed",
    "task": "classification",
    "attempt": 1,
    "failures": 0,
    "max_attempts": 3,
    "priority": 0,
    "epoch": 3,
    "epochs": 3,
    "ended_by": "all_epochs",
    "final": {
        "epoch": 3,
        "loss": 0.1204,
        "accuracy": 0.9642,
        "val_loss": 0.0871,
        "val_accuracy": 0.9735,
        "test_loss": None,
        "test_accuracy": None,
    },
    "best": {"epoch": 3, "val_accuracy": 0.9735},
    "diagnosis": DIAGNOSIS,
    "reused_from": None,
    "worker": "worker-1",
    "device": "cpu",
    "engine": _ENGINE,
    "versions": {"torch": _ENGINE["torch"], "numpy": _ENGINE["numpy"]},
    "error": None,
    "cancel_requested_at": None,
    "created_at": _CREATED,
    "started_at": _STARTED,
    "finished_at": _FINISHED,
    "links": {
        "self": f"/v1/runs/{_RUN_ID}",
        "experiment": f"/v1/experiments/{_EXPERIMENT_ID}",
        "history": f"/v1/runs/{_RUN_ID}/history",
        "layers": f"/v1/runs/{_RUN_ID}/layers",
        "diagnosis": f"/v1/runs/{_RUN_ID}/diagnosis",
        "attempts": f"/v1/runs/{_RUN_ID}/attempts",
        "events": f"/v1/runs/{_RUN_ID}/events",
    },
}

RUN_PAGE: dict[str, Any] = {"items": [RUN], "next_cursor": None}

_CURVES: dict[str, Any] = {
    "run_id": _RUN_ID,
    "epoch": [1, 2, 3],
    "metrics": {
        "loss": [0.4216, 0.1633, 0.1204],
        "accuracy": [0.8712, 0.9513, 0.9642],
        "val_loss": [0.1467, 0.1012, 0.0871],
        "val_accuracy": [0.957, 0.9695, 0.9735],
        "learning_rate": [0.001, 0.001, 0.001],
        "gradient_norm": [1.21, 0.83, 0.74],
        "clipped_fraction": [0.0004, 0.0001, 0.0],
        "epoch_seconds": [23.9, 24.1, 23.8],
    },
}
HISTORY: dict[str, Any] = {**_CURVES, "ended_by": "all_epochs"}

_DISTRIBUTION: dict[str, Any] = {
    "count": 128000,
    "non_finite": 0,
    "mean": 0.0213,
    "std": 0.9817,
    "min": -3.91,
    "max": 4.02,
    "quantiles": {
        "0.01": -2.27,
        "0.05": -1.6,
        "0.25": -0.63,
        "0.5": 0.02,
        "0.75": 0.68,
        "0.95": 1.64,
        "0.99": 2.31,
    },
    "histogram": {"edges": [-3.91, 0.055, 4.02], "counts": [32801, 31199]},
}

LAYERS: dict[str, Any] = {
    "run_id": _RUN_ID,
    "epoch": 0,
    "epochs_available": [0, 1, 2, 3],
    "also_recorded": [],
    "samples": 1000,
    "loss": 2.381,
    "chance_loss": 2.298,
    "layers": [
        {
            "name": "dense_1",
            "units": 128,
            **dict.fromkeys(("z", "activation", "weight", "gradient"), _DISTRIBUTION),
            "z_gradient": _DISTRIBUTION,
            "signal": 0.9436,
            "dead_fraction": 0.0234375,
            "saturated_fraction": 0.0,
            "sparsity": 0.4871,
            "symmetric": False,
        }
    ],
}

HISTORIES: dict[str, Any] = {
    "experiment_id": _EXPERIMENT_ID,
    "histories": [
        {
            **_CURVES,
            "label": None,
            "dataset": "mnist(train_size=12000, test_size=2000)",
            "model": "mnist_cnn",
            "activation": "relu",
            "initializer": "he_uniform",
            "output_initializer": "he_uniform",
            "bias_initializer": "zeros",
            "normalization": "none",
            "clipping": "value(threshold=0.5)",
            "optimizer": "adam",
            "dropout": "dropout(rate=[0.25, 0.5])",
            "batch_size": 128,
            "loss_function": "categorical_crossentropy",
            "precision": "float32",
            "seed": 0,
            "status": "completed",
        }
    ],
}

HISTORIES_CSV = (
    "run_id,label,dataset,model,activation,initializer,...,seed,status,epoch,loss,...\n"
    f'{_RUN_ID},,"mnist(train_size=12000, test_size=2000)",mnist_cnn,relu,he_uniform,...,'
    "0,completed,1,0.4216,...\n"
)

BOUNDARY: dict[str, Any] = {
    "run_id": _RUN_ID,
    "epoch": 4,
    "epochs_available": [0, 1, 2, 4, 8],
    "extent": [-1.2, 1.2, -1.3, 1.3],
    "size": 2,
    "predicted": [0, 0, 1, 1],
    "confidence": [0.9, 0.6, 0.8, 0.99],
    "points": [[-0.5, 0.1], [0.9, 0.4]],
    "labels": [0, 1],
}

OUTPUTS: dict[str, Any] = {
    "run_id": _RUN_ID,
    "epoch": 8,
    "samples": 50,
    "probability_edges": [0.0, 0.5, 1.0],
    "loss_edges": [0.01, 0.1, 1.0, 10.0],
    "classes": [
        {
            "label": 0,
            "count": 20,
            "non_finite": 0,
            "right": 18,
            "probabilities": [2, 18],
            "losses": [11, 8, 1],
        },
        {
            "label": 1,
            "count": 30,
            "non_finite": 0,
            "right": 30,
            "probabilities": [0, 30],
            "losses": [25, 5, 0],
        },
    ],
}

NETWORK: dict[str, Any] = {
    "layers": [
        {
            "name": "dense_1",
            "layer": "dense",
            "pointer": None,
            "input_shape": [2],
            "output_shape": [16],
            "parameters": 48,
            "multiply_adds": 32,
            "block": None,
        },
        {
            "name": "output",
            "layer": "dense",
            "pointer": None,
            "input_shape": [16],
            "output_shape": [1],
            "parameters": 17,
            "multiply_adds": 16,
            "block": None,
        },
    ],
    "parameters": 65,
    "multiply_adds": 48,
    "batch_size": 32,
    "memory_bytes": 1_000_000,
}

CONFUSION: dict[str, Any] = {
    "run_id": _RUN_ID,
    "epoch": 8,
    "samples": 50,
    "right": 48,
    "non_finite": 0,
    "accuracy": 0.96,
    "balanced_accuracy": 0.95,
    "classes": [
        {
            "label": 0,
            "name": "stayed",
            "count": 20,
            "non_finite": 0,
            "predicted": 18,
            "right": 18,
            "recall": 0.9,
            "precision": 1.0,
            "f1": 0.9473684210526315,
        },
        {
            "label": 1,
            "name": "left",
            "count": 30,
            "non_finite": 0,
            "predicted": 32,
            "right": 30,
            "recall": 1.0,
            "precision": 0.9375,
            "f1": 0.967741935483871,
        },
    ],
    "matrix": [[18, 2], [0, 30]],
}

LAYERS_CSV = (
    "run_id,label,dataset,...,seed,status,epoch,samples,...,layer,layer_index,units,signal,...\n"
    f'{_RUN_ID},,"mnist(train_size=12000, test_size=2000)",...,0,completed,0,1000,...,'
    "dense_1,0,128,0.9436,...\n"
)

ATTEMPT_PAGE: dict[str, Any] = {
    "items": [
        {
            "attempt": 1,
            "worker": "worker-1",
            "engine": _ENGINE,
            "started_at": _STARTED,
            "ended_at": _FINISHED,
            "outcome": "completed",
            "reason": None,
        }
    ],
    "next_cursor": None,
}
