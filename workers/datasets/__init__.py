"""Data sets: loading, verifying, splitting and preprocessing.

``load`` gives a ready ``Dataset``. A data set is a function that reads its files or draws its
points, in a module of its own; a preprocessing is a function in ``datasets.preprocessings``
that is fitted on the training part. Both stand in a registry under their catalog names.
"""

from workers.datasets.dataset import Dataset, DatasetError, Part
from workers.datasets.loading import load

__all__ = ["Dataset", "DatasetError", "Part", "load"]
