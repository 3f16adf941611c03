"""Reading the answers of /metrics."""

import re

from prometheus_client.parser import text_string_to_metric_families

#: A metric of ours in a query.
NAMES = re.compile(r"\bactinium_\w+")


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Return the values of an answer by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float | None:
    """Return one value of an answer; None where it has none."""
    return samples(text).get((name, frozenset(labels.items())))


def metric_names(text: str) -> set[str]:
    """Return the names of an answer's samples, with those of families that have none yet."""
    names = {name for name, _ in samples(text)}
    for family in text_string_to_metric_families(text):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
    return names
