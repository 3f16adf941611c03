"""Rules of recurrent networks: what their layers can be combined with."""

from collections.abc import Iterator

from service.fields import FieldError
from service.specs.planning import pieces_of
from service.specs.resolution import Resolution

#: Normalizations that are defined for one sample at one step.
_NORMALIZATIONS = ("none", "layer", "rms")

_OF_BATCHES = ("batch", "switchable")

#: Initializers that scale weights until a layer's sums of its inputs alone have unit variance.
_ON_DATA = ("lsuv", "data_dependent")


def recurrent_errors(resolved: Resolution) -> Iterator[FieldError]:
    """Yield every reason why a recurrent network cannot be trained as a point of the grid has it.

    Other models have none.
    """
    if resolved.model.name != "rnn":
        return
    yield from _activation_errors(resolved)
    yield from _normalization_errors(resolved)
    yield from _initializer_errors(resolved)
    yield from _forget_bias_errors(resolved)


def _activation_errors(resolved: Resolution) -> Iterator[FieldError]:
    activation = resolved.chosen("activation")
    pieces = pieces_of(activation)
    if pieces > 1:
        yield FieldError(
            resolved.point["activation"].location,
            f"Units of rnn have one weighted sum for their state, and {activation.name} reads "
            f"{pieces}. Choose an activation of one value, such as tanh.",
        )


def _normalization_errors(resolved: Resolution) -> Iterator[FieldError]:
    placed = resolved.point["normalization"]
    name = placed.value.name
    if name not in _NORMALIZATIONS:
        reason = (
            "statistics of a batch differ from step to step of a sequence"
            if name in _OF_BATCHES
            else "it has no place between the sums of inputs and of states"
        )
        yield FieldError(
            placed.location,
            f"{name} normalization is not defined for rnn: {reason}. Use layer or rms, which "
            "normalize one sample at one step, or none.",
        )
    elif placed.value.parameters.get("position") == "after_activation":
        yield FieldError(
            placed.parameter("position"),
            "In rnn the weighted sums are normalized, not the state. Use before_activation.",
        )


def _initializer_errors(resolved: Resolution) -> Iterator[FieldError]:
    own = resolved.model.parameters["recurrent_initializer"].name
    if own == "auto" or own in _ON_DATA:
        yield FieldError(
            resolved.point["model"].parameter("recurrent_initializer"),
            f"{own} is for weights of inputs, and these multiply the state. Use orthogonal, "
            "identity, or another initializer that draws by itself.",
        )
    if resolved.initializer("initializer").name in _ON_DATA:
        yield FieldError(
            resolved.point["initializer"].location,
            f"{resolved.initializer('initializer').name} scales weights until weighted sums have "
            "unit variance, and those of rnn also depend on its state. Use another initializer, "
            "or this one as output_initializer.",
        )


def _forget_bias_errors(resolved: Resolution) -> Iterator[FieldError]:
    parameters = resolved.model.parameters
    if parameters["forget_bias"] is not None and parameters["cell"] != "lstm":
        yield FieldError(
            resolved.point["model"].parameter("forget_bias"),
            f"Only lstm has a forget gate, and the cell is {parameters['cell']}. Leave forget_bias "
            "out, or use the cell lstm.",
        )
