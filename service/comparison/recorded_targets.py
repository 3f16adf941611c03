"""What runs have recorded of the targets that they were measured against.

A worker counts the classes of the validation part at a run's last epoch, and takes the loss of
guessing on the samples that it probes, the first of the training part. An RMSE and R² of one part
together have the standard deviation of its targets, since R² = 1 - RMSE² / deviation²; and where
the loss is the squared or the absolute error of standardized targets, the error over it has the
standard deviation of the training part.
"""

import math
import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Select, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from service.catalog.losses import task_of
from service.catalog.metrics import METRICS, Part
from service.comparison.known_targets import FIRST_LOSS, NOTHING_RECORDED, RecordedTargets
from service.database.payloads import decompressed
from service.database.tables import Layers, Run
from service.statuses import FINISHED, RunStatus

#: A configuration, by its hash.
_Configs = Mapping[str, Mapping[str, Any]]
#: A run and its last epoch.
_End = tuple[uuid.UUID, int]
#: Runs of a loss and data set that are looked at for layer statistics.
_TRIED = 8
#: The parameter of a data set that changes no target.
_OF_INPUTS = "preprocessing"


def recorded_targets(
    session: Session, experiment_id: uuid.UUID, configs: _Configs, metrics: Collection[str]
) -> dict[str, RecordedTargets]:
    """Return what an experiment's runs have recorded of their targets, by configuration.

    One run of each data set is read, so that configurations with the same targets are told the
    same.

    Args:
        session: in a transaction.
        experiment_id: the experiment.
        configs: its configurations as JSON, by their hashes.
        metrics: the metrics of which the values of guessing are asked for.
    """
    numbers = {key: config for key, config in configs.items() if _is_regression(config)}
    found = dict.fromkeys(configs, NOTHING_RECORDED)
    parts = {METRICS[name].part for name in metrics} - {None}
    if parts and numbers:
        found |= _deviations(session, experiment_id, numbers)
    if "loss" in metrics or ("validation" in parts and len(numbers) < len(configs)):
        found = _with_layers(session, experiment_id, configs, found)
    return found


def _is_regression(config: Mapping[str, Any]) -> bool:
    return task_of(config.get("loss", FIRST_LOSS)["name"]) == "regression"


def _targets_key(config: Mapping[str, Any]) -> bytes:
    """Return what configurations with the same targets have in common."""
    dataset = {name: value for name, value in config["dataset"].items() if name != _OF_INPUTS}
    return orjson.dumps(dataset, option=orjson.OPT_SORT_KEYS)


def _loss_key(config: Mapping[str, Any]) -> bytes:
    """Return what configurations have in common for which guessing costs the same."""
    rest = [config.get("loss"), config["model"].get("head")]
    return _targets_key(config) + orjson.dumps(rest, option=orjson.OPT_SORT_KEYS)


def _deviations(
    session: Session, experiment_id: uuid.UUID, configs: _Configs
) -> dict[str, RecordedTargets]:
    """Return the standard deviations of targets that are numbers, by configuration."""
    rows = session.execute(
        select(
            *(Run.config_hash, Run.val_loss, Run.val_mae, Run.val_rmse, Run.val_r2),
            *(Run.test_rmse, Run.test_r2),
        )
        .where(
            Run.experiment_id == experiment_id,
            Run.status == RunStatus.COMPLETED,
            Run.config_hash.in_(configs),
        )
        .ext(distinct_on(Run.config_hash))
        .order_by(Run.config_hash, Run.position)
    )
    by_targets: dict[bytes, dict[Part, float]] = {}
    for row in rows:
        config = configs[row.config_hash]
        measured: dict[Part, float | None] = {
            "training": _of_training(
                config["loss"]["name"], row.val_loss, row.val_rmse, row.val_mae
            ),
            "validation": _of_errors(row.val_rmse, row.val_r2),
            "test": _of_errors(row.test_rmse, row.test_r2),
        }
        known = by_targets.setdefault(_targets_key(config), {})
        known |= {
            part: value
            for part, value in measured.items()
            if value is not None and part not in known
        }
    return {
        key: RecordedTargets(deviations=by_targets.get(_targets_key(config), {}))
        for key, config in configs.items()
    }


