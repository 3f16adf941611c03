"""The Python client of Actinium, a service that runs deep-learning experiments."""

from actinium.async_client import AsyncClient
from actinium.client import Client
from actinium.errors import ActiniumError, ApiError, UnreachableError
from actinium.figure import Figure
from actinium.retries import Retries
from actinium.tables import columns, dataframe

__all__ = [
    "ActiniumError",
    "ApiError",
    "AsyncClient",
    "Client",
    "Figure",
    "Retries",
    "UnreachableError",
    "columns",
    "dataframe",
]
