"""Networks of declared models, built of parts without a configuration."""

from typing import Any

import torch

from service.specs.architectures import plan_of
from service.specs.choices import choice
from workers.nn.activations import ACTIVATIONS
from workers.nn.declared import DeclaredNetwork
from workers.nn.dropouts import DROPOUTS
from workers.nn.initialization import initialize
from workers.nn.initializers import INITIALIZERS
from workers.nn.models import Network, Parts
from workers.nn.normalizations import NORMALIZATIONS
from workers.training.declared import declared_network
from workers.training.streams import Streams


def declared(model: str, parts: Parts, **parameters: Any) -> DeclaredNetwork:
    """Return a model's network, without its weights."""
    chosen = choice("model", {"name": model, **parameters})
    pieces = parts.activation(1).pieces
    plan = plan_of(chosen, parts.input_shape, parts.outputs, pieces)
    assert plan is not None
    return declared_network(plan, parts)


def normalized(model: str, shape: tuple[int, ...], outputs: int, **parameters: Any) -> Network:
    """Return a model's network with relu and batch normalization, its weights drawn."""
    parts = Parts(
        input_shape=shape,
        outputs=outputs,
        activation=ACTIVATIONS["relu"](),
        normalization=NORMALIZATIONS["batch"](momentum=0.9, epsilon=1e-5),
        dropout=DROPOUTS["none"](),
    )
    network = declared(model, parts, **parameters)
    draw = INITIALIZERS["he_normal"](negative_slope=0.0)
    initialize(
        network,
        weight=draw,
        output_weight=draw,
        bias=INITIALIZERS["zeros"](),
        stream=Streams(0).initialization,
        inputs=torch.zeros(1, *shape),
    )
    return network