def _of_errors(rmse: float | None, r2: float | None) -> float | None:
    """Return the standard deviation of a part's targets by the errors on it; None if unknown.

    An R² of 0 is also that of targets that do not vary.
    """
    if rmse is None or r2 is None or not math.isfinite(rmse) or not -math.inf < r2 < 1 or r2 == 0:
        return None
    return rmse / math.sqrt(1 - r2)


def _of_training(
    loss: str, standardized: float | None, rmse: float | None, mae: float | None
) -> float | None:
    """Return the standard deviation by which targets were standardized; None if unknown.

    Args:
        loss: the name of the loss.
        standardized: its mean on a part.
        rmse: the root mean squared error on the same part.
        mae: the mean absolute error.
    """
    if standardized is None or not 0 < standardized < math.inf:
        return None
    match loss:
        case "mean_squared_error":
            error, standardized = rmse, math.sqrt(standardized)
        case "mean_absolute_error":
            error = mae
        case _:
            return None
    return error / standardized if error is not None and math.isfinite(error) else None


def _with_layers(
    session: Session,
    experiment_id: uuid.UUID,
    configs: _Configs,
    found: Mapping[str, RecordedTargets],
) -> dict[str, RecordedTargets]:
    """Return the same with what the layer statistics of runs' last epochs have beside it."""
    shares: dict[bytes, tuple[float, ...]] = {}
    losses: dict[bytes, float] = {}
    for key, payload in _payloads(session, experiment_id, configs):
        content = decompressed(payload)
        counted = _shares(content.get("outputs"))
        if counted:
            shares.setdefault(_targets_key(configs[key]), counted)
        chance = float(content.get("chance_loss", math.nan))
        if math.isfinite(chance):
            losses[_loss_key(configs[key])] = chance
    told = {}
    for key, config in configs.items():
        of_validation = shares.get(_targets_key(config))
        told[key] = replace(
            found[key],
            shares={"validation": of_validation} if of_validation else {},
            training_loss=losses.get(_loss_key(config)),
        )
    return told


def _payloads(
    session: Session, experiment_id: uuid.UUID, configs: _Configs
) -> list[tuple[str, bytes]]:
    """Return the last layer statistics of a run of each loss and data set, and its configuration.

    They are large, so that runs are chosen before any are read, from a few of which some may have
    none.
    """
    runs = session.execute(
        select(Run.config_hash, Run.id, Run.epoch)
        .where(Run.experiment_id == experiment_id, Run.status.in_(FINISHED))
        .ext(distinct_on(Run.config_hash))
        .order_by(Run.config_hash, Run.position)
    )
    ends: dict[bytes, dict[_End, str]] = {}
    for row in runs:
        of_key = ends.setdefault(_loss_key(configs[row.config_hash]), {})
        if row.epoch is not None and len(of_key) < _TRIED:
            of_key[row.id, row.epoch] = row.config_hash
    tried = [end for of_key in ends.values() for end in of_key]
    recorded = {*map(tuple, session.execute(_at(tried, Layers.run_id, Layers.epoch)))}
    chosen: dict[_End, str] = {}
    for of_key in ends.values():
        end = next((end for end in of_key if end in recorded), None)
        if end is not None:
            chosen[end] = of_key[end]
    rows = session.execute(_at(list(chosen), Layers.run_id, Layers.epoch, Layers.payload))
    return [(chosen[row.run_id, row.epoch], row.payload) for row in rows]


def _at(ends: Collection[_End], *columns: Any) -> Select[Any]:
    """Return the statement that reads columns of layer statistics of some runs' last epochs."""
    return select(*columns).where(tuple_(Layers.run_id, Layers.epoch).in_(list(ends)))


def _shares(outputs: Mapping[str, Any] | None) -> tuple[float, ...]:
    """Return the shares of the classes that are counted; empty where not all of them are."""
    if outputs is None:
        return ()
    counts = [found["count"] for found in outputs["classes"]]
    whole = outputs["samples"]
    return tuple(count / whole for count in counts) if sum(counts) == whole else ()
