"""``python -m docs.generate.input_moments``: measure the data sets for the mean-field predictions.

The predictions are made by the service, which has no data: it reads what is measured here, of
every data set with its default parameters, after every preprocessing.
"""

import json
import math
from typing import Any

from service.catalog.axes import AXES
from service.catalog.entry import DatasetEntry
from service.mean_field.inputs import MOMENTS, measured_moments
from service.specs.choices import choice
from workers.datasets.dataset import DatasetError
from workers.datasets.loading import load

#: More components than features cannot be kept.
_MOST_COMPONENTS = 50


def main() -> None:
    """Write the moments of every data set that is here; keep the file's own of the others."""
    found = dict(measured_moments())
    for name, entry in AXES["dataset"].items():
        assert isinstance(entry, DatasetEntry)  # noqa: S101 - what the data sets' module holds
        if entry.resolved is not None:  # uploaded data: nothing of it is here
            continue
        for preprocessing in AXES["preprocessing"]:
            if preprocessing == "scale" and entry.largest_value is None:
                continue
            try:
                found[f"{name} {preprocessing}"] = moments(entry, preprocessing)
            except DatasetError as error:
                print(f"{name} is left as it is: {error}")
                break
    lines = [f"{json.dumps(key)}: {json.dumps(found[key])}" for key in sorted(found)]
    MOMENTS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def moments(entry: DatasetEntry, preprocessing: str) -> dict[str, float]:
    """Return the moments of a data set after a preprocessing, over its training part."""
    prepared: dict[str, Any] = {"name": preprocessing}
    if preprocessing == "pca":
        prepared["components"] = min(math.prod(entry.input_shape), _MOST_COMPONENTS)
    dataset = choice("dataset", {"name": entry.name, "preprocessing": prepared})
    x = load(dataset).train.inputs.flatten(1).double()
    return {
        "square": _rounded((x**2).mean().item()),
        "common": _rounded((x.mean(0) ** 2).mean().item()),
        "mean": _rounded(x.mean().item()),
        "variation": _rounded((x.norm(dim=1).std() / x.norm(dim=1).mean()).item()),
    }


def _rounded(value: float) -> float:
    return float(f"{value:.5g}") if abs(value) > 1e-6 else 0.0


if __name__ == "__main__":
    main()
