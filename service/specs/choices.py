"""Choices: the values of one axis of a spec, as pydantic types built from the catalog.

A choice is written as a name (``"relu"``) or an object (``{"name": "leaky_relu",
"negative_slope": 0.2}``). Each catalog entry becomes one small model, so ranges, error
positions and the JSON schema follow from the catalog and are written nowhere else. In a spec each
parameter may have several values (``OptimizerAdam``); in a resolved configuration it has one
(``ResolvedOptimizerAdam``).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any, ClassVar, Literal, Union

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    create_model,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from service.catalog.axes import AXES, own_name
from service.catalog.datasets import FACTS
from service.catalog.entry import Entry, Parameter
from service.fields import unknown
from service.formulas.expression import Constants, Expression
from service.specs.formulas import ExpressionText, constants_type
from service.specs.parameter_values import MOST_VALUES, OneOrSeveral
from service.specs.written_values import entry_text, value_text

#: Axes on which a bare number stands for an object: the entry and the parameter it fills.
SHORTHANDS = {"dropout": ("dropout", "rate")}


class Choice(BaseModel):
    """One value of an axis: an entry's name and its parameters; of a grid, several values."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        serialize_by_alias=True,
    )

    #: The model of one value of this entry; None where this is it.
    one: ClassVar["type[Choice] | None"] = None

    #: Parameters that are a number for each layer, and may be one number for all.
    by_layer: ClassVar[frozenset[str]] = frozenset()

    name: str

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters by name; a nested choice is a ``Choice``."""
        return {
            field.alias or name: getattr(self, name)
            for name, field in type(self).model_fields.items()
            if name != "name"
        }

    def __str__(self) -> str:
        """``leaky_relu(negative_slope=0.2)``: the parameters that are not at their defaults."""
        return self.written()

    def written(self, always: Collection[str] = ()) -> str:
        """Return the same, with the parameters in ``always`` even where they are at defaults."""
        defaults = {
            field.alias or name: field.get_default(call_default_factory=True)
            for name, field in type(self).model_fields.items()
        }
        shown = {
            name: value
            for name, value in self.parameters.items()
            if name in always or value != defaults[name]
        }
        return entry_text(self.name, [(name, self._text(name)) for name in shown])

    def _text(self, parameter: str) -> str:
        """Return a parameter's value: of a number for each layer one, where they are equal."""
        value = self.parameters[parameter]
        # Of a grid it may also be a range, or a tuple of several values.
        by_layer = parameter in self.by_layer and isinstance(value, list)
        if by_layer and all(each == value[0] for each in value):
            return value_text(value[0])
        return value_text(value)


class FormulaChoice(Choice):
    """A choice that is told by its expression, whatever else is at its default."""

    def written(self, always: Collection[str] = ()) -> str:  # noqa: ARG002 - all is shown
        """Return ``formula(x * sigmoid(b * x), b=1.7)``."""
        parts = [value_text(value) for value in self.parameters.values()]
        return f"{self.name}({', '.join(part for part in parts if part)})"


class UploadedChoice(Choice):
    """An uploaded data set in a configuration: told by its content, whatever its facts are."""

    def written(self, always: Collection[str] = ()) -> str:
        """Return ``uploaded(3f9a2c1d)``, with the parameters in ``always``."""
        parameters = self.parameters
        content = str(parameters.pop("sha256"))[:8]
        told = [name for name in always if name not in FACTS]
        shown = [f"{name}={value_text(parameters[name])}" for name in parameters if name in told]
        return f"{self.name}({', '.join([content, *shown])})"


