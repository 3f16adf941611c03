"""Advice on initializers for depth: orthogonal, or measured on data."""

from collections.abc import Mapping

from service.catalog.advice import papers
from service.catalog.advice.advice import Advice, said, shown

ADVICE: Mapping[str, Advice] = {
    "orthogonal": Advice(
        solved=(
            said(
                "In deep linear networks the time to learn does not grow with depth.",
                papers.SAXE_2013,
                "abstract",
            ),
        ),
        strengths=(
            said(
                "Every singular value of a layer is the gain, so that no direction is "
                "lost: with tanh whole networks keep all their singular values near 1.",
                papers.PENNINGTON_2017,
                "abstract",
            ),
        ),
        remains=(
            said("With relu no weights give that.", papers.PENNINGTON_2017, "abstract"),
            shown(
                "In a thin, deep relu network it learns more slowly with a gain of 1 "
                "than from lsuv.",
                "lsuv_depth",
                "learns_faster_than_orthogonal_and_glorot",
            ),
            said(
                "A convolution with an orthogonal matrix for its kernel does not keep "
                "the lengths of images.",
                papers.XIAO_2018,
                "section 2",
            ),
        ),
        use_when=(
            shown(
                "With relu give it a gain of sqrt(2): from lsuv the accuracy ended no "
                "more than a point below that.",
                "lsuv_depth",
                "as_good_as_scaled_orthogonal",
            ),
            said("In deep dense networks of tanh or identity.", papers.PENNINGTON_2017, "abstract"),
        ),
    ),
    "delta_orthogonal": Advice(
        solved=(
            said(
                "Convolutions keep the length of every pixel's values, which orthogonal "
                "kernels do not.",
                papers.XIAO_2018,
                "algorithm 1",
            ),
        ),
        strengths=(
            said(
                "Plain convolutional networks of tanh train at 10,000 layers, without "
                "normalization or shortcuts.",
                papers.XIAO_2018,
                "abstract",
            ),
        ),
        remains=(
            said(
                "Every kernel is zero but for its centre: at the start no layer mixes "
                "neighbouring pixels.",
                papers.XIAO_2018,
                "algorithm 1",
            ),
        ),
        use_when=(
            said(
                "In very deep convolutional networks of tanh without normalization.",
                papers.XIAO_2018,
                "abstract",
            ),
        ),
    ),
    "identity": Advice(
        solved=(
            said(
                "Without an input a recurrent state of relu units stays as it is, and so does the "
                "gradient on its way back through the steps.",
                papers.LE_2015,
                "section 3",
            ),
        ),
        strengths=(
            shown(
                "Reading digits row by row, a relu network that begins with it ends more accurate "
                "than one that begins with small normal weights.",
                "irnn_mnist",
                "identity_beats_normal_relu",
            ),
            said(
                "With it a simple recurrent network of relu units came close to an lstm on "
                "sequences with long memory.",
                papers.LE_2015,
                "abstract",
            ),
        ),
        remains=(
            said(
                "Where little memory is needed the authors scale it down to 0.01.",
                papers.LE_2015,
                "section 4.4",
            ),
        ),
        use_when=(
            said(
                "As the recurrent_initializer of relu units, with biases of zero.",
                papers.LE_2015,
                "section 3",
            ),
        ),
    ),
    "random_walk": Advice(
        solved=(
            said(
                "The logarithm of a gradient's length walks at random through the "
                "layers; the right gain takes away its drift.",
                papers.SUSSILLO_2014,
                "abstract",
            ),
        ),
        strengths=(
            said(
                "What is left grows with the square root of the depth only, and shrinks "
                "with the width.",
                papers.SUSSILLO_2014,
                "abstract",
            ),
        ),
        remains=(
            said(
                "Gains are given for linear and relu layers alone.",
                papers.SUSSILLO_2014,
                "section 3",
            ),
        ),
        use_when=(
            said(
                "In deep networks of narrow layers, in which its gain differs from he's; "
                "in wide ones the two are nearly the same.",
                papers.SUSSILLO_2014,
                "section 3",
            ),
        ),
    ),
    "fixup": Advice(
        solved=(
            said(
                "Without normalization the outputs of a residual network grow exponentially with "
                "its depth; scaled branches let a step change it by as much at any depth.",
                papers.ZHANG_2019,
                "sections 2 and 3",
            ),
        ),
        strengths=(
            said(
                "Residual networks of up to 10,000 layers trained as stably as with normalization.",
                papers.ZHANG_2019,
                "abstract",
            ),
        ),
        remains=(
            said(
                "The scale of the branches is its essential part; the paper needed all three rules "
                "to match normalization, and the multipliers of the third are not here.",
                papers.ZHANG_2019,
                "section 3",
            ),
            said(
                "Its best results needed regularization in place of what normalization gives.",
                papers.ZHANG_2019,
                "section 4",
            ),
        ),
        use_when=(
            said(
                "In residual networks that are to have no normalization, such as resnet with small "
                "batches.",
                papers.ZHANG_2019,
                "abstract",
            ),
        ),
    ),
    "lsuv": Advice(
        solved=(
            said(
                "The variance that an activation needs is measured on data, so that none "
                "has to be derived.",
                papers.MISHKIN_2015,
                "section 2",
            ),
        ),
        strengths=(
            shown(
                "Every hidden layer begins with unit variance.",
                "lsuv_depth",
                "every_layer_has_unit_variance",
            ),
            shown(
                "In a thin, deep network it learns faster than from orthogonal and from "
                "glorot weights.",
                "lsuv_depth",
                "learns_faster_than_orthogonal_and_glorot",
            ),
            said(
                "With maxout, relu and its kin, and tanh very deep networks reached the "
                "test accuracy of standard methods or better.",
                papers.MISHKIN_2015,
                "abstract",
            ),
        ),
        remains=(
            shown(
                "Against he, which was made for relu, the claim is only that it is as good.",
                "lsuv_depth",
                "as_good_as_he",
            ),
            said(
                "It needs a batch of training samples before the first step, and looks "
                "at the way forward alone.",
                papers.MISHKIN_2015,
                "algorithm 1",
            ),
        ),
        use_when=(
            said(
                "With activations for which no variance is known, such as maxout.",
                papers.MISHKIN_2015,
                "section 4",
            ),
        ),
    ),
    "data_dependent": Advice(
        solved=(
            said(
                "Each unit begins with unit variance and no preferred sign on the data "
                "at hand, so that all learn at one rate.",
                papers.KRAHENBUHL_2015,
                "section 3.1",
            ),
        ),
        strengths=(
            said(
                "As a whole the method matched unsupervised pre-training on image "
                "classification and detection, in a thousandth of its time.",
                papers.KRAHENBUHL_2015,
                "abstract",
            ),
        ),
        remains=(
            said(
                "Only its part within a layer is here: rates between layers are not balanced.",
                papers.KRAHENBUHL_2015,
                "section 3.2",
            ),
            said(
                "It needs a batch of training samples before the first step.",
                papers.KRAHENBUHL_2015,
                "algorithm 1",
            ),
        ),
        use_when=(
            said(
                "With inputs that are neither centred nor scaled; no source compared its "
                "part within a layer alone.",
                papers.KRAHENBUHL_2015,
                "section 3.1",
            ),
        ),
    ),
}
