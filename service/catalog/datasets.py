"""Data sets, with the sizes that the rules check specs against."""

from dataclasses import replace

from service.catalog.entry import DatasetEntry, Parameter, Source, TargetNoise

#: Most points of each part that can be drawn where a data set is made of random points.
MOST_POINTS = 100_000

#: Most sequences of each part: of 200 letters they take 100 MB.
MOST_SEQUENCES = 20_000
_UUID = "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_FIRST = "how many of the {} samples are used, from the first on; all by default"
_PREPROCESSING = "what is done to the inputs"


def _parameters(
    train: int, test: int, preprocessing: str, *own: Parameter, most: int | None = None
) -> tuple[Parameter, ...]:
    """Return a data set's own parameters, then those that every data set has.

    Args:
        train: the default number of training samples.
        test: the default number of test samples.
        preprocessing: the default preprocessing.
        *own: parameters that only this data set has.
        most: the most samples of each part; the defaults where omitted.
    """
    return (
        *own,
        Parameter(
            "train_size",
            "integer",
            train,
            "how many of the training samples are used, from the first on",
            minimum=1,
            maximum=most or train,
        ),
        Parameter(
            "test_size",
            "integer",
            test,
            "how many of the test samples are used, from the first on",
            minimum=1,
            maximum=most or test,
        ),
        Parameter(
            "validation_split",
            "number",
            0.0,
            "share of the training samples, the last ones, kept for validation; with 0 the test "
            "part is the validation set",
            minimum=0.0,
            below=1.0,
        ),
        Parameter(
            "folds",
            "integer",
            None,
            "k of a k-fold cross-validation: the training samples are divided into so many folds, "
            "with equal shares of the classes where targets are classes",
            minimum=2,
            maximum=100,
        ),
        Parameter(
            "fold",
            "integer",
            None,
            "which fold, from 0 on, is held out for validation; a list trains with each in turn",
            minimum=0,
            maximum=99,
        ),
        Parameter(
            "preprocessing",
            "choice",
            preprocessing,
            _PREPROCESSING,
            axis="preprocessing",
        ),
    )


_COUNTRIES = Parameter(
    "countries",
    "integer",
    3,
    "columns that say the country: one for each of three, or 2, without the first (France), which "
    "the others decide",
    minimum=2,
    maximum=3,
    implied=True,
)


def _noise(deviation: float) -> Parameter:
    return Parameter(
        "noise",
        "number",
        deviation,
        "standard deviation of the noise added to each coordinate",
        minimum=0.0,
        maximum=10.0,
    )


_SEED = Parameter(
    "seed",
    "integer",
    1,
    "seed of the points; independent of the seed of a run",
    minimum=0,
    maximum=2**31 - 1,
)

_ORDER = Parameter(
    "seed",
    "integer",
    1,
    "seed of the order, 13 for DeepReplay's own; independent of the seed of a run",
    minimum=0,
    maximum=2**31 - 1,
)

#: The facts of an uploaded data set that its configurations have.
FACTS = (
    *("input_shape", "classes", "largest_value", "largest_class"),
    *("target_deviation", "target_absolute_deviation"),
)