@dataclass(frozen=True)
class AxisOf:
    """Marks a field as a choice of an axis: one (``Choice``) or many (``tuple[Choice, ...]``).

    Where many are allowed, a single value counts as a list of one. The parameters of a ``grid``
    take several values each. A ``resolved`` field takes no symbolic entries: it describes a run,
    which leaves no choice open. An ``inner`` one takes no entries that have layers of their own.
    """

    axis: str
    many: bool = False
    grid: bool = False
    resolved: bool = False
    inner: bool = False

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        one: Any = _choice_type(self.axis, self.grid, self.resolved, self.inner)
        if not self.many:
            return handler.generate_schema(one)
        many: Any = Annotated[list[one], Field(min_length=1, max_length=MOST_VALUES)]
        items = handler.generate_schema(many)
        as_tuple = core_schema.no_info_after_validator_function(tuple, items)
        return core_schema.no_info_before_validator_function(
            as_list,
            as_tuple,
            serialization=core_schema.wrap_serializer_function_ser_schema(
                lambda value, serialize: serialize(list(value)), schema=items
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = dict(handler(schema))
        return one_or_list(described) if self.many else described


def choice(axis: str, value: Any) -> Choice:
    """Return one choice of an axis, read from its name or its object.

    Raises:
        pydantic.ValidationError: the axis has no such entry, or a parameter is out of range.
    """
    parsed: Choice = _adapter(axis).validate_python(value)
    return parsed


@cache
def _adapter(axis: str) -> TypeAdapter[Any]:
    return TypeAdapter(Annotated[Choice, AxisOf(axis)])


def as_list(value: Any) -> Any:
    """Return a list; a single value becomes a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]


def one_or_list(array: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of what ``as_list`` takes: one item, or the array."""
    return {"anyOf": [array["items"], array]}


@cache
def _choice_type(axis: str, grid: bool, resolved: bool, inner: bool) -> Any:
    entries = [
        entry
        for entry in AXES[axis].values()
        if not (resolved and entry.symbolic) and not (inner and _has_layers(entry))
    ]
    models = tuple(_grid_model(axis, entry) if grid else _model(axis, entry) for entry in entries)
    union = Annotated[Union[models], Discriminator("name")] if len(models) > 1 else models[0]  # noqa: UP007
    return Annotated[union, _Named(axis, tuple(entry.name for entry in entries))]


@cache
def _model(axis: str, entry: Entry) -> type[Choice]:
    """Return the model of one value of an entry: ``ResolvedActivationLeakyRelu``."""
    parameters = entry.resolved or entry.parameters
    return _entry_model(
        f"resolved_{axis}" if parameters else axis, entry, parameters, partial(_one_type, axis)
    )


@cache
def _grid_model(axis: str, entry: Entry) -> type[Choice]:
    """Return the model of an entry in a spec: ``ActivationLeakyRelu``."""
    one = _model(axis, entry)
    if not entry.parameters:
        return one
    model = _entry_model(axis, entry, entry.parameters, partial(_several_type, axis))
    if entry.resolved is not None:  # what it names is looked up after it is multiplied out
        one = _entry_model(f"one_{axis}", entry, entry.parameters, partial(_one_type, axis))
    model.one = one
    return model


def _entry_model(
    prefix: str,
    entry: Entry,
    parameters: Sequence[Parameter],
    type_of: Callable[[Parameter], Any],
) -> type[Choice]:
    title = "".join(part.capitalize() for part in f"{prefix}_{entry.name}".split("_"))
    fields: dict[str, Any] = {
        _attribute(parameter): (type_of(parameter), _parameter_default(parameter))
        for parameter in parameters
    }
    fields["name"] = (Literal[entry.name], Field(description=entry.meaning))
    is_formula = any(parameter.kind == "expression" for parameter in parameters)
    base: type[Choice] = FormulaChoice if is_formula else Choice
    if parameters is entry.resolved:
        base = UploadedChoice
    model: type[Choice] = create_model(title, __base__=base, __doc__=entry.meaning, **fields)
    model.by_layer = frozenset(each.name for each in parameters if each.kind == "numbers")
    return model


def _attribute(parameter: Parameter) -> str:
    """Return the attribute of a parameter: its name, unless every choice has one of that name."""
    return "constants" if parameter.kind == "constants" else parameter.name


def _has_layers(entry: Entry) -> bool:
    return any(parameter.kind == "layers" for parameter in entry.parameters)


def _one_type(axis: str, parameter: Parameter) -> Any:
    """Return the type of a parameter that has one value, or none."""
    value: Any = _value_type(axis, parameter)
    return value | None if parameter.default is None else value


def _value_type(axis: str, parameter: Parameter) -> Any:  # noqa: PLR0911 - one for each kind
    """Return the type of one value of a parameter."""
    length = Field(min_length=parameter.min_items, max_length=parameter.max_items)
    number: Any = _number_type(parameter)
    match parameter.kind:
        case "number" | "integer":
            return number
        case "boolean":
            return bool
        case "option":
            return Literal[parameter.options]
        case "integers":
            return Annotated[list[number], length]
        case "numbers":
            numbers = Annotated[list[number], length, BeforeValidator(as_list)]
            return Annotated[numbers, _OneOrMany()]
        case "expression":
            return Annotated[Expression, ExpressionText()]
        case "constants":
            return constants_type(number)
        case "choice":
            return Annotated[Choice, AxisOf(str(parameter.axis))]
        case "text":
            return Annotated[str, Field(pattern=parameter.pattern)]
        case "layers":
            return _layers_type(axis, parameter, grid=False)


def _layers_type(axis: str, parameter: Parameter, *, grid: bool) -> Any:
    """Return the type of a list of layers; inside a layer, of those without layers."""
    of = AxisOf(str(parameter.axis), grid=grid, inner=parameter.axis == axis)
    length = Field(min_length=parameter.min_items, max_length=parameter.max_items)
    return Annotated[list[Annotated[Choice, of]], length]


def _number_type(parameter: Parameter) -> Any:
    bounds = Field(
        ge=parameter.minimum, le=parameter.maximum, gt=parameter.above, lt=parameter.below
    )
    if parameter.kind in {"integer", "integers"}:
        return Annotated[int, bounds]
    return Annotated[float, bounds, AfterValidator(_without_sign_of_zero)]


def _without_sign_of_zero(number: float) -> float:
    """Return a number as it is computed with: -0.0 and 0.0 are one configuration."""
    return number + 0.0


def _several_type(axis: str, parameter: Parameter) -> Any:
    """Return the type of a parameter that may have several values."""
    kind = parameter.kind
    one = _value_type(axis, parameter)
    if kind == "layers":
        one = _layers_type(axis, parameter, grid=True)
    if kind == "constants":
        number: Any = _number_type(parameter)
        one = constants_type(Annotated[Any, OneOrSeveral(number, number=number)])
    if kind == "choice":
        one = Annotated[Choice, AxisOf(str(parameter.axis), grid=True)]
    ranged = kind in {"number", "integer", "numbers"}
    several = OneOrSeveral(
        one,
        number=_number_type(parameter) if ranged else None,
        one_is_list=kind in {"integers", "numbers", "layers"},
        nullable=parameter.default is None,
    )
    return Annotated[Any, several]


def _parameter_default(parameter: Parameter) -> Any:
    meaning = parameter.meaning
    if parameter.default is ...:
        return Field(description=meaning)
    match parameter.kind:
        case "integers":
            values = list(parameter.default)
            return Field(default_factory=values.copy, description=meaning)
        case "expression":
            return Field(default=parameter.default, validate_default=True, description=meaning)
        case "constants":
            return Field(default_factory=Constants, alias=parameter.name, description=meaning)
        case "choice" if parameter.default is not None:
            nested = AXES[str(parameter.axis)][parameter.default]
            model = _model(str(parameter.axis), nested)
            # The schema shows the name, which stands for the object: generators of clients can
            # write only plain values as defaults.
            return Field(
                default=model(name=nested.name),
                description=meaning,
                json_schema_extra={"default": nested.name},
            )
        case _:
            # So that a parameter can be added without changing the hashes of configurations.
            left_out = parameter.implied or parameter.default is None
            unset = (lambda value: value == parameter.default) if left_out else None
            return Field(default=parameter.default, description=meaning, exclude_if=unset)


@dataclass(frozen=True)
class _OneOrMany:
    """Marks a list that may be written as its only item."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return one_or_list(dict(handler(schema)))


@dataclass(frozen=True)
class _Named:
    """Accepts a choice written as its name, and refuses names that the axis does not have."""

    axis: str
    names: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = dict(handler(schema))
        names = [name for name in self.names if not _has_required(self.axis, name)]
        forms = [{"type": "string", "enum": names}, described]
        if self.axis in SHORTHANDS:
            forms.append({"type": "number"})
        return {"anyOf": forms}

    def read(self, value: Any) -> Any:
        """Return the object that a name, a number or an object stands for."""
        if isinstance(value, Choice):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            if self.axis not in SHORTHANDS:
                raise self._wrong_form()
            name, parameter = SHORTHANDS[self.axis]
            return {"name": name, parameter: value}
        if isinstance(value, str):
            return {"name": self._known(value)}
        if isinstance(value, dict):
            if isinstance(value.get("name"), str):
                return {**value, "name": self._known(value["name"])}
            return value
        raise self._wrong_form()

    def _known(self, name: str) -> str:
        """Return an entry's own name for its name or an alias."""
        what = self.axis.replace("_", " ")
        name = own_name(self.axis, name)
        if name not in self.names:
            aliases = [alias for own in self.names for alias in AXES[self.axis][own].aliases]
            reason = unknown(what, name, list(self.names), aliases)
            raise PydanticCustomError("unknown_name", "{reason}", {"reason": reason})
        return name

    def _wrong_form(self) -> PydanticCustomError:
        return PydanticCustomError(
            "choice_form",
            "Write {what} as a name or as an object with a name and its parameters.",
            {"what": f"the {self.axis.replace('_', ' ')}"},
        )


def _has_required(axis: str, name: str) -> bool:
    return any(parameter.default is ... for parameter in AXES[axis][name].parameters)
