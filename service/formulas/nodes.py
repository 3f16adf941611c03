"""Nodes of an expression's tree, and how a tree is written as text."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

#: The variable of every expression: the z-value.
VARIABLE = "x"

#: Named numbers.
NUMBERS: Mapping[str, float] = {"pi": math.pi}

#: Functions by name, with the number of their arguments; the first argument of ``where`` is a
#: comparison.
FUNCTIONS: Mapping[str, int] = {
    "exp": 1,
    "expm1": 1,
    "log": 1,
    "log1p": 1,
    "sqrt": 1,
    "abs": 1,
    "sigmoid": 1,
    "tanh": 1,
    "sinh": 1,
    "cosh": 1,
    "sin": 1,
    "cos": 1,
    "atan": 1,
    "erf": 1,
    "softplus": 1,
    "relu": 1,
    "minimum": 2,
    "maximum": 2,
    "clip": 3,
    "where": 3,
}

#: Comparisons, and how tightly operators bind; a power binds tighter than a minus before it.
COMPARISONS = ("<=", ">=", "<", ">")
_BINDS = {**dict.fromkeys(COMPARISONS, 0), "+": 1, "-": 1, "*": 2, "/": 2, "negative": 3, "**": 4}
_TIGHTEST = 5


@dataclass(frozen=True)
class Number:
    """A number of the expression, finite and not negative."""

    value: float

    def __str__(self) -> str:
        return repr(int(self.value)) if self._is_short_integer else repr(self.value)

    @property
    def _is_short_integer(self) -> bool:
        return self.value < 1e15 and self.value == int(self.value)


@dataclass(frozen=True)
class Name:
    """The variable, a named number or a parameter.

    Attributes:
        name: as it is written.
        position: of its first character in the text it was read from, counted from 1.
    """

    name: str
    position: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Call:
    """A function or an operator of its arguments; ``negative`` is the minus before a value."""

    function: str
    arguments: "tuple[Node, ...]"

    def __str__(self) -> str:
        if self.function == "negative":
            return f"-{_inside(self.arguments[0], _BINDS['negative'])}"
        if self.function in _BINDS:
            return _written_operator(self.function, *self.arguments)
        return f"{self.function}({', '.join(map(str, self.arguments))})"


Node = Number | Name | Call


def _written_operator(operator: str, left: Node, right: Node) -> str:
    binds = _BINDS[operator]
    if operator == "**":  # of a ** b ** c the right power comes first
        return f"{_inside(left, binds + 1)}**{_inside(right, _BINDS['negative'])}"
    return f"{_inside(left, binds)} {operator} {_inside(right, binds + 1)}"


def _inside(node: Node, least: int) -> str:
    """Return a node's text, in parentheses where it binds less tightly than needed."""
    binds = _BINDS.get(node.function, _TIGHTEST) if isinstance(node, Call) else _TIGHTEST
    return str(node) if binds >= least else f"({node})"


def names_of(node: Node) -> Iterator[Name]:
    """Return every name in a tree, from left to right."""
    if isinstance(node, Name):
        yield node
    elif isinstance(node, Call):
        for argument in node.arguments:
            yield from names_of(argument)


def replaced(node: Node, replace: Callable[[Node], Node]) -> Node:
    """Return the tree with every node replaced, from the leaves to the root."""
    if isinstance(node, Call):
        node = Call(node.function, tuple(replaced(child, replace) for child in node.arguments))
    return replace(node)
