"""Resolution: the configuration that a point of the grid stands for, with no choice left open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

from service.catalog.axes import AXES
from service.catalog.entry import ActivationEntry, DatasetEntry, FanInScale, ModelEntry
from service.specs.architectures import Architecture, architecture, plan_of
from service.specs.choices import Choice, choice
from service.specs.grid import Point
from service.specs.planning import owned_by, pieces_of
from service.specs.plans import NetworkPlan
from service.specs.spec import ExperimentSpec, RunConfig
from service.specs.tickets import FoundTicket


def training_samples(dataset: Choice) -> int:
    """Return how many samples an epoch trains on: those that are not held out for validation."""
    return trained_on(dataset.parameters)


def fitting_batch(usual: int, samples: int) -> int:
    """Return the usual batch size; of fewer samples a quarter of them, rounded down.

    An epoch of a small data set has four steps or more then. A size that leaves one sample alone,
    which has no batch statistics, is passed over for the next smaller one.
    """
    if samples >= usual:
        return usual
    return next((size for size in range(samples // 4, 1, -1) if samples % size != 1), 1)


def trained_on(sizes: Mapping[str, Any]) -> int:
    """Return the same from a data set's parameters.

    Fold i of k holds every k-th of n samples from the i-th on, counted through all classes.
    """
    samples, folds = sizes["train_size"], sizes.get("folds")
    if folds is None:
        return int(samples * (1 - sizes["validation_split"]))
    return int(samples - len(range(sizes["fold"], samples, folds)))


def validated_on(sizes: Mapping[str, Any]) -> int:
    """Return how many validation samples there are: those held out, else the test part."""
    if _holds_out(sizes):
        return int(sizes["train_size"] - trained_on(sizes))
    return int(sizes["test_size"])


def tested_on(sizes: Mapping[str, Any]) -> int:
    """Return how many test samples the last epoch is evaluated on: 0 where none are held out."""
    return int(sizes["test_size"]) if _holds_out(sizes) else 0


def _holds_out(sizes: Mapping[str, Any]) -> bool:
    return bool(sizes["validation_split"]) or sizes.get("folds") is not None


def input_shape(dataset: Choice) -> tuple[int, ...]:
    """Return the shape of one sample after preprocessing."""
    preprocessing = dataset.parameters["preprocessing"]
    if preprocessing.name == "pca":
        return (preprocessing.parameters["components"],)
    return stored_shape(dataset)


def stored_shape(dataset: Choice) -> tuple[int, ...]:
    """Return the shape of one sample before preprocessing.

    A sequence has its own length, and a table may have fewer columns of a category.
    """
    entry = facts(dataset)
    if entry.one_hot is not None:
        (features,) = entry.input_shape
        (columns,) = (own for own in entry.parameters if own.name == entry.one_hot)
        return (features - int(columns.default) + int(dataset.parameters[entry.one_hot]),)
    length = dataset.parameters.get("length")
    return entry.input_shape if length is None else (length, *entry.input_shape[1:])


def facts(dataset: Choice) -> DatasetEntry:
    """Return the catalog's entry of a data set; an uploaded one has its configuration's facts."""
    entry = cast("DatasetEntry", AXES["dataset"][dataset.name])
    return entry.described_by(dataset.parameters)


def stored_facts(dataset: Mapping[str, Any]) -> DatasetEntry | None:
    """Return the same from a data set's JSON; None of one that this version does not have."""
    entry = AXES["dataset"].get(dataset["name"])
    return entry.described_by(dataset) if isinstance(entry, DatasetEntry) else None


def network_of(dataset: Choice, model: Choice, activation: Choice) -> Architecture:
    """Return the layers of a resolved configuration's network.

    Raises:
        ArchitectureError: the model cannot take the data set's inputs.
    """
    outputs = outputs_of(dataset, model)
    return architecture(model, input_shape(dataset), outputs, pieces_of(activation))


def planned_network(dataset: Choice, model: Choice, activation: Choice) -> NetworkPlan | None:
    """Return the plan of a resolved configuration's network; None where the model has none.

    Raises:
        ArchitectureError: the model cannot take the data set's inputs.
    """
    outputs = outputs_of(dataset, model)
    return plan_of(model, input_shape(dataset), outputs, pieces_of(activation))


