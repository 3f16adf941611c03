"""Preprocessings, a parameter of every data set; fitted on the training part only.

In the formulas of the fitted ones x is a sample's features: pixels divided by their largest
value, points and tables as they are stored. Means and covariances are those of the training
part, divided by its n samples.
"""

from service.catalog.entry import Entry, Parameter, Source

_LECUN = Source(
    "LeCun et al. 1998, Efficient BackProp, section 4.3",
    "http://yann.lecun.com/exdb/publis/pdf/lecun-98b.pdf",
)

#: Preprocessings that are the same whatever the training data are.
UNFITTED = frozenset({"none", "scale"})

ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="none",
        meaning="Inputs as they are stored (pixels 0 to 255, those of digits 0 to 16).",
        formula=r"x",
        source=_LECUN,
    ),
    Entry(
        name="scale",
        meaning="Pixels divided by their largest value (255, for digits 16), so that inputs lie "
        "between 0 and 1; for data sets of pixels only.",
        formula=r"x / x_{\max}",
        source=_LECUN,
    ),
    Entry(
        name="zero_center",
        meaning="The training mean subtracted from each feature; pixels are scaled first.",
        formula=r"x - \mu,\quad \mu = \frac{1}{n} \sum_{i=1}^n x_i",
        source=_LECUN,
    ),
    Entry(
        name="standardize",
        meaning="Each feature with mean 0 and standard deviation 1 over the training part; one "
        "that never varies there is only centred. Pixels are scaled first.",
        formula=r"\frac{x - \mu}{\sigma},\quad \sigma^2 = \frac{1}{n} \sum_{i=1}^n (x_i - \mu)^2",
        source=_LECUN,
    ),
    Entry(
        name="pca",
        meaning="Centred samples projected on the leading principal axes of the training part; "
        "an image becomes a row of components. The sign of an axis makes its largest loading "
        "positive. Pixels are scaled first.",
        formula=r"U_k^\top (x - \mu),\quad \Sigma = \frac{1}{n} \sum_{i=1}^n (x_i - \mu)"
        r"(x_i - \mu)^\top = U \Lambda U^\top,\; \lambda_1 \ge \lambda_2 \ge \dots",
        source=Source(
            "Hotelling 1933, Analysis of a complex of statistical variables into principal "
            "components",
            "https://doi.org/10.1037/h0071325",
        ),
        parameters=(
            Parameter(
                "components",
                "integer",
                50,
                "how many axes are kept; at most the features, and the training samples",
                minimum=1,
                maximum=10_000,
            ),
        ),
    ),
    Entry(
        name="whiten",
        meaning="ZCA: features without correlation and with variance 1 over the training part, "
        "as close to the original as that allows; the shape is kept. Pixels are scaled first.",
        formula=r"U (\Lambda + \epsilon I)^{-1/2} U^\top (x - \mu),\quad "
        r"\Sigma = U \Lambda U^\top",
        source=Source(
            "Krizhevsky 2009, Learning multiple layers of features from tiny images, appendix A; "
            "after Bell & Sejnowski 1997",
            "https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf",
        ),
        parameters=(
            Parameter(
                "epsilon",
                "number",
                0.01,
                "added to every eigenvalue, so that directions of almost no variance are not "
                "amplified to noise",
                minimum=1e-8,
                maximum=1e3,
            ),
        ),
    ),
)
