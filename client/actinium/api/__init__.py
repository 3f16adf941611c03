"""The operations of both clients.

An experiment or a run is given by its id, or by any answer that has an id.
"""

from actinium.api.catalog_and_presets import CatalogAndPresets
from actinium.api.datasets import Datasets
from actinium.api.experiments import Experiments
from actinium.api.results import Results
from actinium.api.runs import Runs
from actinium.api.workload import QueueAndWorkers

__all__ = ["Operations"]


class Operations(Experiments, Runs, Results, CatalogAndPresets, Datasets, QueueAndWorkers):
    """The operations of both clients; each may raise ``ApiError`` or ``UnreachableError``."""
