"""Thresholds of the diagnoses, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Values from which an observation becomes a finding.

    Gains are per layer, as ``flow`` defines them. "The block" is the network of five hidden
    layers of 100 units on which the initializers are compared; its values are from 80 seeds, and
    each threshold is at least five of their standard deviations away from any of them.

    Attributes:
        vanishing_gain: gain below which a signal or a gradient vanishes. On the block relu with
            glorot gives 0.58 to 0.65, relu with he 0.82 to 0.91; gelu with he has 0.76 over eight
            layers and trains.
        exploding_gain: gain above which a signal or a gradient explodes, at initialization. elu
            and selu with their own initializers give up to 1.24, batch normalization 1.22, maxout
            with he 1.46; tanh with N(0, 1) gives the gradients 2.7. A trained network may have 2
            and more, so during training the gradient norm and the loss are used instead.
        gain_layers: number of hidden layers from which on a gain per layer is judged. With fewer
            layers it depends on a few weights and does little harm.
        shallow_factor: factor by which, with ``gain_layers - 1`` hidden layers, both signal *and*
            gradient must change from end to end instead. mnist_cnn with relu or tanh keeps both
            within 2; with sigmoid both fall to a fifteenth, and it stays on its plateau. One or
            two hidden layers are not judged.
        saturated_share: share of z-values, over all hidden layers, above which the network is
            saturated. On the block sigmoid with N(0, 1) has 0.45 to 0.50 and tanh 0.76; all
            healthy rows have 0. hard_tanh on standardized inputs begins at 0.3.
        saturated_layer: the same share of one layer, above which hardly a gradient passes it.
        dead_share: share of a layer's units above which the layer is dead. Thirty relu layers with
            he begin with up to 0.41, narrow layers of three units with 2 of 3.
        huge_loss: multiple of the loss of guessing (``NetworkStatistics.chance_loss``) above which
            the logits are far too large. Healthy networks begin below 4, those with weights ten
            times too large above 90.
        stuck_loss: share of the loss of guessing above which a network has learnt nothing.
        plateau_change: relative change of the training loss, over a stretch of epochs, below which
            it is on a plateau.
        plateau_epochs: length of that stretch.
        plateau_share: its length as a share of the run's epochs, where that is longer.
        gradient_jump: multiple of the largest gradient norm of all epochs before, above which the
            gradient explodes if the loss rises too. Norms of healthy trainings fall, or rise with
            a falling loss when the training leaves a plateau.
        clipped_fraction: share of an epoch's steps above which clipping acts on most of them.
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
