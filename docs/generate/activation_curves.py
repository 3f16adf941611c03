"""Samples of every activation and its derivative, for the catalog's pictures.

The API draws from them: it has no torch.
"""

import json
from typing import Any

import torch
from torch import Tensor

from service.catalog.axes import AXES
from service.specs.choices import choice
from workers.nn.activations import ACTIVATIONS, Gated

#: Half a step beside the grid of twentieths, where all kinks are: every derivative exists.
POINTS = (torch.arange(280, dtype=torch.float64) - 139.5) / 20

#: Finer than any picture shows, and coarser than the last bits, which machines differ in.
_DECIMALS = 6


def sampled_text() -> str:
    """Write the samples of all activations as JSON, a line a curve."""
    curves = [
        f"{json.dumps(name)}: {json.dumps(sample(name))}"
        for name, entry in AXES["activation"].items()
        if not entry.symbolic
    ]
    joined = ",\n".join(curves)
    return f'{{"x": {json.dumps(_rounded(POINTS))},\n"curves": {{\n{joined}\n}}}}\n'


def sample(name: str) -> dict[str, Any]:
    """Sample an activation with its default parameters, in float64.

    A unit that reads several z-values is given lines through zero whose slopes lie evenly
    from -1 to 1: with two pieces maxout gives the absolute value (Goodfellow et al. 2013,
    fig. 1). The two of a gated unit are x itself.
    """
    parameters = choice("activation", name).parameters
    activation = ACTIVATIONS[name](**parameters)(1).double()
    slopes = torch.linspace(-1, 1, activation.pieces, dtype=torch.float64)
    if activation.pieces == 1 or isinstance(activation, Gated):
        slopes = torch.ones(activation.pieces, dtype=torch.float64)
    x = POINTS.clone().requires_grad_()
    values = activation(x[:, None] * slopes)[:, 0]
    (derivatives,) = torch.autograd.grad(values.sum(), x)
    return {
        "parameters": parameters,
        "slopes": slopes.tolist(),
        "values": _rounded(values),
        "derivatives": _rounded(derivatives),
    }


def _rounded(values: Tensor) -> list[float]:
    # Adding 0.0 makes -0.0 plain.
    return [round(value, _DECIMALS) + 0.0 for value in values.tolist()]
