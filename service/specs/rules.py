"""The door: every combination of values that cannot be trained, refused with a sentence.

Ranges of single values are the catalog's and are checked as a spec is read; here are the rules
that hold between values. Whatever passes can be trained: a worker never meets a bad
configuration.
"""

import math
from collections.abc import Iterator

from service.fields import FieldError
from service.specs.architectures import BlueprintError
from service.specs.limits import Limits
from service.specs.resolution import Resolution, facts, training_samples

#: Normalizations that read the statistics of the batch.
_BATCH_STATISTICS = {"batch", "switchable"}


def errors_of(resolved: Resolution, limits: Limits) -> list[FieldError]:
    """Give everything that keeps a point of the grid from being trained."""
    found = [*_split_errors(resolved), *_preprocessing_errors(resolved), *_head_errors(resolved)]
    try:
        _ = resolved.network
    except BlueprintError as error:
        found.append(FieldError(resolved.point["model"].location, str(error)))
    if found:
        return found  # the rules below need to know the network and its samples
    return [
        *_size_errors(resolved, limits),
        *_batch_errors(resolved, limits),
        *_normalization_errors(resolved),
        *_dropout_errors(resolved),
        *_optimizer_errors(resolved),
    ]


def _split_errors(resolved: Resolution) -> Iterator[FieldError]:
    sizes = resolved.dataset.parameters
    samples = training_samples(resolved.dataset)
    if samples < 1 or (sizes["validation_split"] > 0 and samples == sizes["train_size"]):
        yield FieldError(
            (*resolved.point["dataset"].location, "validation_split"),
            "The split leaves no sample on one of its sides.",
        )


def _preprocessing_errors(resolved: Resolution) -> Iterator[FieldError]:
    dataset = resolved.dataset
    preprocessing = dataset.parameters["preprocessing"]
    location = (*resolved.point["dataset"].location, "preprocessing")
    if preprocessing.name == "scale" and facts(dataset).largest_value is None:
        yield FieldError(
            location, f"scale is for pixels, and {dataset.name} has none. Use standardize."
        )
    if preprocessing.name == "pca":
        features = math.prod(facts(dataset).input_shape)
        most = min(features, training_samples(dataset))
        components = preprocessing.parameters["components"]
        if components > most:
            yield FieldError(
                (*location, "components"),
                f"{components} components are more than {dataset.name} gives here: it has "
                f"{features} features and {training_samples(dataset):,} training samples.",
            )


def _head_errors(resolved: Resolution) -> Iterator[FieldError]:
    if resolved.model.parameters.get("head") != "binary":
        return
    classes = facts(resolved.dataset).classes
    if classes != 2:
        yield FieldError(
            (*resolved.point["model"].location, "head"),
            f"A binary head tells two classes apart, and {resolved.dataset.name} has {classes}. "
            "Use the head multiclass.",
        )
    elif resolved.loss.name != "binary_crossentropy":
        yield FieldError(
            resolved.point["loss"].location,
            f"A binary head has a single output, and {resolved.loss.name} needs one a class. "
            "Use binary_crossentropy, or the head multiclass.",
        )


def _size_errors(resolved: Resolution, limits: Limits) -> Iterator[FieldError]:
    parameters = resolved.network.parameters
    if parameters > limits.max_parameters:
        yield FieldError(
            resolved.point["model"].location,
            f"The model has {parameters:,} parameters, over the limit max_parameters = "
            f"{limits.max_parameters:,}.",
        )


def _batch_errors(resolved: Resolution, limits: Limits) -> Iterator[FieldError]:
    size, samples = resolved.batch_size, training_samples(resolved.dataset)
    given = resolved.chosen("batch_size") is not None
    location = resolved.point["batch_size" if given else "dataset"].location
    if size > samples:
        yield FieldError(
            location, f"A batch of {size} is larger than the {samples} training samples."
        )
        return
    values = size * resolved.network.values
    if values > limits.max_batch_values:
        yield FieldError(
            location,
            f"A batch of {size} makes the layers hold {values:,} values, over the limit "
            f"max_batch_values = {limits.max_batch_values:,}.",
        )
    if resolved.chosen("normalization").name in _BATCH_STATISTICS and samples % size == 1 % size:
        yield FieldError(
            location,
            f"{resolved.chosen('normalization').name} normalization needs two samples in every "
            f"batch, and batches of {size} leave one alone of the {samples} training samples.",
        )


def _normalization_errors(resolved: Resolution) -> Iterator[FieldError]:
    groups = resolved.chosen("normalization").parameters.get("groups")
    if groups is None:
        return
    for layer in resolved.network.hidden:
        if layer.features % groups:
            yield FieldError(
                (*resolved.point["normalization"].location, "groups"),
                f"{groups} groups do not divide the {layer.features} features of {layer.name} "
                "evenly.",
            )
            return


def _dropout_errors(resolved: Resolution) -> Iterator[FieldError]:
    point = resolved.point["dropout"]
    rates = point.value.parameters.get("rate")
    sites = len(resolved.network.dropout_rates)
    if rates and len(rates) not in {1, sites}:
        yield FieldError(
            (*point.location, "rate"),
            f"{resolved.model.name} has {sites} dropout layers here: give one rate, or {sites}.",
        )
    elif resolved.chosen("activation").name == "maxout" and point.value.name == "alpha_dropout":
        yield FieldError(
            point.location,
            "alpha_dropout sets units to selu's negative limit, which maxout does not have. "
            "Use dropout.",
        )


def _optimizer_errors(resolved: Resolution) -> Iterator[FieldError]:
    parameters = resolved.chosen("optimizer").parameters
    if parameters.get("nesterov") and not parameters["momentum"]:
        yield FieldError(
            (*resolved.point["optimizer"].location, "nesterov"),
            "Nesterov's look-ahead needs a momentum above 0.",
        )
