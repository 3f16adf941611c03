"""Rules: every reason why a spec whose single values are valid cannot be run, as a sentence.

The ranges of single values are the catalog's, and ``specs.choices`` and ``specs.spec`` check them
as a spec is read. Here are the limits of an experiment and the rules between values; what a
model's inputs can be is in ``specs.architectures``. Whatever passes can be trained: a worker never
meets a configuration that it has to refuse.
"""

import math
from collections.abc import Iterator

from service.catalog.precisions import CUDA_ONLY
from service.fields import FieldError
from service.specs import grid, task_rules
from service.specs.layer_rules import (
    activations_of,
    entry_problems,
    fixup_errors,
    normalization_errors,
    normalizations_of,
    stated_errors,
)
from service.specs.limits import Limits
from service.specs.memory import MemoryEstimate, gigabytes
from service.specs.planning import pieces_of
from service.specs.plans import ArchitectureError
from service.specs.recurrent_rules import recurrent_errors
from service.specs.resolution import Resolution, facts, stored_shape, training_samples
from service.specs.spec import ExperimentSpec

#: Normalizations that compute statistics of the batch.
_BATCH_STATISTICS = {"batch", "switchable"}

_STATED = " beside those that state their rate"


def limit_errors(spec: ExperimentSpec, limits: Limits) -> list[FieldError]:
    """Return what makes an experiment too large, without walking its grid."""
    errors = []
    if spec.epochs > limits.max_epochs:
        detail = (
            f"{spec.epochs} epochs are over the limit max_epochs = {limits.max_epochs}. Choose "
            f"at most {limits.max_epochs}."
        )
        errors.append(FieldError(("epochs",), detail))
    runs = len(spec.seeds) * grid.size(spec)
    if runs > limits.max_runs:
        detail = (
            f"The experiment has {runs:,} runs, over the limit max_runs = {limits.max_runs:,}. "
            "Split it, or shorten an axis."
        )
        errors.append(FieldError((), detail))
    return errors


def point_errors(resolved: Resolution, limits: Limits) -> list[FieldError]:
    """Return every reason why a point of the grid cannot be trained."""
    found = [*_fold_errors(resolved), *stated_errors(resolved)]
    if found:
        return found  # the rules below need to know the samples and what each layer states
    found = [
        *_split_errors(resolved),
        *_preprocessing_errors(resolved),
        *task_rules.task_errors(resolved),
        *_entry_errors(resolved),
    ]
    try:
        _ = resolved.network
    except ArchitectureError as error:
        found.append(FieldError(resolved.point["model"].parameter(*error.place), str(error)))
    if found:
        return found  # the rules below need to know the network and its samples
    return [
        *_size_errors(resolved, limits),
        *_batch_errors(resolved, limits),
        *normalization_errors(resolved),
        *recurrent_errors(resolved),
        *fixup_errors(resolved),
        *_dropout_errors(resolved),
        *_optimizer_errors(resolved),
    ]


def memory_errors(resolved: Resolution, needed: MemoryEstimate, most: int) -> list[FieldError]:
    """Return why no worker can hold a point that can be trained otherwise.

    Args:
        resolved: the point.
        needed: the memory that it needs.
        most: what the largest worker has for a run, in bytes.
    """
    if needed.total <= most:
        return []
    axis = needed.cause
    if axis == "batch_size" and resolved.chosen("batch_size") is None:
        axis = "model"  # its own batch size
    largest = {"dataset": "the dataset", "model": "the model", "batch_size": "a batch"}
    detail = (
        f"A run of this needs about {gigabytes(needed.total)} of memory, most of it for "
        f"{largest[needed.cause]}, and the largest worker has {gigabytes(most)} for one. Choose a "
        "smaller batch_size, model or dataset, or start a worker with more memory."
    )
    return [FieldError(resolved.point[axis].location, detail)]


def precision_errors(resolved: Resolution, device: str) -> list[FieldError]:
    """Return why no worker of a device multiplies in a point's precision.

    Args:
        resolved: the point.
        device: that the spec asks for: ``auto``, ``cpu`` or ``cuda``.
    """
    placed = resolved.point["precision"]
    if device == "cuda" or placed.value.name not in CUDA_ONLY:
        return []
    asked = "may go to a CPU with device auto" if device == "auto" else "goes to a CPU"
    detail = (
        f"Only CUDA devices multiply in {placed.value.name}, and this experiment {asked}. Set "
        "device to cuda, or choose float32 or bfloat16."
    )
    return [FieldError(placed.location, detail)]


def _fold_errors(resolved: Resolution) -> Iterator[FieldError]:
    placed = resolved.point["dataset"]
    sizes = resolved.dataset.parameters
    folds, fold, samples = sizes["folds"], sizes["fold"], sizes["train_size"]
    if fold is None and folds is None:
        return
    if fold is None or folds is None:
        given, missing = ("folds", "fold") if fold is None else ("fold", "folds")
        yield FieldError(
            (*placed.location, given),
            f"{given} needs {missing}: folds is the number of parts of the training samples, fold "
            "the part that is held out, or a list of such parts.",
        )
        return
    if fold >= folds:
        detail = f"There is no fold {fold}: {folds} folds are numbered 0 to {folds - 1}."
        yield FieldError(placed.parameter("fold"), detail)
    if sizes["validation_split"]:
        yield FieldError(
            placed.parameter("folds"),
            "The held-out fold is the validation part, so validation_split must be 0 with folds.",
        )
    classes = facts(resolved.dataset).classes
    least = folds * max(classes, 1)
    if samples < least:
        of_classes = f" of {classes} classes" if classes else ""
        yield FieldError(
            placed.parameter("folds"),
            f"{folds} folds{of_classes} need at least {least:,} training samples, and there are "
            f"{samples:,}. Choose fewer folds or a larger train_size.",
        )


