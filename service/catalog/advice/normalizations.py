"""Advice on normalizations."""

from collections.abc import Mapping

from service.catalog.advice import papers
from service.catalog.advice.advice import Advice, said, shown

ADVICE: Mapping[str, Advice] = {
    "none": Advice(
        solved=(
            said(
                "It is the control, and shows what initialization alone can do: with the "
                "right scales residual networks train without normalization.",
                papers.ZHANG_2019,
                "abstract",
            ),
        ),
        strengths=(
            said(
                "A sample's output depends on no other sample, in training as in evaluation.",
                papers.BROCK_2021,
                "section 2",
            ),
        ),
        remains=(
            said(
                "Large learning rates and batches are unstable without it or clipping.",
                papers.BROCK_2021,
                "abstract",
            ),
        ),
        use_when=(
            said(
                "In deep dense networks of selu, whose fixed point takes its place.",
                papers.KLAMBAUER_2017,
                "theorem 1",
            ),
        ),
    ),
    "batch": Advice(
        solved=(
            said(
                "A layer's inputs change their distribution as the layers before it "
                "learn, which forces small learning rates.",
                papers.IOFFE_2015,
                "section 1",
            ),
        ),
        strengths=(
            said(
                "It reached the accuracy of its ImageNet baseline in one fourteenth of the steps.",
                papers.IOFFE_2015,
                "abstract",
            ),
            shown(
                "The distribution of the last hidden layer's inputs wanders less from "
                "epoch to epoch.",
                "batchnorm_mnist",
                "stable_inputs",
            ),
        ),
        remains=(
            said(
                "Why it helps is disputed: it helps as much where the distributions are "
                "made to shift, and smooths the loss instead.",
                papers.SANTURKAR_2018,
                "abstract",
            ),
            shown(
                "Its accuracy falls with batches of 2.",
                "normalization_study",
                "batch_norm_degrades",
            ),
            said(
                "Through dense layers without shortcuts it makes gradients explode with depth.",
                papers.YANG_2019,
                "abstract",
            ),
        ),
        use_when=(
            said(
                "In convolutional networks with large batches: with 32 images per GPU "
                "its error on ImageNet was 0.5 points below that of group normalization.",
                papers.WU_2018,
                "section 4.1",
            ),
        ),
    ),
    "layer": Advice(
        solved=(
            said(
                "It needs no other samples, so that batches of one and recurrent "
                "networks can be normalized.",
                papers.BA_2016,
                "section 3",
            ),
        ),
        strengths=(
            said("Training and evaluation compute the same.", papers.BA_2016, "abstract"),
            shown(
                "With batches of 2 it reaches a higher accuracy than batch normalization.",
                "normalization_study",
                "group_and_layer_norm_win_at_2",
            ),
        ),
        remains=(
            said(
                "In convolutional networks batch normalization was ahead in the paper's "
                "own trials.",
                papers.BA_2016,
                "section 6.7",
            ),
        ),
        use_when=(
            said(
                "In recurrent networks, and where batches are small.", papers.BA_2016, "section 3"
            ),
        ),
    ),
    "instance": Advice(
        solved=(
            said(
                "It removes the contrast of a single image, which should not decide the "
                "result of a style transfer.",
                papers.ULYANOV_2016,
                "section 2",
            ),
        ),
        strengths=(
            said(
                "It depends on no other sample and on no other channel.",
                papers.ULYANOV_2016,
                "section 2",
            ),
        ),
        remains=(
            said(
                "On ImageNet its error was 28.4%, against 24.1% with group and 23.6% "
                "with batch normalization.",
                papers.WU_2018,
                "table 1",
            ),
        ),
        use_when=(
            said(
                "For the stylization of images, for which it was made.",
                papers.ULYANOV_2016,
                "abstract",
            ),
        ),
    ),
    "group": Advice(
        solved=(
            said("Its accuracy does not depend on the batch size.", papers.WU_2018, "abstract"),
        ),
        strengths=(
            said(
                "On ImageNet with batches of 2 its error was 10.6 points below that of "
                "batch normalization.",
                papers.WU_2018,
                "abstract",
            ),
            shown(
                "With batches of 2 and of 4 it stays within a point of its accuracy with 128.",
                "normalization_study",
                "group_and_layer_norm_do_not",
            ),
        ),
        remains=(
            said(
                "It lacks the noise of batches, which regularizes: with batches of 32 "
                "its training error was lower and its validation error 0.5 points "
                "higher.",
                papers.WU_2018,
                "section 4.1",
            ),
        ),
        use_when=(
            said(
                "In convolutional networks whose batches must be small.", papers.WU_2018, "abstract"
            ),
        ),
    ),
    "switchable": Advice(
        solved=(
            said(
                "Which normalization a layer should have is learnt, not chosen by hand.",
                papers.LUO_2018,
                "abstract",
            ),
        ),
        strengths=(
            said(
                "It keeps its accuracy with 2 images per GPU, and was ahead of single "
                "normalizations on the paper's benchmarks.",
                papers.LUO_2018,
                "abstract",
            ),
        ),
        remains=(
            said(
                "All its statistics are computed though few may matter: it needs "
                "redundant computation beside a single normalization.",
                papers.SHAO_2019,
                "abstract",
            ),
        ),
        use_when=(
            said(
                "Where the batch size varies between uses of one network, and its cost "
                "does not count.",
                papers.LUO_2018,
                "abstract",
            ),
        ),
    ),
    "rms": Advice(
        solved=(
            said(
                "It asks which part of layer normalization matters: re-scaling does, "
                "re-centring can be left out.",
                papers.ZHANG_SENNRICH_2019,
                "abstract",
            ),
        ),
        strengths=(
            said(
                "It came out on a par with layer normalization and took 7% to 64% less time.",
                papers.ZHANG_SENNRICH_2019,
                "abstract",
            ),
        ),
        remains=(
            said(
                "A shift of all z-values of a layer is not taken away.",
                papers.ZHANG_SENNRICH_2019,
                "section 4",
            ),
        ),
        use_when=(
            said(
                "In place of layer normalization where its time counts.",
                papers.ZHANG_SENNRICH_2019,
                "abstract",
            ),
        ),
    ),
    "weight": Advice(
        solved=(
            said(
                "It separates the length of a weight vector from its direction, which "
                "conditions the gradient without any statistics of samples.",
                papers.SALIMANS_2016,
                "section 2",
            ),
        ),
        strengths=(
            said(
                "It suits recurrent networks, reinforcement learning and generative "
                "models, which suffer from the noise of batches.",
                papers.SALIMANS_2016,
                "abstract",
            ),
        ),
        remains=(
            said(
                "On ImageNet its training accuracy was higher and its test accuracy "
                "about 6 points lower than with batch normalization.",
                papers.GITMAN_2017,
                "abstract",
            ),
            said(
                "The paper also sets lengths and biases from a first batch; here they "
                "start as the initializer draws them.",
                papers.SALIMANS_2016,
                "section 3",
            ),
        ),
        use_when=(
            said("Where the noise of batch statistics hurts.", papers.SALIMANS_2016, "abstract"),
        ),
    ),
}
