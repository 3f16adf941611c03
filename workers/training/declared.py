"""From the plan of a declared network to the network, without its weights."""

from collections.abc import Mapping, Sequence

from torch import nn
from torch.nn.utils import skip_init

from service.specs.choices import Choice
from service.specs.plans import (
    ActivationStep,
    DropoutStep,
    FlattenStep,
    NetworkPlan,
    NormalizationStep,
    PoolingStep,
    ResidualStep,
    Step,
    WeightedStep,
)
from service.specs.resolution import FIXUP
from workers.nn.activations import ACTIVATIONS, Activation, ActivationFor
from workers.nn.declared import (
    Alone,
    DeclaredNetwork,
    Dropping,
    Flattening,
    NetworkStep,
    Residual,
    StridedPoint,
    Weighted,
)
from workers.nn.dropouts import Dropout
from workers.nn.initializers import INITIALIZERS, Initializer, fixup_branch
from workers.nn.models import HiddenLayer, Parts
from workers.nn.normalizations import NORMALIZATIONS, Normalization
from workers.nn.pooling import Pooling
from workers.nn.products import Convolution, Dense


def declared_network(plan: NetworkPlan, parts: Parts) -> DeclaredNetwork:
    """Return the network of a plan.

    Args:
        plan: of the network.
        parts: what a layer has that states nothing else.
    """
    output: nn.Linear = skip_init(Dense, plan.output.inputs[0], parts.outputs)  # type: ignore[no-untyped-call]
    return DeclaredNetwork(_Builder(parts).sequence(plan.steps), output)


def own_initializers(
    plan: NetworkPlan, usual: Choice
) -> tuple[dict[str, Initializer], dict[str, Initializer]]:
    """Return the initializers of single layers' weights and biases, by the layers' names.

    They are those that layers state, and with fixup those of the layers in residual branches.

    Args:
        plan: of the network.
        usual: the initializer of the configuration.
    """
    weights = {step.name: step.initializer for step in plan.hidden}
    biases = {step.name: step.bias_initializer for step in plan.hidden}
    branches = _fixup_branches(plan, usual) if usual.name == FIXUP else {}
    return branches | _initializers(weights), _initializers(biases)


def _fixup_branches(plan: NetworkPlan, usual: Choice) -> dict[str, Initializer]:
    outside = INITIALIZERS[usual.name](**usual.parameters)
    found: dict[str, Initializer] = {}
    for branch in plan.branches:
        draws = fixup_branch(outside, branches=len(plan.branches), layers=len(branch))
        found |= {step.name: draw for step, draw in zip(branch, draws, strict=True)}
    return found


def _initializers(stated: Mapping[str, Choice | None]) -> dict[str, Initializer]:
    return {
        name: INITIALIZERS[found.name](**found.parameters)
        for name, found in stated.items()
        if found is not None
    }


def normalization_parts(choice: Choice) -> tuple[Normalization, bool]:
    """Return the normalization of a choice, and whether it comes after the activation."""
    parameters = choice.parameters
    position = parameters.pop("position", "before_activation")
    return NORMALIZATIONS[choice.name](**parameters), position == "after_activation"