def _split_errors(resolved: Resolution) -> Iterator[FieldError]:
    sizes = resolved.dataset.parameters
    split, given = sizes["validation_split"], sizes["train_size"]
    samples = training_samples(resolved.dataset)
    location = resolved.point["dataset"].parameter("validation_split")
    if samples < 1:
        yield FieldError(
            location,
            f"A validation_split of {split} leaves no sample of {given:,} to train on. Choose a "
            "smaller one, or a larger train_size.",
        )
    elif split > 0 and samples == given:
        yield FieldError(
            location,
            f"A validation_split of {split} leaves no sample of {given:,} for validation. Choose "
            "a larger one, or 0 to validate on the test part.",
        )


def _preprocessing_errors(resolved: Resolution) -> Iterator[FieldError]:
    dataset = resolved.dataset
    preprocessing = dataset.parameters["preprocessing"]
    placed = resolved.point["dataset"]
    if preprocessing.name == "scale" and facts(dataset).largest_value is None:
        yield FieldError(
            placed.parameter("preprocessing"),
            f"scale is for pixels, and {dataset.name} has none. Use standardize.",
        )
    if preprocessing.name == "pca":
        features, samples = math.prod(stored_shape(dataset)), training_samples(dataset)
        components = preprocessing.parameters["components"]
        if components > min(features, samples):
            yield FieldError(
                placed.parameter("preprocessing", "components"),
                f"{components} components are more than {dataset.name} gives here: it has "
                f"{features} features and {samples:,} training samples. Choose at most "
                f"{min(features, samples)}.",
            )


def _entry_errors(resolved: Resolution) -> Iterator[FieldError]:
    for axis in ("activation", "initializer", "output_initializer"):
        placed = resolved.point[axis]
        if placed.value is not None:
            for path, detail in entry_problems(placed.value):
                yield FieldError(placed.parameter(*path), detail)


def _size_errors(resolved: Resolution, limits: Limits) -> Iterator[FieldError]:
    parameters = resolved.network.parameters
    if parameters > limits.max_parameters:
        yield FieldError(
            resolved.point["model"].location,
            f"The model has {parameters:,} parameters, over the limit max_parameters = "
            f"{limits.max_parameters:,}. Choose fewer units or channels.",
        )


def _batch_errors(resolved: Resolution, limits: Limits) -> Iterator[FieldError]:
    size, samples = resolved.batch_size, training_samples(resolved.dataset)
    given = resolved.chosen("batch_size") is not None
    location = resolved.point["batch_size" if given else "dataset"].location
    if size > samples:
        yield FieldError(
            location,
            f"A batch of {size} is larger than the {samples} training samples. Choose a smaller "
            "batch_size, or a larger train_size.",
        )
        return
    values = size * resolved.network.values
    if values > limits.max_batch_values:
        yield FieldError(
            location,
            f"A batch of {size} makes the layers hold {values:,} values, over the limit "
            f"max_batch_values = {limits.max_batch_values:,}. Choose a smaller batch_size or "
            "model.",
        )
    if samples % size != 1 % size:
        return
    names = [normalization.name for normalization in normalizations_of(resolved)]
    of_batches = next((name for name in names if name in _BATCH_STATISTICS), None)
    if of_batches is not None:
        yield FieldError(location, _lone_sample(resolved, of_batches))


def _lone_sample(resolved: Resolution, normalization: str) -> str:
    size, samples = resolved.batch_size, training_samples(resolved.dataset)
    rule = f"{normalization} normalization needs two samples in every batch"
    if size == 1:
        return f"{rule}, and batches of 1 have one. Choose a larger batch_size."
    return (
        f"{rule}, and batches of {size} leave one alone of the {samples} training samples. "
        "Choose another batch_size or train_size."
    )


def _dropout_errors(resolved: Resolution) -> Iterator[FieldError]:
    point = resolved.point["dropout"]
    rates = point.value.parameters.get("rate")
    layers = len(resolved.network.dropout_rates) - len(resolved.network.stated_dropouts)
    if rates and len(rates) not in {1, layers}:
        yield FieldError(
            point.parameter("rate"),
            f"{resolved.model.name} has {layers} dropout layers here"
            f"{_STATED if resolved.network.stated_dropouts else ''}: give one rate, or {layers}.",
        )
    elif point.value.name == "alpha_dropout":
        wide = [found for found in activations_of(resolved) if pieces_of(found) > 1]
        if wide:
            yield FieldError(
                point.location,
                "alpha_dropout sets units to selu's negative limit, which "
                f"{wide[0].name} does not have. Use dropout.",
            )


def _optimizer_errors(resolved: Resolution) -> Iterator[FieldError]:
    parameters = resolved.chosen("optimizer").parameters
    if parameters.get("nesterov") and not parameters["momentum"]:
        yield FieldError(
            resolved.point["optimizer"].parameter("nesterov"),
            "Nesterov's look-ahead needs a momentum above 0. Set one, or leave nesterov out.",
        )
    if parameters.get("coupled_weight_decay") and parameters.get("decoupled_weight_decay"):
        yield FieldError(
            resolved.point["optimizer"].parameter("decoupled_weight_decay"),
            "A weight decay is either coupled or decoupled. Set one of the two to 0.",
        )
