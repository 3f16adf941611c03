"""A formula in a query: its expression and the values of its parameters."""

import json
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import ValidationError

from service.errors import InvalidError
from service.fields import FieldError
from service.formulas.expression import problems
from service.formulas.parser import MAX_LENGTH
from service.specs.choices import Choice, choice


class FormulaQuery:
    """The formula that a query asks for; ``expression`` is None where it has none."""

    def __init__(
        self,
        expression: Annotated[
            str | None,
            Query(
                description="Of the activation `formula`: the expression to draw.",
                max_length=MAX_LENGTH,
                examples=["x * sigmoid(b * x)"],
            ),
        ] = None,
        parameters: Annotated[
            str | None,
            Query(
                description="Values of the expression's parameters, as a JSON object.",
                max_length=1_000,
                examples=['{"b": 1.702}'],
            ),
        ] = None,
    ) -> None:
        self.expression = expression
        self.parameters = parameters

    def of(self, activation: str) -> Choice:
        """Return the formula, or the activation with its default parameters if there is none.

        Raises:
            InvalidError: the query's formula cannot be read, or the activation is another one.
        """
        sent = {"expression": self.expression, "parameters": self.parameters}
        written: dict[str, Any] = {name: text for name, text in sent.items() if text is not None}
        if not written:
            return choice("activation", activation)
        if activation != "formula":
            name = next(iter(written))
            detail = (
                f"Only the activation formula is drawn with `{name}`: leave it out, and "
                f"{activation} is drawn with its default parameters."
            )
            raise _invalid(name, detail)
        if self.parameters is not None:
            written["parameters"] = _object(self.parameters)
        try:
            formula = choice("activation", {"name": activation, **written})
        except ValidationError as error:
            found = error.errors(include_url=False)[0]
            place = "parameters" if "parameters" in found["loc"] else "expression"
            raise _invalid(place, found["msg"].rstrip(".") + ".") from error
        for path, detail in problems(**formula.parameters):
            raise _invalid(path[0], detail)
        return formula


def _object(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        detail = 'The parameters should be a JSON object such as {"b": 1.702}.'
        raise _invalid("parameters", detail) from error


def _invalid(parameter: str, detail: str) -> InvalidError:
    return InvalidError(detail, errors=[FieldError(("query", parameter), detail)])


FormulaDep = Annotated[FormulaQuery, Depends()]