class _Builder:
    """Builds the steps of a plan."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def sequence(self, steps: Sequence[Step]) -> list[NetworkStep]:
        """Return the steps of a list; a max-pooling right after a weighted layer is part of it."""
        dropouts = {
            step.site: self._parts.dropout(step.site)
            for step in steps
            if isinstance(step, DropoutStep)
        }
        built: list[NetworkStep] = []
        for at, step in enumerate(steps):
            if isinstance(step, WeightedStep):
                dropout = _strongest(steps[at + 1 :], dropouts)
                pooling = _pooling_after(steps, at)
                following = steps[at + (1 if pooling is None else 2) :]
                read = _is_read_by_product(following, dropouts)
                built.append(self._weighted(step, dropout, pooling, read_by_product=read))
            elif isinstance(step, DropoutStep):
                built.append(Dropping(dropouts[step.site]))
            elif not _is_part(steps, at):
                built.append(self._plain(step))
        return built

    def _plain(self, step: Step) -> NetworkStep:
        match step:
            case PoolingStep():
                return _pooling(step)
            case FlattenStep():
                return Flattening()
            case ActivationStep():
                activation = self._activation(step.activation)(step.inputs[0])
                return Alone(f"activation_{step.number}", activation)
            case NormalizationStep():
                normalization, _ = self._normalization(step.normalization)
                return Alone(f"normalization_{step.number}", normalization(step.inputs[0]))
            case ResidualStep():
                return self._residual(step)
        raise TypeError(f"There is no network step of {type(step).__name__}.")

    def _residual(self, step: ResidualStep) -> Residual:
        shortcut = None if step.shortcut is None else self._weighted(step.shortcut, None, None)
        activation = self._activation(step.activation)(step.outputs[0])
        steps = tuple(self.sequence(step.steps))
        return Residual(steps, shortcut, f"activation_{step.number}", activation)

    def _weighted(
        self,
        step: WeightedStep,
        dropout: Dropout | None,
        pooling: Pooling | None,
        *,
        read_by_product: bool = False,
    ) -> Weighted:
        activation: Activation = self._activation(step.activation)(step.units)
        normalization, after = self._normalization(step.normalization)
        if step.normalized_after is not None:
            after = step.normalized_after
        layer = HiddenLayer(
            name=step.name,
            weighted=_weights(step, step.units * activation.pieces),
            normalization=normalization(step.units * (1 if after else activation.pieces)),
            activation=activation,
            dropout=dropout,
            normalized_after=after,
        )
        return Weighted(layer, step.number, pooling, read_by_product)

    def _activation(self, stated: Choice | None) -> ActivationFor:
        if stated is None:
            return self._parts.activation
        found: ActivationFor = ACTIVATIONS[stated.name](**stated.parameters)
        return found

    def _normalization(self, stated: Choice | None) -> tuple[Normalization, bool]:
        if stated is None:
            return self._parts.normalization, self._parts.normalized_after
        return normalization_parts(stated)


def _weights(step: WeightedStep, features: int) -> nn.Linear | nn.Conv2d:
    if not step.is_convolution:
        dense: nn.Linear = skip_init(Dense, step.inputs[0], features, bias=step.bias)  # type: ignore[no-untyped-call]
        return dense
    leaves_out = step.kernel_size == 1 < step.stride
    convolution: nn.Conv2d = skip_init(  # type: ignore[no-untyped-call]
        StridedPoint if leaves_out else Convolution,
        step.inputs[0],
        features,
        step.kernel_size,
        stride=step.stride,
        padding=step.padding,
        groups=step.groups,
        bias=step.bias,
    )
    return convolution


def _pooling(step: PoolingStep) -> Pooling:
    return Pooling(step.largest, step.size, step.stride)


def _pooling_after(steps: Sequence[Step], at: int) -> Pooling | None:
    """Return the max-pooling of squares right after a step; None where there is none."""
    following = steps[at + 1] if at + 1 < len(steps) else None
    if isinstance(following, PoolingStep) and following.largest and following.size is not None:
        return _pooling(following)
    return None


def _is_part(steps: Sequence[Step], at: int) -> bool:
    """Whether a step is the max-pooling of the weighted layer before it."""
    before = steps[at - 1] if at else None
    return isinstance(before, WeightedStep) and _pooling_after(steps, at - 1) is not None


def _is_read_by_product(following: Sequence[Step], dropouts: Mapping[int, Dropout]) -> bool:
    """Whether a weighted layer is what comes first, apart from flattening and standard dropout.

    That dropout reads narrow numbers and returns such, with the bits of the product's rounding.
    """
    for step in following:
        if isinstance(step, DropoutStep) and type(dropouts[step.site]) is Dropout:
            continue
        if not isinstance(step, FlattenStep):
            return isinstance(step, WeightedStep)
    return False


def _strongest(following: Sequence[Step], dropouts: Mapping[int, Dropout]) -> Dropout | None:
    """Return the dropout with the highest rate between a weighted layer and the next."""
    found: Dropout | None = None
    for step in following:
        if isinstance(step, WeightedStep | ResidualStep):
            break
        if isinstance(step, DropoutStep):
            dropout = dropouts[step.site]
            if found is None or dropout.dropped > found.dropped:
                found = dropout
    return found
