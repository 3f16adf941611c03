"""Activations by formula: an expression, its parameters, and what is wrong with them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Self

import numpy as np

from service.fields import unknown
from service.formulas import numeric
from service.formulas.nodes import (
    FUNCTIONS,
    NUMBERS,
    VARIABLE,
    Call,
    Name,
    Node,
    Number,
    names_of,
    replaced,
)
from service.formulas.parser import parse
from service.formulas.slopes import Array, Dual, Library, evaluate

#: Parameters that an expression can have.
MAX_CONSTANTS = 8

#: The path of a parameter of the entry, and a sentence.
Problem = tuple[tuple[str, ...], str]

_CONSTANT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,29}", re.ASCII)

#: "name" is what tells entries apart in dotted names of parameters.
_RESERVED = {VARIABLE, *NUMBERS, *FUNCTIONS, "name"}

#: Where an expression must have a value: z-values of ordinary size. Zero is not among them, where
#: sin(x) / x has none.
_PROBED = np.linspace(-7.75, 7.75, 32)


class Constants(dict[str, float]):
    """The parameters of an expression by name; not changed once made, so that it can be hashed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(sorted(self.items())))


class Expression(str):
    """A function of x and of named parameters: its text, in canonical form, and its tree.

    However it was written, equal trees have equal texts.

    Raises:
        FormulaError: the text is no expression, or passes a limit.
    """

    __slots__ = ("root",)

    root: Node

    def __new__(cls, text: str) -> Self:
        root = parse(text)
        expression = super().__new__(cls, root)
        expression.root = root
        return expression

    def with_constants(self, constants: Mapping[str, float]) -> "Formula":
        """Return the function of x alone.

        Args:
            constants: a value for every name but x and pi.
        """
        values = {**NUMBERS, **constants}

        def bound(node: Node) -> Node:
            match node:
                case Name(name) if name != VARIABLE:
                    return Number(values[name])
                case Call("clip", (value, low, high)):
                    node = _folded(Call("maximum", (value, low)))
                    return _folded(Call("minimum", (node, high)))
            return _folded(node)

        return Formula(replaced(self.root, bound))


def _folded(node: Node) -> Node:
    """Return a node in which x is involved, or the number that it is."""
    match node:
        case Call("where", (Call(_, (Number(), Number())) as comparison, yes, no)):
            return yes if numeric.holds(comparison) else no
        case Call(_, arguments) if _is_comparison(node):
            return Call(node.function, arguments)
        case Call(_, arguments) if all(isinstance(argument, Number) for argument in arguments):
            return Number(numeric.number(node))
    return node


def _is_comparison(node: Call) -> bool:
    return node.function in {"<", "<=", ">", ">="}


@dataclass(frozen=True)
class Formula:
    """A function of x alone, for arrays of any library.

    Attributes:
        root: its tree: names are x, and a function or an operator has no numbers alone.
    """

    root: Node

    def values(self, x: Array, library: Library) -> Array:
        """Return the values at an array; a number where no x is left."""
        return evaluate(self.root, x, library, slopes=False).value

    def values_and_slopes(self, x: Array, library: Library) -> Dual:
        """Return the values and the slopes at an array; a number where all are equal."""
        return evaluate(self.root, x, library, slopes=True)

    def sampled(self, x: numeric.Values) -> tuple[numeric.Values, numeric.Values]:
        """Return the values and the slopes at these points, in float64."""
        return numeric.sampled(self.root, x)

    @cached_property
    def kinks(self) -> tuple[float, ...]:
        """Where it is not smooth: where a comparison, abs, minimum, ... changes sides."""
        return numeric.kinks(self.root)

    @cached_property
    def scale(self) -> float:
        """1 / E[f(z)^2] of a standard normal z, and 1 where that is no finite number above 0.

        Weights of variance scale / fan-in keep the length of signals: the argument of He et al.
        2015, eq. 10.
        """
        return numeric.scale(self.root, self.kinks)


@lru_cache(maxsize=4096)
def problems(expression: Expression, parameters: Constants) -> tuple[Problem, ...]:
    """Return what is wrong with an expression and its parameters: places, and sentences."""
    return tuple(_name_problems(expression, parameters) or _value_problems(expression, parameters))


def _name_problems(expression: Expression, constants: Constants) -> list[Problem]:
    used = list(names_of(expression.root))
    known = {VARIABLE, *NUMBERS, *constants}
    found: list[Problem] = []
    strange = next((name for name in used if name.name not in known), None)
    if strange is not None:
        detail = (
            f"At character {strange.position}: {unknown('name', strange.name, sorted(known))} "
            "If it is a parameter, give its value in `parameters`."
        )
        found.append((("expression",), detail))
    names = {name.name for name in used}
    if VARIABLE not in names:
        found.append((("expression",), "The expression does not contain x, the z-value."))
    for name in constants:
        if not _CONSTANT_NAME.fullmatch(name) or name in _RESERVED:
            detail = (
                f"{name[:40]!r} cannot be the name of a parameter: it has letters, digits and _, "
                "at most 30, begins with no digit, and is not x, pi, name or a function."
            )
            found.append((("parameters", name), detail))
        elif name not in names:
            detail = f"The expression does not use the parameter {name!r}. Leave it out."
            found.append((("parameters", name), detail))
    return found


def _value_problems(expression: Expression, constants: Constants) -> list[Problem]:
    values, slopes = expression.with_constants(constants).sampled(_PROBED)
    missing = _PROBED[np.isnan(values) | np.isnan(slopes)]
    if not missing.size:
        return []
    nearest = missing[np.abs(missing).argmin()]
    detail = (
        f"The expression, or its derivative, has no value at x = {nearest:g}. Z-values are of both "
        "signs: abs, where or softplus can keep them out of log, sqrt and powers."
    )
    return [(("expression",), detail)]
