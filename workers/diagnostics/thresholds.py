"""Thresholds of the diagnoses, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Where a figure becomes a finding.

    Gains are per layer, as ``flow`` defines them. "The block" is the network of five hidden
    layers of 100 units that the initializers are told apart on; its figures are those of 80
    seeds, and each threshold lies at least five of their standard deviations from any of them.

    Attributes:
        vanishing_gain: below it a signal or a gradient vanishes. On the block, relu with glorot
            gives 0.58 to 0.65 and relu with he 0.82 to 0.91; gelu with he keeps 0.76 over eight
            layers and trains.
        exploding_gain: above it a signal or a gradient explodes, at initialization. elu and
            selu with their own initializers give up to 1.24, batch normalization 1.22, maxout
            with he 1.46; tanh with N(0, 1) gives the gradients 2.7. A network that has learnt
            may have 2 and more, so during training an explosion is read off the gradient norm
            and the loss.
        gain_layers: hidden layers from which on a gain per layer is judged. Over fewer it is
            the matter of a few weights, and does little harm.
        shallow_factor: in a network of ``gain_layers - 1`` hidden layers, signal *and* gradient
            must change by this factor from end to end instead. mnist_cnn with relu or tanh
            keeps both within 2; with sigmoid both fall to a fifteenth, and it rests on its
            plateau. Over one or two hidden layers nothing is judged.
        saturated_share: share of the hidden layers' z-values, over all of them, above which
            they are saturated. On the block sigmoid with N(0, 1) has 0.45 to 0.50 and tanh
            0.76; all healthy rows have none. hard_tanh on standardized inputs begins at 0.3.
        saturated_layer: the same of a single layer, through which then hardly a gradient
            passes, however the others are.
        dead_share: share of a layer's units above which the layer is dead. Thirty relu layers
            with he begin with up to 0.41, narrow layers of three units with 2 of 3.
        huge_loss: times the loss of guessing (``NetworkStatistics.chance_loss``) from which on
            logits are out of hand. Healthy networks begin within 4 of it, those with weights
            ten times too large at 90 and more.
        stuck_loss: share of the loss of guessing from which on a network has learnt nothing.
        plateau_change: relative change of the training loss, over a stretch, below which it
            rests.
        plateau_epochs, plateau_share: the length of that stretch: so many epochs, or this share
            of the run's where that is longer.
        gradient_jump: times the largest gradient norm of all epochs before from which on it
            explodes, if the loss rises with it. Norms of healthy trainings fall, or rise with a
            falling loss when a plateau is left.
        clipped_fraction: share of an epoch's steps from which on clipping acts on most of them.
    """

    vanishing_gain: float = 0.7
    exploding_gain: float = 1.7
    gain_layers: int = 4
    shallow_factor: float = 10.0
    saturated_share: float = 0.38
    saturated_layer: float = 0.7
    dead_share: float = 0.75
    huge_loss: float = 10.0
    stuck_loss: float = 0.9
    plateau_change: float = 0.01
    plateau_epochs: int = 3
    plateau_share: float = 0.1
    gradient_jump: float = 10.0
    clipped_fraction: float = 0.5
