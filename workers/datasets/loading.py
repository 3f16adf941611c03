"""Loading: from a configuration's data set to tensors that are ready to train on."""

import os
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from service.catalog.datasets import FACTS
from service.catalog.preprocessings import UNFITTED
from service.specs.choices import Choice
from service.specs.resolution import facts
from workers.datasets.ball import ball
from workers.datasets.churn import churn
from workers.datasets.dataset import Dataset, Part
from workers.datasets.diabetes import diabetes
from workers.datasets.digits import digits
from workers.datasets.fashion_mnist import fashion_mnist
from workers.datasets.friedman import friedman
from workers.datasets.mnist import mnist
from workers.datasets.planar import circles, moons
from workers.datasets.preprocessings import PREPROCESSINGS, Fit, FittedPreprocessing
from workers.datasets.samples import Samples
from workers.datasets.shuffled import hypercube, parabola
from workers.datasets.targets import TargetScale, target_scale
from workers.datasets.temporal_order import temporal_order
from workers.datasets.uploaded import uploaded

#: Functions from the data folder, ``train_size``, ``test_size`` and a data set's own parameters to
#: the first samples of both parts.
DATASETS: dict[str, Callable[..., Samples]] = {
    "mnist": mnist,
    "fashion_mnist": fashion_mnist,
    "digits": digits,
    "circles": circles,
    "moons": moons,
    "ball": ball,
    "hypercube": hypercube,
    "parabola": parabola,
    "churn": churn,
    "temporal_order": temporal_order,
    "diabetes": diabetes,
    "friedman": friedman,
    "uploaded": uploaded,
}

_REPOSITORY_DATA = Path(__file__).parents[2] / "data"


def data_folder() -> Path:
    """Return the folder of the data sets: ACTINIUM_DATA_DIR, or the repository's data."""
    return Path(os.environ.get("ACTINIUM_DATA_DIR") or _REPOSITORY_DATA)


def load(dataset: Choice, folder: Path | None = None) -> Dataset:
    """Return a configuration's data set, split and preprocessed, on the CPU.

    Parts are the first ``train_size`` training and ``test_size`` test samples. With a
    ``validation_split`` the last share of those training samples is the validation part (Keras'
    convention: the split is at ``int(n * (1 - share))``); with ``folds`` it is one fold of them.
    Then the test part is evaluated at the end; else the test part is the validation part. Targets
    that are numbers are standardized by those that are trained on.

    The last two data sets stay in memory (float32: 220 MB for the whole of MNIST), so that the runs
    of an experiment share one. Treat the tensors as read-only.

    Args:
        dataset: a configuration's ``dataset``.
        folder: of the files, by default ``data_folder()``; of an uploaded data set, the one that
            has its file.

    Raises:
        DatasetError: a file is missing or damaged, or cannot be fetched.
    """
    known = facts(dataset)
    own = {name: value for name, value in dataset.parameters.items() if name not in FACTS}
    return _load(dataset.name, folder or data_folder(), known.largest_value, **own)


def preprocessing_of(dataset: Choice, folder: Path | None = None) -> FittedPreprocessing:
    """Return a configuration's preprocessing as it was fitted for its training.

    Args:
        dataset: a configuration's ``dataset``.
        folder: of the files, as ``load`` takes it; not read where nothing is fitted.

    Raises:
        DatasetError: a file is missing or damaged, or cannot be fetched.
    """
    known = facts(dataset)
    chosen: Choice = dataset.parameters["preprocessing"]
    if chosen.name in UNFITTED:
        return _fit(chosen)(np.empty(0), known.largest_value)
    own = {name: value for name, value in dataset.parameters.items() if name not in FACTS}
    return _fitted(dataset.name, folder or data_folder(), known.largest_value, **own)


def targets_of(dataset: Choice, folder: Path | None = None) -> TargetScale | None:
    """Return the scale of a configuration's targets; None where they are classes.

    Args:
        dataset: a configuration's ``dataset``.
        folder: of the files, as ``load`` takes it; not read where the targets are classes.

    Raises:
        DatasetError: a file is missing or damaged, or cannot be fetched.
    """
    return load(dataset, folder).targets if facts(dataset).task == "regression" else None


@lru_cache(maxsize=4)
def _fitted(
    name: str,
    folder: Path,
    largest: float | None,
    *,
    validation_split: float,
    folds: int | None,
    fold: int | None,
    preprocessing: Choice,
    **parameters: Any,
) -> FittedPreprocessing:
    samples = DATASETS[name](folder, **parameters)
    trained, _ = _divided(samples, validation_split, folds, fold)
    return _fit(preprocessing)(samples.train_inputs[trained], largest)


@lru_cache(maxsize=2)
def _load(
    name: str,
    folder: Path,
    largest: float | None,
    *,
    validation_split: float,
    folds: int | None,
    fold: int | None,
    preprocessing: Choice,
    **parameters: Any,
) -> Dataset:
    samples = DATASETS[name](folder, **parameters)
    inputs, labels = samples.train_inputs, samples.train_labels
    trained, held_out = _divided(samples, validation_split, folds, fold)
    apply = _fit(preprocessing)(inputs[trained], largest)
    keeps_test = bool(validation_split) or folds is not None
    scale = None
    if not samples.classes:
        tested = samples.test_labels
        validated = labels[held_out] if keeps_test else tested
        scale = target_scale({"training": labels[trained], "validation": validated, "test": tested})
    test = _part(samples.test_inputs, samples.test_labels, apply, scale)
    return Dataset(
        classes=samples.classes,
        train=_part(inputs[trained], labels[trained], apply, scale),
        validation=_part(inputs[held_out], labels[held_out], apply, scale) if keeps_test else test,
        test=test if keeps_test else None,
        targets=scale,
    )


def _fit(preprocessing: Choice) -> Fit:
    return PREPROCESSINGS[preprocessing.name](**preprocessing.parameters)


def _divided(
    samples: Samples, validation_split: float, folds: int | None, fold: int | None
) -> tuple[Any, Any]:
    """Return which training samples are trained on, and which are held out."""
    labels = samples.train_labels
    if folds is None or fold is None:
        return _last_share(len(labels), validation_split)
    return _fold(labels, folds, fold, stratified=samples.classes > 0)


def _last_share(samples: int, share: float) -> tuple[slice, slice]:
    """Return the samples to train on, and the last share of them, which is held out."""
    trained = int(samples * (1 - share))
    return slice(trained), slice(trained, None)


def _fold(
    labels: NDArray[Any], folds: int, fold: int, *, stratified: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the indices of the samples to train on and of the fold that is held out, rising.

    The folds are those of scikit-learn's ``StratifiedKFold(folds, shuffle=True, random_state=0)``:
    in each the classes have their shares of the whole, to within a sample. Of targets that are
    numbers they are those of its ``KFold``, with the same arguments.
    """
    from sklearn.model_selection import KFold, StratifiedKFold  # noqa: PLC0415 - takes a second

    divided = (StratifiedKFold if stratified else KFold)(folds, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        # A class may have fewer samples than there are folds; some folds then have none of it.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        trained, held_out = list(divided.split(labels, labels))[fold]
    return trained, held_out


def _part(
    inputs: NDArray[Any],
    labels: NDArray[Any],
    apply: FittedPreprocessing,
    scale: TargetScale | None,
) -> Part:
    targets = labels.astype(np.int64) if scale is None else scale.standardized(labels)
    return Part(
        # A copy: torch aligns memory, NumPy does not, and the last bits of a product depend on it.
        torch.from_numpy(apply(inputs)).clone(),
        torch.from_numpy(targets),
    )
