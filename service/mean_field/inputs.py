"""Moments of the data sets, measured once: where the signal begins."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from service.mean_field.propagation import STANDARD_INPUTS, Inputs

#: Written by ``docs.generate.input_moments``: of data sets with their default parameters.
MOMENTS = Path(__file__).with_name("input_moments.json")


def inputs_of(dataset: str, preprocessing: str, *, convolution: bool) -> Inputs:
    """Return the moments of a data set after a preprocessing.

    What two samples have in common is the mean of each feature to a dense layer, which has weights
    for each, and the mean over all pixels to a convolution, which has the same weights everywhere.

    Returns:
        Of a data set that was not measured: those of standardized features.
    """
    found = measured_moments().get(f"{dataset} {preprocessing}")
    if found is None:
        return STANDARD_INPUTS
    if convolution:
        return Inputs(found["square"], found["mean"] ** 2)
    return Inputs(found["square"], found["common"], found["variation"])


@cache
def measured_moments() -> Mapping[str, Mapping[str, float]]:
    """Return the moments by ``dataset preprocessing``."""
    content: dict[str, dict[str, float]] = json.loads(MOMENTS.read_text())
    return content
