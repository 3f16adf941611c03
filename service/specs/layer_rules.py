"""Rules of single layers: what a layer's normalization, activation and initializer ask of it.

A layer of a declared network has its own, or else the spec's.
"""

from collections.abc import Iterator, Sequence

from service.fields import FieldError, Location
from service.formulas.expression import problems
from service.specs.choices import Choice
from service.specs.plans import NormalizationStep, WeightedStep
from service.specs.resolution import FIXUP, Resolution

#: Parameters of initializers that are zero, all of those it has, only where all weights are.
_SIZES_OF_WEIGHTS = ("value", "mean", "stddev", "limit", "low", "high")

_FIXUP_OF_A_PART = (
    "fixup is for all layers of a network. Give it as initializer; the output layer is then zero."
)


def stated_errors(resolved: Resolution) -> Iterator[FieldError]:
    """Yield what is wrong with what declared layers state, each by itself.

    Nothing is resolved for it: what ``auto`` stands for needs valid entries.
    """
    placed = resolved.point["model"]
    for place, stated in _stated(placed.value.parameters.get("layers", ()), ("layers",)):
        for path, detail in entry_problems(stated):
            yield FieldError(placed.parameter(*place, *path), detail)


def _stated(
    layers: Sequence[Choice], place: Location
) -> Iterator[tuple[tuple[str | int, ...], Choice]]:
    """Yield every entry that layers state, with its place."""
    for at, layer in enumerate(layers):
        for name, value in layer.parameters.items():
            if isinstance(value, Choice):
                yield (*place, at, name), value
            elif name == "layers":
                yield from _stated(value, (*place, at, name))


def entry_problems(entry: Choice) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong between the parameters of a formula or an initializer.

    Each is a path to the parameter and a sentence.
    """
    parameters = entry.parameters
    if "expression" in parameters:
        yield from problems(**parameters)
    if entry.name != "uniform":
        return
    low = -parameters["limit"] if parameters["low"] is None else parameters["low"]
    high = parameters["limit"] if parameters["high"] is None else parameters["high"]
    if low > high:
        yield (
            ("high" if parameters["low"] is None else "low",),
            f"The lower end {low:g} is above the upper end {high:g}. An end that is left out is "
            "-limit or limit.",
        )


def fixup_errors(resolved: Resolution) -> Iterator[FieldError]:
    """Yield where fixup is asked for, and there are no residual blocks, or for a part of a network.

    It scales a layer by the blocks around it, so it is of no use to one layer or matrix alone.
    """
    model, output = resolved.point["model"], resolved.point["output_initializer"]
    parameters = model.value.parameters
    parts = list(_stated(parameters.get("layers", ()), ("layers",)))
    if "recurrent_initializer" in parameters:
        parts.append((("recurrent_initializer",), parameters["recurrent_initializer"]))
    for place, stated in parts:
        if stated.name == FIXUP:
            yield FieldError(model.parameter(*place), _FIXUP_OF_A_PART)
    if resolved.chosen("initializer").name == FIXUP:
        if resolved.plan is None or not resolved.plan.branches:
            yield FieldError(
                resolved.point["initializer"].location,
                "fixup scales the branches of residual blocks, and this network has none. Use the "
                "model resnet, or layers with a residual block, or another initializer.",
            )
    elif output.value is not None and output.value.name == FIXUP:
        yield FieldError(output.location, _FIXUP_OF_A_PART)


def normalizations_of(resolved: Resolution) -> list[Choice]:
    """Return the normalizations that a network has: of each layer its own, or else the spec's."""
    usual: Choice = resolved.chosen("normalization")
    if resolved.plan is None:
        return [usual]
    return [step.normalization or usual for step in _normalized_steps(resolved)]


def activations_of(resolved: Resolution) -> list[Choice]:
    """Return the activations of a network's layers: their own, or else the spec's."""
    usual: Choice = resolved.chosen("activation")
    if resolved.plan is None:
        return [usual]
    return [step.activation or usual for step in resolved.plan.hidden]


def normalization_errors(resolved: Resolution) -> Iterator[FieldError]:
    """Yield why a layer cannot have its normalization; one error of each place."""
    if resolved.plan is None:
        usual = resolved.point["normalization"]
        yield from _weight_errors(resolved, usual.value, None, usual.location)
        return
    places = set()
    for step in _normalized_steps(resolved):
        for error in _errors_of(resolved, step):
            if error.location not in places:
                places.add(error.location)
                yield error


def _normalized_steps(resolved: Resolution) -> list[WeightedStep | NormalizationStep]:
    steps = resolved.plan.walk() if resolved.plan else ()
    return [step for step in steps if isinstance(step, WeightedStep | NormalizationStep)]


def _errors_of(
    resolved: Resolution, step: WeightedStep | NormalizationStep
) -> Iterator[FieldError]:
    usual, model = resolved.point["normalization"], resolved.point["model"]
    normalization: Choice = step.normalization or usual.value
    here = model.parameter(*step.place)
    location = usual.location if step.normalization is None else here
    if isinstance(step, WeightedStep):
        yield from _weight_errors(resolved, normalization, step.initializer, location)
    elif normalization.name == "weight":
        yield FieldError(
            here,
            "weight normalization is of the weights of a convolution or dense layer, and none is "
            "right before it. State it at the layer.",
        )
    groups = normalization.parameters.get("groups")
    if groups is None:
        return
    features, name = _features(step, normalization)
    if features % groups:
        yield FieldError(
            usual.parameter("groups") if step.normalization is None else here,
            f"{groups} groups do not divide the {features} features of {name} evenly. Choose a "
            f"divisor of {features}.",
        )


def _features(step: WeightedStep | NormalizationStep, normalization: Choice) -> tuple[int, str]:
    """Return how many features are normalized, and the name of what they are of."""
    if isinstance(step, NormalizationStep):
        return step.inputs[0], f"normalization_{step.number}"
    after = step.normalized_after
    if after is None:
        after = normalization.parameters.get("position") == "after_activation"
    return step.units * (1 if after else step.pieces), step.name


def _weight_errors(
    resolved: Resolution, normalization: Choice, stated: Choice | None, location: Location
) -> Iterator[FieldError]:
    if normalization.name != "weight":
        return
    if _draws_zeros(stated or resolved.initializer("initializer")):
        yield FieldError(
            location,
            "Weight normalization divides weights by their length, and weights of zero have none. "
            "Choose an initializer that draws others.",
        )


def _draws_zeros(initializer: Choice) -> bool:
    """Whether an initializer gives a unit weights of zero.

    It is named so, all its sizes are zero, it is an identity (units beyond the inputs get none), or
    it is fixup (the last layer of a branch gets none).
    """
    sizes = [
        value
        for name in _SIZES_OF_WEIGHTS
        if isinstance(value := initializer.parameters.get(name), float | int)
    ]
    return initializer.name in {"zeros", "identity", FIXUP} or (bool(sizes) and not any(sizes))
