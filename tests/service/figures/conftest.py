import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _no_warning() -> Iterator[None]:
    """Whatever is drawn, matplotlib has nothing to say against it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
