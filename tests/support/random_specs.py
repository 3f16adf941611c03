"""Random specs over every axis of the catalog, as JSON a client could send."""

from typing import Any

from hypothesis import strategies as st

from service.catalog.axes import AXES
from service.catalog.entry import Entry, Parameter

#: Bounds narrower than the catalog's, by parameter, so that an epoch takes a moment.
_MOST = {
    "channels": 8,
    "units": 12,
    "hidden_units": 12,
    "train_size": 60,
    "test_size": 30,
    "components": 12,
    "groups": 8,
}
_MOST_ITEMS = {"hidden_units": 4}

#: Both parameters of a k-fold split, or none.
_FOLDS: tuple[dict[str, int], ...] = ({}, {}, {}, {"folds": 2, "fold": 1}, {"folds": 3, "fold": 0})

_EXPRESSIONS = ("x * sigmoid(1.702 * x)", "where(x > 0, x, exp(x) - 1)", "clip(x, -1, 1) + sin(x)")

#: Declared networks of a few units; ``tests.support.declared_networks`` draws them at random.
_LAYERS: tuple[list[Any], ...] = (
    ["flatten", {"name": "dense", "units": 6}],
    [{"name": "dense", "units": 6, "activation": "tanh"}, {"name": "dropout", "rate": 0.3}],
    [
        {"name": "convolution", "channels": 3},
        "max_pooling",
        "flatten",
        {"name": "dense", "units": 4},
    ],
)

#: Not drawn, since their samples are elsewhere: fetched from the network, or uploaded before.
_ELSEWHERE = {"fashion_mnist", "uploaded"}


def specs() -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for specs of one run and one epoch; optional axes may be missing."""
    axes = {
        "initializer": _choice("initializer"),
        "output_initializer": _choice("initializer"),
        "bias_initializer": _choice("bias_initializer"),
        "normalization": _choice("normalization"),
        "clipping": _choice("clipping"),
        "optimizer": _choice("optimizer"),
        "dropout": _choice("dropout"),
        "loss": _choice("loss"),
        "precision": st.sampled_from(("float32", "bfloat16")),
    }
    required = {
        "dataset": _choice("dataset"),
        "model": _choice("model"),
        "activation": _choice("activation"),
        "batch_size": st.integers(1, 60),
        "epochs": st.just(1),
    }
    return st.fixed_dictionaries(required, optional=axes)


def _choice(axis: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        [entry_strategy(entry) for entry in AXES[axis].values() if entry.name not in _ELSEWHERE]
    )


def entry_strategy(entry: Entry) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for the ways to write an entry of the catalog."""
    parameters = {parameter.name: parameter_strategy(parameter) for parameter in entry.parameters}
    small = {name for name in ("train_size", "test_size", "channels") if name in parameters}
    folds = {"folds", "fold"} & parameters.keys()
    parameters = {name: values for name, values in parameters.items() if name not in folds}
    required = {parameter.name for parameter in entry.parameters if parameter.default is ...}
    always = required | small
    written = st.fixed_dictionaries(
        {"name": st.just(entry.name)} | {name: parameters[name] for name in sorted(always)},
        optional={name: strategy for name, strategy in parameters.items() if name not in always},
    )
    return st.builds(_with_folds, written, st.sampled_from(_FOLDS)) if folds else written


def _with_folds(written: dict[str, Any], folds: dict[str, int]) -> dict[str, Any]:
    """Return a data set that may be divided into folds, which leaves no other split."""
    split = {"validation_split": 0.0} if folds and "validation_split" in written else {}
    return {**written, **split, **folds}


def parameter_strategy(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Return a strategy for one value of a parameter."""
    match parameter.kind:
        case "boolean":
            return st.booleans()
        case "option":
            return st.sampled_from(parameter.options)
        case "choice":
            return _choice(str(parameter.axis))
        case "expression":
            return st.sampled_from(_EXPRESSIONS)
        case "constants":
            return st.just({})
        case "text":
            return st.from_regex(parameter.pattern or "", fullmatch=True)
        case "layers":
            return st.sampled_from(_LAYERS)
        case "integer":
            return _integer(parameter)
        case "number":
            return _number(parameter)
        case "integers" | "numbers":
            item = _integer(parameter) if parameter.kind == "integers" else _number(parameter)
            most = min(parameter.max_items or 4, _MOST_ITEMS.get(parameter.name, 2))
            return st.lists(item, min_size=parameter.min_items, max_size=most)


def _integer(parameter: Parameter) -> st.SearchStrategy[int]:
    highest = int(parameter.maximum if parameter.maximum is not None else 10**6)
    return st.integers(
        int(parameter.minimum or 0), min(highest, _MOST.get(parameter.name, highest))
    )


def _number(parameter: Parameter) -> st.SearchStrategy[float]:
    lowest = parameter.minimum if parameter.minimum is not None else parameter.above
    highest = parameter.maximum if parameter.maximum is not None else parameter.below
    return st.floats(
        lowest,
        highest,
        exclude_min=parameter.minimum is None and parameter.above is not None,
        exclude_max=parameter.maximum is None and parameter.below is not None,
    )
