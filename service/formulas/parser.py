"""The parser of expressions: a grammar of its own, in which nothing but arithmetic can be written.

::

    sum        = product { ("+" | "-") product }
    product    = signed { ("*" | "/") signed }
    signed     = ("-" | "+") signed | power
    power      = atom [ "**" signed ]
    atom       = number | name | "(" sum ")" | function "(" argument { "," argument } ")"
    argument   = sum, or as the first one of where: sum ("<" | "<=" | ">" | ">=") sum

Operators bind as in Python. Nothing is evaluated while an expression is read.
"""

import math
import re
from dataclasses import dataclass

from service.fields import unknown
from service.formulas.nodes import COMPARISONS, FUNCTIONS, Call, Name, Node, Number

#: Limits of an expression: characters of its text, nodes of its tree, and how deep it nests.
MAX_LENGTH, MAX_NODES, MAX_DEPTH = 500, 200, 24

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>\*\*|<=|>=|[-+*/()<>,])"
    r"|(?P<other>\S)|(?P<end>$))",
    re.ASCII,
)


class FormulaError(ValueError):
    """An expression that cannot be read.

    Attributes:
        position: of the character at which it goes wrong, counted from 1.
    """

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"At character {position}: {reason}")
        self.position = position


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)


def parse(text: str) -> Node:
    """Return the tree of an expression.

    Raises:
        FormulaError: the text is no expression, or passes a limit.
    """
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            MAX_LENGTH + 1, f"an expression can have at most {MAX_LENGTH} characters."
        )
    return _Parser(_tokens(text)).whole()


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while not found or found[-1].kind != "end":
        match = _TOKEN.match(text, at)
        assert match is not None  # noqa: S101 - any character and the end match
        kind = str(match.lastgroup)
        token = _Token(kind, match[kind], match.start(kind) + 1)
        found.append(token)
        at = match.end()
    return found


def _strange(character: str) -> str:
    if character == "^":
        return "write ** for a power."
    if character in "=!&|":
        return "the comparisons are <, <=, > and >=, as the first argument of where."
    return (
        f"{character!r} has no meaning in an expression, which has numbers, x, named parameters, "
        "+ - * / **, parentheses and functions."
    )


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._nodes = 0
        self._depth = 0

    def whole(self) -> Node:
        tree = self._sum()
        if self._next.text in COMPARISONS:
            raise self._error("a comparison can only be the first argument of where.")
        if self._next.kind != "end":
            raise self._error(f"expected an operator or the end, not {self._next}.")
        return tree

    @property
    def _next(self) -> _Token:
        token = self._tokens[self._at]
        if token.kind == "other":
            raise FormulaError(token.position, _strange(token.text))
        return token

    def _error(self, reason: str) -> FormulaError:
        return FormulaError(self._next.position, reason)

    def _take(self, *texts: str) -> str | None:
        """Return the next token's text and go on if it is one of these signs."""
        token = self._next
        if token.kind != "sign" or token.text not in texts:
            return None
        self._at += 1
        return token.text

    def _expect(self, text: str) -> None:
        if self._take(text) is None:
            raise self._error(f"expected {text!r}, not {self._next}.")

    def _counted(self, node: Node) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._error(
                f"an expression can have at most {MAX_NODES} numbers, names and operations."
            )
        return node

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"an expression can nest at most {MAX_DEPTH} deep.")

    def _sum(self) -> Node:
        left = self._product()
        while operator := self._take("+", "-"):
            left = self._counted(Call(operator, (left, self._product())))
        return left

    def _product(self) -> Node:
        left = self._signed()
        while operator := self._take("*", "/"):
            left = self._counted(Call(operator, (left, self._signed())))
        return left

    def _signed(self) -> Node:
        self._deeper()
        sign = self._take("-", "+")
        node = self._power() if sign is None else self._signed()
        self._depth -= 1
        return self._counted(Call("negative", (node,))) if sign == "-" else node

    def _power(self) -> Node:
        base = self._atom()
        if self._take("**"):
            return self._counted(Call("**", (base, self._signed())))
        return base

    def _atom(self) -> Node:
        token = self._next
        if self._take("("):
            inner = self._sum()
            self._expect(")")
            return inner
        if token.kind not in {"number", "name"}:
            raise self._error(f"expected a number, a name or a parenthesis, not {token}.")
        self._at += 1
        if token.kind == "number":
            return self._counted(self._number(token))
        if self._take("("):
            return self._call(token)
        if token.text in FUNCTIONS:
            raise FormulaError(
                token.position, f"{token.text} is a function: write {token.text}(x)."
            )
        return self._counted(Name(token.text, token.position))

    def _number(self, token: _Token) -> Number:
        value = float(token.text)
        if math.isinf(value):
            raise FormulaError(token.position, f"{token.text} is too large for a number.")
        return Number(value)

    def _call(self, token: _Token) -> Node:
        name = token.text
        if name not in FUNCTIONS:
            raise FormulaError(token.position, unknown("function", name, list(FUNCTIONS)))
        arguments = [self._comparison() if name == "where" else self._sum()]
        while self._take(","):
            arguments.append(self._sum())
        self._expect(")")
        if len(arguments) != FUNCTIONS[name]:
            raise FormulaError(
                token.position,
                f"{name} takes {FUNCTIONS[name]} argument{'s' * (FUNCTIONS[name] > 1)}, "
                f"not {len(arguments)}.",
            )
        return self._counted(Call(name, tuple(arguments)))

    def _comparison(self) -> Node:
        left = self._sum()
        operator = self._take(*COMPARISONS)
        if operator is None:
            raise self._error(
                f"the first argument of where is a comparison such as x > 0: expected <, <=, > or "
                f">=, not {self._next}."
            )
        return self._counted(Call(operator, (left, self._sum())))
