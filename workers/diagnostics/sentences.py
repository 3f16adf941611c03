"""What findings say: each explanation and advice once, with the places of its values.

The page shows them in the reader's language: ``strings/zh.texts.json`` of the dashboard has a
translation of each, which a test holds complete.
"""

SYMMETRIC = (
    "All {units} units of {layer} have the same weights, so they get the same gradient and stay "
    "copies of a single one."
)
SYMMETRIC_ADVICE = "Draw the initial weights at random; the biases may be zeros."
EQUAL_UNITS = (
    "All {units} units of {layer} have the same weights, so only the next layer's weights or the "
    "dropout after them tell them apart."
)
EQUAL_UNITS_ADVICE = "Nothing has to change; weights drawn at random would learn sooner."

DEAD = (
    "{share:.0%} of the units of {layer} are dead: on none of {samples} samples does their "
    "activation let a gradient through, so their weights never change."
)
DEAD_AT_FIRST_ADVICE = (
    "Start with biases of zero and smaller weights, or use an activation with a slope on both "
    "sides, such as leaky_relu, elu or gelu."
)
DEAD_LATER_ADVICE = (
    "Lower the learning rate or clip the gradient, or use an activation with a slope on both "
    "sides, such as leaky_relu, elu or gelu."
)
DYING = (
    "{layer} has {died} more dead {noun} than before the first step, {share:.1%} of its {units} "
    "in all."
)
DYING_ADVICE = "Nothing has to change while the loss falls; else lower the learning rate."

SATURATED_LAYER = (
    "{share:.0%} of the z-values of {layer} lie where its activation is flat, so hardly a gradient "
    "passes."
)
SATURATED_LAYERS = (
    "Over the hidden layers {share:.0%} of the z-values lie where the activation is flat, in "
    "{layer} {most:.0%}; there hardly a gradient passes."
)
SATURATED_AT_FIRST_ADVICE = (
    "Draw the initial weights smaller, standardize the inputs, or add a normalization."
)
SATURATED_BY_OFFSET_ADVICE = (
    "The z-values of {layer} lie around {mean:.2g}, farther from zero than they spread: begin with "
    "biases of zero, standardize the inputs, or add a normalization."
)
SATURATED_LATER_ADVICE = "Lower the learning rate, or add a normalization before the activation."

OVERFLOWN_Z = (
    "{share:.1%} of the z-values of {layer} are not finite: they have outgrown float32, or come "
    "from others that have."
)
OVERFLOWN_GRADIENT = (
    "{share:.1%} of the gradients of {layer} are not finite: they have outgrown float32, or come "
    "from others that have."
)
OVERFLOWN_AT_FIRST_ADVICE = "Draw the initial weights far smaller, or scale the inputs."
SMALLER_STEPS_ADVICE = "Lower the learning rate, or clip the gradient."

LENGTH = (
    "The mean square of the z-values grows {growth:.3g} times from {first} to {last}, whatever the "
    "sample."
)
SMALLER_WEIGHTS_ADVICE = (
    "Draw the initial weights about {times} times smaller, or add a normalization."
)
LARGE_LOGITS = (
    "Before the first step the loss is {loss:.3g}, {times:.3g} times that of guessing: the logits "
    "are too large."
)
LARGE_LOGITS_ADVICE = (
    "Draw the initial weights smaller, those of the output layer first, or scale the inputs."
)

VANISHING_SIGNAL = (
    "The spread of the z-values shrinks to {ratio:.2g} of what it was from {start} to {end}, "
    "{gain:.2g} times per layer: the last layer can hardly tell the samples apart."
)
VANISHING_GRADIENT = (
    "The gradient shrinks to {ratio:.2g} of what it was from {start} to {end}, {gain:.2g} times "
    "per layer: the first layers hardly learn."
)
VANISHING_LATER_ADVICE = "Lower the learning rate or the weight decay, or use fewer layers."
LARGER_WEIGHTS_ADVICE = (
    "Draw the initial weights about {times} times larger, or add a normalization, or use fewer "
    "layers."
)
LARGE_WEIGHTS_ADVICE = (
    "Draw the initial weights larger, or add a normalization, or use fewer layers."
)
STEEPER_ADVICE = "Use fewer layers, or an activation whose slope is near 1, such as relu or tanh."
EXPLODING_SIGNAL = (
    "The spread of the z-values grows {ratio:.2g} times from {start} to {end}, {gain:.2g} times "
    "per layer."
)
EXPLODING_GRADIENT = (
    "The gradient grows {ratio:.2g} times from {start} to {end}, {gain:.2g} times per layer."
)
FEWER_LAYERS_ADVICE = "Use fewer layers: a normalization does not stop this growth."

VANISHING_STEPS = (
    "The gradient shrinks to {ratio:.2g} of what it was from step {step} of {layer} to step 1, "
    "{gain:.2g} times per step: what is far back is hardly learned."
)
VANISHING_STEPS_ADVICE = (
    "Use the cell gru or lstm, or an orthogonal or larger recurrent_initializer."
)
EXPLODING_STEPS = (
    "The gradient grows {ratio:.2g} times from step {step} of {layer} to step 1, {gain:.2g} times "
    "per step: a step may go too far."
)
EXPLODING_STEPS_ADVICE = (
    "Clip the gradient's norm, or use an orthogonal or smaller recurrent_initializer."
)

LARGE_STEP = (
    "A step changes the weights of {layer} by {ratio:.2g} of their norm: a few steps replace what "
    "the network has learned."
)
LARGE_STEP_ADVICE = "Divide the learning rate by about {times}, or clip the gradient."
SMALL_STEPS = (
    "A usual step changes the weights of no layer by more than {ratio:.2g} of their norm: "
    "{steps:,} of them hardly move the network."
)
SMALL_STEPS_ADVICE = "Multiply the learning rate by about {times}, or train for more epochs."

DIVERGED_TRAINING = (
    "The training loss of epoch {epoch} is not a finite number, which ended the run."
)
DIVERGED_VALIDATION = (
    "The validation loss of epoch {epoch} is not a finite number, which ended the run."
)
DIVERGED_ADVICE = "Lower the learning rate, to a tenth for a start, or clip the gradient."
GRADIENT_NOT_FINITE = "The mean gradient norm of epoch {epoch} is not a finite number."
GRADIENT_JUMP = (
    "The mean gradient norm of epoch {epoch} is {norm:.3g}, {times:.3g} times the largest before, "
    "and the loss rose from {before:.3g} to {loss:.3g}."
)
CLIPPING_ACTIVE = (
    "Clipping changed the gradient at {share:.0%} of the steps of epoch {epoch}: it, more than the "
    "learning rate, sets the size of the steps."
)
CLIPPING_ACTIVE_ADVICE = (
    "Raise the threshold of the clipping, or lower the learning rate, unless this is meant."
)
PLATEAU = (
    "Over the {epochs} epochs up to epoch {epoch} the training loss moved by {change:.2%} and "
    "stayed near {loss:.3g}, where guessing would leave it."
)
PLATEAU_ABOVE = (
    "Over the {epochs} epochs up to epoch {epoch} the training loss moved by {change:.2%} and "
    "stayed near {stayed}, above the {loss:.3g} of guessing."
)
PLATEAU_ADVICE = "Change the learning rate or train longer, unless another finding says why."


def plain(value: float) -> str:
    """Return a number with at least three significant digits, as people write it."""
    return f"{value:,.0f}" if 100 <= abs(value) < 1e9 else f"{value:.3g}"


def factor(value: float, digits: int = 2) -> str:
    """Return a factor with so many significant digits, as people write it: ``1.4``, ``590``."""
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:g}"
