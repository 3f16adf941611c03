"""Thresholds of the diagnoses, each with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    """Values from which an observation becomes a finding.

    "The block" is the network of five hidden layers of 100 units on which the initializers are
    compared. "The sweep" is ``benchmarks.statistics.diagnoses``: networks drawn at random, on one
    half of which thresholds were set (526 runs of even number) and on the other half judged
    (docs/diagnoses.md).

    Attributes:
        end_to_end: factor from the first hidden layer to the last, of the signal or of the
            gradient, beyond which it vanishes or explodes. Of the even half 60 of 60 networks
            beyond it failed with SGD and 43 of 51 with adaptive steps; between 30 and 100 8 of 11
            and 9 of 13.
        strong: the same factor beyond which that alone can keep a network from training, whatever
            the optimizer; between the two only one without adaptive steps.
        vanishing_gain: gain per layer below which a signal or a gradient vanishes in a network that
            is only initialized (``epochs: 0``), as a building block of deeper ones. On the block
            relu with glorot gives 0.58 to 0.65, relu with he 0.82 to 0.91; each threshold on gains
            is at least five standard deviations away from any row of 80 seeds.
        exploding_gain: gain per layer above which it explodes there. elu and selu with their own
            initializers give up to 1.24, batch normalization 1.22; tanh with N(0, 1) gives the
            gradients 2.7.
        gain_layers: number of hidden layers from which on a gain per layer is judged. With fewer
            layers it depends on a few weights.
        length_growth: factor by which the mean square of the z-values grows from the first hidden
            layer to the last, beyond which the logits and the loss depend on a few samples.
        length: mean square of the last layer's z-values up to which no growth does harm.
        long_loss: multiple of the loss of guessing (``NetworkStatistics.chance_loss``) above which
            the logits are too large before the first step. Healthy networks begin below 4, those
            with weights ten times too large above 90. With 3 the block's relu with he would be
            told for some seeds, and of the even half 11 of 16 networks between 3 and 10 failed, no
            more than of all runs.
        large_update: update ratio of a layer (``LayerStatistics.update_ratio``) above which a few
            steps replace its weights. Of the even half 67 of 81 runs above it failed; between .05
            and .1 22 of 46, less than of all runs.
        small_update: update ratio of all layers below which steps are lost in the rounding of
            float32.
        short_way: way in norms of the weights, steps times their largest update ratio, below which
            a training is too short for the size of its steps. Of the even half 93 of 104 such
            runs failed; of those that went up to three times as far 35 of 52.
        saturated_share: share of z-values, over all hidden layers, above which the network is
            saturated. On the block sigmoid with N(0, 1) has 0.45 to 0.50 and tanh 0.76; all
            healthy rows have 0. hard_tanh on standardized inputs begins at 0.3.
        saturated_layer: the same share of one layer, above which hardly a gradient passes it.
        dead_share: share of a layer's units above which the layer is dead. Thirty relu layers with
            he begin with up to 0.41.
        dead_units: number of units from which on that share is judged. A narrower layer is dead
            if all its units are: layers of three units begin with 2 of 3 and train.
        stuck_loss: share of the loss of guessing above which a network has learnt nothing.
        above_guessing: share of it up to which a loss is near that of guessing.
        plateau_change: relative change of the training loss, over a stretch of epochs, below which
            it is on a plateau.
        plateau_epochs: length of that stretch.
        plateau_share: its length as a share of the run's epochs, where that is longer.
        gradient_jump: multiple of the largest gradient norm of all epochs before, above which the
            gradient explodes if the loss rises too. Norms of healthy trainings fall, or rise with
            a falling loss when the training leaves a plateau.
        clipped_fraction: share of an epoch's steps above which clipping acts on most of them.
    """

    end_to_end: float = 100.0
    strong: float = 1000.0
    vanishing_gain: float = 0.7
    exploding_gain: float = 1.7
    gain_layers: int = 4
    length_growth: float = 100.0
    length: float = 1.0
    long_loss: float = 10.0
    large_update: float = 0.1
    small_update: float = 1e-6
    short_way: float = 0.1
    saturated_share: float = 0.38
    saturated_layer: float = 0.7
    dead_share: float = 0.75
    dead_units: int = 16
    stuck_loss: float = 0.9
    above_guessing: float = 1.1
    plateau_change: float = 0.01
    plateau_epochs: int = 3
    plateau_share: float = 0.1
    gradient_jump: float = 10.0
    clipped_fraction: float = 0.5
