"""Assembly: from a configuration to the parts that train it. Every registry is read here."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from service.specs.choices import Choice
from service.specs.resolution import input_shape, outputs_of, planned_network
from service.specs.spec import RunConfig
from workers.datasets.dataset import Dataset
from workers.nn.activations import ACTIVATIONS
from workers.nn.dropouts import DROPOUTS
from workers.nn.initialization import initialize
from workers.nn.initializers import INITIALIZERS
from workers.nn.models import MODELS, Network, Parts
from workers.nn.optimizers import OPTIMIZERS
from workers.nn.pruning import Pruning
from workers.nn.schedules import SCHEDULES, Schedule
from workers.training.declared import declared_network, normalization_parts, own_initializers
from workers.training.steering import Steering
from workers.training.streams import Streams

#: First training samples, on which a data-dependent initializer measures z-values.
MEASURED_SAMPLES = 1_000


def build_network(config: RunConfig, data: Dataset, streams: Streams) -> Network:
    """Return a configuration's network for a data set, initialized, on the CPU."""
    plan = planned_network(config.dataset, config.model, config.activation)
    network = blank_network(config)
    own_weights, own_biases = (
        ({}, {}) if plan is None else own_initializers(plan, config.initializer)
    )
    recurrent = config.model.parameters.get("recurrent_initializer")
    initialize(
        network,
        weight=entry(INITIALIZERS, config.initializer),
        output_weight=entry(INITIALIZERS, config.output_initializer),
        bias=entry(INITIALIZERS, config.bias_initializer),
        stream=streams.initialization,
        inputs=data.train.inputs[:MEASURED_SAMPLES],
        own_weights=own_weights,
        own_biases=own_biases,
        recurrent_weight=entry(INITIALIZERS, recurrent) if recurrent else None,
    )
    return network


def blank_network(config: RunConfig) -> Network:
    """Return a configuration's network without weights, on the CPU."""
    normalization, after = normalization_parts(config.normalization)
    parts = Parts(
        input_shape=input_shape(config.dataset),
        outputs=outputs_of(config.dataset, config.model),
        activation=entry(ACTIVATIONS, config.activation),
        normalization=normalization,
        dropout=entry(DROPOUTS, config.dropout),
        normalized_after=after,
    )
    plan = planned_network(config.dataset, config.model, config.activation)
    return _coded_network(config, parts) if plan is None else declared_network(plan, parts)


def pruning_of(
    config: RunConfig, network: Network, final: Mapping[str, Tensor] | None
) -> Pruning | None:
    """Return what keeps pruned weights of a network at zero; None without a ticket.

    Args:
        config: of the run.
        network: of the run, on its device; its pruned weights become zero.
        final: the weights that the ticket's run ended with, by name.

    Raises:
        ValueError: there is a ticket, and there are no weights.
    """
    if config.ticket is None:
        return None
    if final is None:
        raise ValueError("A ticket is made of the weights that its run ended with.")
    return Pruning(network, final, config.ticket.keep, config.ticket.scope)


def _coded_network(config: RunConfig, parts: Parts) -> Network:
    """Return the network of a model that is no list of layers."""
    parameters = config.model.parameters
    for name in ("head", "recurrent_initializer"):  # not the network's, but of what is built here
        parameters.pop(name, None)
    return MODELS[config.model.name](parts, **parameters)


def build_optimizer(config: RunConfig, network: Network) -> Optimizer:
    """Return a configuration's optimizer for a network."""
    parameters = config.optimizer.parameters
    del parameters["schedule"]
    return OPTIMIZERS[config.optimizer.name](network.parameters(), **parameters)


def build_schedule(config: RunConfig) -> Schedule:
    """Return a configuration's learning-rate schedule."""
    schedule: Schedule = entry(SCHEDULES, config.optimizer.parameters["schedule"])
    return schedule


def learning_rates(
    config: RunConfig, steps: int, steering: Steering
) -> Callable[[int, int], float]:
    """Return the learning rate as a function of epoch (from 1 on) and step (from 0 on).

    Args:
        config: of the run.
        steps: per epoch.
        steering: of the run; its present factor is taken.
    """
    schedule = build_schedule(config)
    base: float = config.optimizer.parameters["learning_rate"]

    def rate(epoch: int, step: int) -> float:
        scheduled = base * schedule((epoch - 1) * steps + step, config.epochs * steps, steps)
        return scheduled * steering.rate_factor

    return rate


def entry(registry: dict[str, Any], choice: Choice) -> Any:
    """Call the function that a registry has for a choice, with the choice's parameters."""
    return registry[choice.name](**choice.parameters)