def outputs_of(dataset: Choice, model: Choice) -> int:
    """Return the number of units of the output layer."""
    binary = model.parameters.get("head") == "binary"
    return 1 if binary else facts(dataset).outputs


#: Bias of lstm's forget gates where a spec leaves it out.
_FORGET_BIAS = 1.0


def with_forget_bias(model: Choice) -> Choice:
    """Return a model with the bias of its forget gates decided, where it has such gates."""
    parameters = model.parameters
    if parameters.get("cell") != "lstm" or parameters["forget_bias"] is not None:
        return model
    return model.model_copy(update={"forget_bias": _FORGET_BIAS})


#: The initializer that draws a residual network as a whole.
FIXUP = "fixup"

#: Initializers of variance scale / fan-in that have a name, by scale.
_NAMED = {1.0: "lecun_normal", 2.0: "he_normal"}

#: Digits of a computed scale: a label of it stays readable.
_DIGITS = 9


@lru_cache(maxsize=4096)
def auto_initializer(activation: Choice) -> Choice:
    """Return the initializer that ``auto`` stands for with an activation and its parameters."""
    rule = cast("ActivationEntry", AXES["activation"][activation.name]).initializer
    if not isinstance(rule, FanInScale):
        return choice("initializer", rule)
    scale = round(rule.scale(**activation.parameters), _DIGITS)
    named = _NAMED.get(scale)
    return choice("initializer", named or {"name": "variance_scaling", "scale": scale})


def initializer_reason(config: RunConfig) -> str | None:
    """Return why ``auto`` is the initializer of a configuration; None where it has another one."""
    if config.initializer != auto_initializer(config.activation):
        return None
    entry = cast("ActivationEntry", AXES["activation"][config.activation.name])
    return f"auto is {config.initializer} for {config.activation}. {entry.initializer_reason}"


