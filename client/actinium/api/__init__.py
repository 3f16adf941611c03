"""Every call of the service, described once for both clients.

Wherever an experiment or a run is wanted, its id will do, and so will any answer that has one.
"""

from actinium.api.catalog_and_presets import Offers
from actinium.api.experiments import Experiments
from actinium.api.results import Results
from actinium.api.runs import Runs

__all__ = ["Operations"]


class Operations(Experiments, Runs, Results, Offers):
    """What both clients can do. Any of it may raise ``ApiError`` or ``UnreachableError``."""
