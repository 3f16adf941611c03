"""Runs as the bodies of answers: plain data, written without being validated on the way out.

``service.api.run_schemas`` describes it; validating a page of a hundred runs against that would
take longer than reading them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from service import models
from service.numbers import to_json

#: Fields of a run that are columns of its table, in the order of the schema.
_BEFORE = (
    *("id", "experiment_id", "position", "label", "config", "config_hash", "seed", "status"),
    *("attempt", "failures", "max_attempts", "priority", "epoch", "epochs"),
)
_AFTER = ("error", "cancel_requested_at", "created_at", "started_at", "finished_at")
_FINAL = ("loss", "accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy")
_LIBRARIES = ("torch", "numpy", "cuda")
_PARTS = ("history", "layers", "diagnosis", "attempts", "events")

_COLUMNS = [each.key for each in models.Run.__table__.columns]


def run_body(run: models.Run) -> bytes:
    """Write a run."""
    return _written(_shown({name: getattr(run, name) for name in _COLUMNS}))


def run_page_body(found: Iterable[models.Run], next_cursor: str | None) -> bytes:
    """Write a page of runs that were just read."""
    # Past the instrumented attributes, which take four times as long.
    return _written({"items": [_shown(vars(each)) for each in found], "next_cursor": next_cursor})


def _written(body: dict[str, Any]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)


def _shown(run: Mapping[str, Any]) -> dict[str, Any]:
    engine = run["engine"]
    return {
        **{name: run[name] for name in _BEFORE},
        "final": _final(run) if run["epoch"] else None,
        "best": _best(run),
        "diagnosis": _diagnosis(run),
        "reused_from": run["reused_from"],
        "worker": run["worker"],
        "device": engine.get("device") if engine else None,
        "engine": engine,
        "versions": _versions(engine) if engine else None,
        **{name: run[name] for name in _AFTER},
        "links": _links(str(run["id"]), str(run["experiment_id"])),
    }


def _final(run: Mapping[str, Any]) -> dict[str, Any]:
    return {"epoch": run["epoch"], **{name: to_json(run[name]) for name in _FINAL}}


def _best(run: Mapping[str, Any]) -> dict[str, Any] | None:
    if run["best_epoch"] is None or run["best_val_accuracy"] is None:
        return None
    return {"epoch": run["best_epoch"], "val_accuracy": to_json(run["best_val_accuracy"])}


def _diagnosis(run: Mapping[str, Any]) -> dict[str, Any] | None:
    if run["findings"] is None:
        return None
    return {"verdict": run["verdict"], "findings": run["findings"]}


def _versions(engine: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(engine[name]) for name in _LIBRARIES if engine.get(name)}


def _links(run_id: str, experiment_id: str) -> dict[str, str]:
    path = f"/v1/runs/{run_id}"
    return {
        "self": path,
        "experiment": f"/v1/experiments/{experiment_id}",
        **{part: f"{path}/{part}" for part in _PARTS},
    }