@dataclass(frozen=True)
class Resolution:
    """One point of the grid, with the defaults of its model and its activation."""

    point: Point

    def chosen(self, axis: str) -> Any:
        """Return the spec's value on an axis; None where it leaves the axis out."""
        return self.point[axis].value

    @property
    def dataset(self) -> Choice:
        """The data set."""
        return cast("Choice", self.chosen("dataset"))

    @cached_property
    def model(self) -> Choice:
        """The model with its head, its forget gates and its layers' initializers decided.

        A head left to ``auto`` is linear for targets that are numbers, and binary (one sigmoid
        unit) for two classes, unless the loss needs one output per class.
        """
        model = self._with_initializers(with_forget_bias(self.chosen("model")))
        if model.parameters.get("head") != "auto":
            return model
        if facts(self.dataset).task == "regression":
            return model.model_copy(update={"head": "linear"})
        loss = self.chosen("loss")
        binary = facts(self.dataset).classes == 2 and (
            loss is None or loss.name == "binary_crossentropy"
        )
        return model.model_copy(update={"head": "binary" if binary else "multiclass"})

    def _with_initializers(self, model: Choice) -> Choice:
        """Return the model whose layers state what ``auto`` is for an activation of their own."""
        if "layers" not in model.parameters:
            return model
        layers = _with_initializers(
            model.parameters["layers"],
            self.chosen("activation"),
            automatic=self.chosen("initializer").name == "auto",
        )
        return model.model_copy(update={"layers": layers})

    @cached_property
    def loss(self) -> Choice:
        """The loss: that of the task or the head where the spec leaves it out."""
        chosen: Choice | None = self.chosen("loss")
        if chosen is not None:
            return chosen
        if facts(self.dataset).task == "regression":
            return choice("loss", "mean_squared_error")
        binary = self.model.parameters.get("head") == "binary"
        return choice("loss", "binary_crossentropy" if binary else self._entry.loss)

    @property
    def batch_size(self) -> int:
        """The batch size: where the spec leaves it out the model's own, or what the data allow."""
        own = self._entry.batch_size
        return self.chosen("batch_size") or fitting_batch(own, training_samples(self.dataset))

    @cached_property
    def network(self) -> Architecture:
        """The layers of the network.

        Raises:
            ArchitectureError: the model cannot take the data set's inputs.
        """
        return network_of(self.dataset, self.model, self.chosen("activation"))

    @cached_property
    def plan(self) -> NetworkPlan | None:
        """The plan of the network; None where the model has none.

        Raises:
            ArchitectureError: the model cannot take the data set's inputs.
        """
        return planned_network(self.dataset, self.model, self.chosen("activation"))

    @property
    def dropout(self) -> Choice:
        """The dropout, with one rate for each dropout layer of the network."""
        chosen: Choice = self.chosen("dropout")
        rates = list(self.network.dropout_rates)
        stated = self.network.stated_dropouts
        left_open = [site for site in range(len(rates)) if site not in stated]
        given = [0.0] if chosen.name == "none" else chosen.parameters.get("rate") or []
        if len(given) == 1:
            given = given * len(left_open)
        for site, rate in zip(left_open, given, strict=False):
            rates[site] = rate
        if not any(rates):
            return choice("dropout", "none")
        name = self._activation.dropout if chosen.name in {"auto", "none"} else chosen.name
        return choice("dropout", {"name": name, "rate": rates})

    def initializer(self, axis: str) -> Choice:
        """Return the initializer on an axis.

        ``auto`` is computed from the activation, and ``fixup`` has zeros for the output layer.
        """
        chosen: Choice = self.chosen(axis) or self.chosen("initializer")
        if chosen.name == "auto":
            return auto_initializer(self.chosen("activation"))
        if chosen.name == FIXUP and axis == "output_initializer":
            return choice("initializer", "zeros")
        return chosen

    def config(self, spec: ExperimentSpec) -> RunConfig:
        """Return the configuration that a run of this point trains; its ticket was looked up."""
        ticket: FoundTicket | None = self.chosen("ticket")
        return RunConfig.model_construct(
            dataset=self.dataset,
            model=self.model,
            activation=self.chosen("activation"),
            initializer=self.initializer("initializer"),
            output_initializer=self.initializer("output_initializer"),
            bias_initializer=self.chosen("bias_initializer"),
            normalization=self.chosen("normalization"),
            clipping=self.chosen("clipping"),
            optimizer=self.chosen("optimizer"),
            dropout=self.dropout,
            batch_size=self.batch_size,
            loss=self.loss,
            precision=self.chosen("precision"),
            epochs=spec.epochs,
            early_stopping=spec.early_stopping,
            layer_statistics=spec.layer_statistics,
            ticket=ticket.ticket if ticket else None,
        )

    @property
    def _entry(self) -> ModelEntry:
        return cast("ModelEntry", AXES["model"][self.chosen("model").name])

    @property
    def _activation(self) -> ActivationEntry:
        return cast("ActivationEntry", AXES["activation"][self.chosen("activation").name])


def _with_initializers(
    layers: Sequence[Choice], activation: Choice, *, automatic: bool, in_block: bool = False
) -> list[Choice]:
    """Return layers without the initializer ``auto``.

    Args:
        layers: as a spec declares them.
        activation: of the spec.
        automatic: whether the spec's initializer is ``auto``.
        in_block: whether they are the inside of a residual block.
    """
    decided = []
    for at, layer in enumerate(layers):
        update: dict[str, Any] = {}
        if layer.name == "residual":
            inner = layer.parameters["layers"]
            update["layers"] = _with_initializers(
                inner, activation, automatic=automatic, in_block=True
            )
        elif "initializer" in layer.parameters:
            stated: Choice | None = layer.parameters["initializer"]
            own = owned_by(layers, at, in_block=in_block).stated
            if stated is not None and stated.name == "auto":
                update["initializer"] = auto_initializer(own or activation)
            elif stated is None and automatic and own is not None:
                update["initializer"] = _unless(auto_initializer(activation), own)
        decided.append(layer.model_copy(update=update) if update else layer)
    return decided


def _unless(usual: Choice, activation: Choice) -> Choice | None:
    """Return what ``auto`` is for an activation; None where it is the usual one."""
    found = auto_initializer(activation)
    return None if found == usual else found
