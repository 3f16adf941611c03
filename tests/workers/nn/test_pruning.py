"""Which weights a ticket leaves, and that the others stay zero whatever the optimizer does."""

from typing import Any

import pytest
import torch

from service.catalog.axes import AXES
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec, RunConfig
from service.specs.tickets import ResolvedTicket
from workers.datasets.loading import load
from workers.nn.pruning import Pruning, largest, weights_of
from workers.training.results import EpochResult
from workers.training.solo import SoloTraining

CPU = torch.device("cpu")
CNN = {
    "dataset": {"name": "mnist", "train_size": 48, "test_size": 16},
    "model": {"name": "mnist_cnn", "channels": [4, 4], "units": [6]},
}
RNN = {"model": {"name": "rnn", "cell": "gru", "hidden_units": [5]}, "activation": "tanh"}


def configured(keep: float = 0.3, scope: str = "layer", **fields: Any) -> RunConfig:
    spec = {
        "dataset": {"name": "digits", "train_size": 64, "test_size": 32},
        "model": {"name": "mlp", "hidden_units": [12, 6]},
        "activation": "relu",
        "batch_size": 16,
        "epochs": 2,
        "layer_statistics": "off",
        **fields,
    }
    (run,) = expand(ExperimentSpec.model_validate(spec), Limits())
    content = {"run": "", "attempt": 1, "sha256": "", "seed": 8, "keep": keep, "scope": scope}
    ticket = ResolvedTicket.model_validate(content)
    return run.config.model_copy(update={"ticket": ticket})


def training(config: RunConfig, seed: int = 5) -> tuple[SoloTraining, dict[str, torch.Tensor]]:
    """A training with a ticket, and the final weights that it is made of."""
    data = load(config.dataset)
    whole = SoloTraining(config.model_copy(update={"ticket": None}), 8, data, CPU)
    final = whole.weights()
    generator = torch.Generator().manual_seed(1)
    final = {name: torch.randn(value.shape, generator=generator) for name, value in final.items()}
    return SoloTraining(config, seed, data, CPU, final), final


def test_the_largest_by_magnitude_of_each_layer_or_of_all_are_left() -> None:
    weights = {"a": torch.tensor([[1.0, -5.0], [0.5, 2.0]]), "b": torch.tensor([-0.1, 0.2, 10.0])}
    layer = largest(weights, 0.5, "layer")
    assert layer["a"].tolist() == [[False, True], [False, True]]
    assert layer["b"].tolist() == [False, True, True]
    together = largest(weights, 3 / 7, "global")
    assert together["a"].tolist() == [[False, True], [False, True]]
    assert together["b"].tolist() == [False, False, True]


def test_one_weight_is_left_at_least_and_of_equal_ones_the_first() -> None:
    found = largest({"a": torch.tensor([2.0, -2.0, 2.0, 0.0])}, 0.01, "layer")
    assert found["a"].tolist() == [True, False, False, False]
    assert largest({"a": torch.zeros(4)}, 1.0, "layer")["a"].all()


OPTIMIZERS = [
    *AXES["optimizer"],
    {"name": "sgd", "momentum": 0.9, "nesterov": True},
    {"name": "adam", "decoupled_weight_decay": 0.1},
    {"name": "adam", "coupled_weight_decay": 0.1},
]


@pytest.mark.parametrize(
    "fields",
    [
        *({"optimizer": optimizer} for optimizer in OPTIMIZERS),
        {"clipping": "adaptive"},
        {"normalization": "batch"},
        CNN,
        RNN,
    ],
    ids=str,
)
@pytest.mark.parametrize("scope", ["layer", "global"])
def test_pruned_weights_stay_zero_and_the_others_learn(fields: dict[str, Any], scope: str) -> None:
    config = configured(scope=scope, **fields)
    ticket, final = training(config)
    first = {name: value.detach().clone() for name, value in weights_of(ticket.network).items()}
    whole = SoloTraining(config.model_copy(update={"ticket": None}), 8, load(config.dataset), CPU)
    kept = largest({name: final[name] for name in first}, 0.3, config.ticket.scope)
    for name, value in weights_of(whole.network).items():
        assert torch.equal(first[name], torch.where(kept[name], value, 0.0)), name
    results = [result for result in ticket.run() if isinstance(result, EpochResult)]
    assert len(results) == 2
    for name, value in weights_of(ticket.network).items():
        assert not value[~kept[name]].any(), name
    assert any(
        not torch.equal(value, first[name]) for name, value in weights_of(ticket.network).items()
    )


def test_gradients_of_pruned_weights_are_stopped_even_where_they_are_not_finite() -> None:
    config = configured(clipping={"name": "norm", "max_norm": 1.0})
    ticket, final = training(config)
    pruning = Pruning(ticket.network, final, 0.3, "layer")
    kept = largest({name: final[name] for name in weights_of(ticket.network)}, 0.3, "layer")
    for name, weight in weights_of(ticket.network).items():
        weight.grad = torch.where(kept[name], 1.0, torch.nan)
    pruning.stop_gradients()
    for name, weight in weights_of(ticket.network).items():
        assert torch.equal(weight.grad, kept[name].float())


def test_a_ticket_needs_the_weights_that_it_is_made_of() -> None:
    config = configured()
    with pytest.raises(ValueError, match="made of the weights"):
        SoloTraining(config, 5, load(config.dataset), CPU)