def _uploaded() -> DatasetEntry:
    """Return the entry of uploaded data: a spec names one, a configuration has its facts."""
    whole = {parameter.name: parameter for parameter in _parameters(1, 1, "standardize")}
    sizes = {name: replace(whole[name], maximum=None) for name in ("train_size", "test_size")}
    split, folds = whole["validation_split"], (whole["folds"], whole["fold"])
    return DatasetEntry(
        name="uploaded",
        meaning="A data set of your own, uploaded with `POST /v1/datasets`: a table, or images. A "
        "fifth of its training samples is held out for validation, and its test part is measured "
        "once, at the end, unless validation_split or folds say otherwise.",
        formula=r"\{(x_i, y_i)\}_{i=1}^{n}",
        source=Source(
            "Shafranovich 2005, RFC 4180, Common format for comma-separated values",
            "https://www.rfc-editor.org/rfc/rfc4180",
        ),
        parameters=(
            Parameter("id", "text", ..., "the id that the upload was answered", pattern=_UUID),
            replace(sizes["train_size"], default=None, meaning=_FIRST.format("training")),
            replace(sizes["test_size"], default=None, meaning=_FIRST.format("test")),
            replace(
                split,
                default=None,
                meaning="share of the training samples, the last ones, kept for validation; 0.2 "
                "by default, and with 0 the test part is the validation set",
            ),
            *folds,
            Parameter(
                "preprocessing",
                "choice",
                None,
                f"{_PREPROCESSING}; by default scale for images, standardize for tables",
                axis="preprocessing",
            ),
        ),
        resolved=(
            Parameter("sha256", "text", ..., "its name by its content", pattern="^[0-9a-f]{64}$"),
            Parameter(
                "input_shape", "integers", ..., "of one sample", minimum=1, min_items=1, max_items=3
            ),
            Parameter(
                "classes",
                "integer",
                0,
                "how many there are; none where the targets are numbers",
                minimum=0,
                implied=True,
            ),
            Parameter("largest_value", "number", None, "of a pixel", above=0.0),
            Parameter(
                "largest_class",
                "number",
                None,
                "share of the largest class in the test part",
                above=0.0,
                maximum=1.0,
            ),
            Parameter(
                "target_deviation",
                "number",
                None,
                "where the targets are numbers, the root mean squared error on the test part of "
                "predicting the training mean",
                minimum=0.0,
            ),
            Parameter(
                "target_absolute_deviation",
                "number",
                None,
                "the mean absolute error of the same",
                minimum=0.0,
            ),
            *(replace(size, default=...) for size in sizes.values()),
            replace(split, default=...),
            *folds,
            whole["preprocessing"],
        ),
    )


ENTRIES: tuple[DatasetEntry, ...] = (
    DatasetEntry(
        name="mnist",
        meaning="Handwritten digits, 28 x 28 grey pixels: 60,000 to train, 10,000 to test.",
        formula=r"x \in [0, 255]^{28 \times 28},\; y \in \{0, \dots, 9\}",
        source=Source(
            "LeCun et al. 1998, Gradient-based learning applied to document recognition",
            "https://doi.org/10.1109/5.726791",
        ),
        parameters=_parameters(60_000, 10_000, "scale"),
        input_shape=(1, 28, 28),
        classes=10,
        largest_class=0.1135,
        largest_value=255.0,
    ),
    DatasetEntry(
        name="fashion_mnist",
        meaning="Pictures of clothes in ten kinds, 28 x 28 grey pixels: 60,000 to train, 10,000 "
        "to test; downloaded at the first use unless they are in the data folder.",
        formula=r"x \in [0, 255]^{28 \times 28},\; y \in \{0, \dots, 9\}",
        source=Source(
            "Xiao et al. 2017, Fashion-MNIST: a novel image dataset for benchmarking machine "
            "learning algorithms",
            "https://arxiv.org/abs/1708.07747",
        ),
        parameters=_parameters(60_000, 10_000, "scale"),
        input_shape=(1, 28, 28),
        classes=10,
        largest_class=0.1,
        largest_value=255.0,
    ),
    DatasetEntry(
        name="digits",
        meaning="Handwritten digits, 8 x 8 pixels from 0 to 16, as they come with scikit-learn: "
        "the first 1,437 to train, the last 360 to test. The last ones are of other writers, so "
        "networks do worse on them than on a random part; folds give random parts.",
        formula=r"x \in [0, 16]^{8 \times 8},\; y \in \{0, \dots, 9\}",
        source=Source(
            "Alpaydin & Kaynak 1998, Optical recognition of handwritten digits",
            "https://doi.org/10.24432/C50P49",
        ),
        parameters=_parameters(1_437, 360, "scale"),
        input_shape=(1, 8, 8),
        classes=10,
        largest_class=0.1028,
        largest_value=16.0,
    ),
    DatasetEntry(
        name="circles",
        meaning="Points on two circles with noise: class 0 on the outer, class 1 on the inner. "
        "Seed 1 gives the points of the exercise on initialization in the Deep Learning "
        "Specialization.",
        formula=r"x = r (\cos t, \sin t) + \varepsilon,\; r = f^y,\; "
        r"\varepsilon \sim \mathcal{N}(0, \sigma^2 I)",
        source=Source(
            "scikit-learn, make_circles",
            "https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_circles.html",
        ),
        parameters=_parameters(
            300,
            100,
            "none",
            _noise(0.05),
            Parameter(
                "factor", "number", 0.8, "radius of the inner circle", minimum=0.0, below=1.0
            ),
            _SEED,
            most=MOST_POINTS,
        ),
        input_shape=(2,),
        classes=2,
        largest_class=0.5,
    ),
    DatasetEntry(
        name="moons",
        meaning="Points on two interleaving half circles with noise: class 0 on the upper, "
        "class 1 on the lower.",
        formula=r"x = (\cos t, \sin t) + \varepsilon \text{ if } y = 0,\; "
        r"x = (1 - \cos t, \tfrac{1}{2} - \sin t) + \varepsilon \text{ if } y = 1,\; "
        r"t \in [0, \pi],\; \varepsilon \sim \mathcal{N}(0, \sigma^2 I)",
        source=Source(
            "scikit-learn, make_moons",
            "https://scikit-learn.org/stable/modules/generated/sklearn.datasets.make_moons.html",
        ),
        parameters=_parameters(300, 100, "none", _noise(0.1), _SEED, most=MOST_POINTS),
        input_shape=(2,),
        classes=2,
        largest_class=0.5,
    ),
    DatasetEntry(
        name="ball",
        meaning="Points uniform in a ball of 10 dimensions, each coordinate with standard "
        "deviation 1: class 1 where the coordinates' sum is farther from 0 than half the radius.",
        formula=r"x \sim \mathcal{U}(\{\lVert x \rVert \le R\}),\; R = \sqrt{12},\; "
        r"y = \left[\lvert \textstyle\sum_i x_i \rvert > R / 2\right]",
        source=Source(
            "Godoy 2018, DeepReplay, the ball data set", "https://github.com/dvgodoy/deepreplay"
        ),
        parameters=_parameters(1_000, 1_000, "none", _SEED, most=MOST_POINTS),
        input_shape=(10,),
        classes=2,
        largest_class=0.613,
    ),
    DatasetEntry(
        name="hypercube",
        meaning="The 1,024 vertices of a hypercube of 10 dimensions, each once in an order that is "
        "shuffled by the seed: class 1 where five coordinates or more are 1. The training part is "
        "the beginning of the order, the test part its end.",
        formula=r"x \in \{-1, 1\}^{10},\; y = \left[\lvert \{i : x_i = 1\} \rvert \ge 5\right]",
        source=Source(
            "Godoy 2018, DeepReplay, the hypercube data set",
            "https://github.com/dvgodoy/deepreplay",
        ),
        parameters=_parameters(768, 256, "none", _ORDER, most=1_024),
        input_shape=(10,),
        classes=2,
        largest_class=0.582,
    ),
    DatasetEntry(
        name="parabola",
        meaning="2,000 points on two parabolas, 1,000 evenly spaced on each, in an order that is "
        "shuffled by the seed: class 1 is the lower one, half a unit below. The training part is "
        "the beginning of the order, the test part its end.",
        formula=r"x_1 \in \{-1, \dots, 1\},\; x_2 = x_1^2 - y / 2",
        source=Source(
            "Godoy 2018, DeepReplay, the parabola data set",
            "https://github.com/dvgodoy/deepreplay",
        ),
        parameters=_parameters(1_500, 500, "none", _ORDER, most=2_000),
        input_shape=(2,),
        classes=2,
        largest_class=0.524,
    ),
    DatasetEntry(
        name="churn",
        meaning="Customers of a bank, and whether they left: 10,000 rows of 12 features (country "
        "one-hot, gender, eight numbers), 8,000 to train and 2,000 to test.",
        formula=r"x \in \{0, 1\}^4 \times \mathbb{R}^8,\; y = [\text{left the bank}]",
        source=Source(
            "Churn Modelling, a table of fictional bank customers",
            "https://www.kaggle.com/datasets/shrutimechlearn/churn-modelling",
        ),
        parameters=_parameters(8_000, 2_000, "standardize", _COUNTRIES),
        input_shape=(12,),
        classes=2,
        largest_class=0.7975,
        one_hot=_COUNTRIES.name,
    ),
    DatasetEntry(
        name="temporal_order",
        meaning="Sequences of random letters c, d, e and f in which one letter of the second tenth "
        "and one of the sixth tenth are A or B: the class says which, AA, BA, AB or BB. Each "
        "letter is a vector of six numbers, one of them 1. What tells the classes apart is half a "
        "sequence away from its end.",
        formula=r"x \in \{0, 1\}^{T \times 6},\; y = [x_{t_1} = B] + 2 [x_{t_2} = B],\;"
        r" t_1 \in \left[\tfrac{T}{10}, \tfrac{2T}{10}\right),\;"
        r" t_2 \in \left[\tfrac{5T}{10}, \tfrac{6T}{10}\right)",
        source=Source(
            "Pascanu, Mikolov & Bengio 2013, On the difficulty of training recurrent neural "
            "networks, section 4.1, after Hochreiter & Schmidhuber 1997, experiment 6a",
            "https://arxiv.org/abs/1211.5063",
        ),
        parameters=_parameters(
            5_000,
            1_000,
            "none",
            Parameter("length", "integer", 30, "letters of a sequence", minimum=10, maximum=200),
            _SEED,
            most=MOST_SEQUENCES,
        ),
        input_shape=(30, 6),
        classes=4,
        largest_class=0.268,
    ),
    DatasetEntry(
        name="diabetes",
        meaning="442 patients with diabetes, and a number that tells how far the disease had come "
        "a year later: age, sex, body-mass index, blood pressure and six blood values, as they "
        "come with scikit-learn. The first 353 rows to train, the last 89 to test.",
        formula=r"x \in \mathbb{R}^{10},\; y \in \{25, \dots, 346\}",
        source=Source(
            "Efron, Hastie, Johnstone & Tibshirani 2004, Least angle regression, section 1",
            "https://doi.org/10.1214/009053604000000067",
        ),
        parameters=_parameters(353, 89, "standardize"),
        input_shape=(10,),
        target_deviation=80.2,
        target_absolute_deviation=70.24,
    ),
    DatasetEntry(
        name="friedman",
        meaning="Points uniform in the unit cube of 10 dimensions; the target is a smooth function "
        "of the first five coordinates with noise, the others say nothing. With outliers, some "
        "targets of the training part have noise of ten times that deviation; those of the test "
        "part never have.",
        formula=r"y = 10 \sin(\pi x_1 x_2) + 20 (x_3 - \tfrac{1}{2})^2 + 10 x_4 + 5 x_5"
        r" + \varepsilon,\; \varepsilon \sim \mathcal{N}(0, \sigma^2)",
        source=Source(
            "Friedman 1991, Multivariate adaptive regression splines, equation 61",
            "https://doi.org/10.1214/aos/1176347963",
        ),
        parameters=_parameters(
            1_000,
            1_000,
            "standardize",
            Parameter(
                "noise",
                "number",
                1.0,
                "standard deviation of the noise of the target",
                minimum=0.0,
                maximum=100.0,
            ),
            Parameter(
                "outliers",
                "number",
                0.0,
                "share of the training targets with noise of ten times that deviation",
                minimum=0.0,
                below=1.0,
            ),
            _SEED,
            most=MOST_POINTS,
        ),
        input_shape=(10,),
        target_deviation=4.982,
        target_absolute_deviation=4.055,
        target_noise=TargetNoise("noise", "outliers", outlier_scale=10.0),
    ),
    _uploaded(),
)
