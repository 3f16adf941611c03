"""Cells: the layers of a recurrent network, each a function of a whole sequence.

A cell has one weight, whose columns are first those of its inputs (W) and then those of its state
(U), and one bias. Its rows are the units of its first gate, then those of the next one. In the
formulas x is the input and h the state at a step; both are zero before the first step.

The activation is that of the state: what is tanh in the papers. The gates are always sigmoids.
Normalizations stand where layer normalization has them (Ba, Kiros & Hinton 2016, section 3.1 and
the supplement); without one all of them are identities, and the formulas are torch's with its
``bias_hh`` at zero.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from workers.nn.activations import Activation
from workers.nn.normalizations import Normalization
from workers.nn.products import FLOAT32, Products, Repeated


class Cell(nn.Module):
    """One recurrent layer.

    Args:
        inputs: features of a step of its inputs.
        units: of its state.
        activation: of the state's candidates.
        normalization: from a number of features to a new normalization of (batch, features).

    Attributes:
        gates: names of the gates, in the order of the rows.
        weight: (gates * units, inputs + units).
        bias: (gates * units,), added after any normalization.
        z_values: an identity that the z-values of each step pass: the input of the activation that
            makes the state's candidates.
        forget_bias: what the biases of the gate ``forget`` begin as; None as all others do.
        products: how it multiplies.
    """

    gates: tuple[str, ...]
    forget_bias: float | None = None
    products: Products = FLOAT32

    def __init__(
        self, inputs: int, units: int, activation: Activation, normalization: Normalization
    ) -> None:
        super().__init__()
        self.inputs, self.units = inputs, units
        self.weight = nn.Parameter(torch.empty(len(self.gates) * units, inputs + units))
        self.bias = nn.Parameter(torch.empty(len(self.gates) * units))
        self.activation = activation
        self.z_values = nn.Identity()
        norms = {name: normalization(sums * units) for name, sums in self.normalized().items()}
        self.normalized_by = nn.ModuleDict(norms)
        self.plain = all(isinstance(norm, nn.Identity) for norm in norms.values())

    @classmethod
    def normalized(cls) -> Mapping[str, int]:
        """Return the names of what is normalized, and how many gates each is of."""
        raise NotImplementedError

    def forward(self, sequence: Tensor) -> list[Tensor]:
        """Return the state after each step, (batch, units) each, of (batch, steps, inputs)."""
        raise NotImplementedError

    def gate(self, name: str, parameter: Tensor) -> Tensor:
        """Return the rows of a weight or a bias that are a gate's."""
        return torch.split(parameter, self.units)[self.gates.index(name)]

    def split(self) -> tuple[Tensor, Tensor | Repeated]:
        """Return W (gates * units, inputs) and U transposed (units, gates * units).

        Each step multiplies by U.
        """
        of_inputs, of_state = torch.split(self.weight, [self.inputs, self.units], 1)
        return of_inputs, self.products.repeated(of_state.t())

    def start(self, sequence: Tensor) -> Tensor:
        """Return the state before the first step."""
        return sequence.new_zeros(len(sequence), self.units)

    def norm(self, name: str, sums: Tensor) -> Tensor:
        """Return some sums normalized; of (batch, steps, features) each step by itself."""
        found: Tensor = self.normalized_by[name](sums.flatten(0, -2)).view(sums.shape)
        return found

    def activated(self, z: Tensor) -> Tensor:
        """Return the activations of a step's z-values."""
        found: Tensor = self.activation(self.z_values(z))
        return found


class SimpleCell(Cell):
    """h <- f(norm(W x + U h) + b).

    References:
        Elman 1990; Ba, Kiros & Hinton 2016, equation 4.
    """

    gates = ("state",)

    @classmethod
    def normalized(cls) -> Mapping[str, int]:
        return {"sums": 1}

    def forward(self, sequence: Tensor) -> list[Tensor]:
        of_inputs, of_state = self.split()
        read = self.products.linear(sequence, of_inputs, self.bias if self.plain else None)
        state, states = self.start(sequence), []
        for step in read.unbind(1):
            z = self.products.addmm(step, state, of_state)
            state = self.activated(z if self.plain else self.norm("sums", z) + self.bias)
            states.append(state)
        return states


class GruCell(Cell):
    """A gated recurrent unit: h <- z h + (1 - z) n with n = f(W x + b + r (U h)).

    The gates r (reset) and z (update) are sigmoids of W x + U h + b. As in torch and in Keras, r
    multiplies U h and not h. Normalized are, each by itself: W x of both gates, U h of both gates,
    W x of the candidate n and its U h.

    References:
        Cho et al. 2014; Ba, Kiros & Hinton 2016, supplement.
    """

    gates = ("reset", "update", "candidate")

    @classmethod
    def normalized(cls) -> Mapping[str, int]:
        return {"gates_input": 2, "gates_state": 2, "candidate_input": 1, "candidate_state": 1}

    def forward(self, sequence: Tensor) -> list[Tensor]:
        of_inputs, of_state = self.split()
        read = self.products.linear(sequence, of_inputs, self.bias if self.plain else None)
        if not self.plain:
            read = self._norms("input", read) + self.bias
        state, states = self.start(sequence), []
        for step in read.unbind(1):
            held = self.products.matmul(state, of_state)
            if not self.plain:
                held = self._norms("state", held)
            gates, candidate = self._parts(step)
            of_gates, of_candidate = self._parts(held)
            reset, update = (gates + of_gates).sigmoid().chunk(2, 1)
            new = self.activated(torch.addcmul(candidate, reset, of_candidate))
            state = torch.lerp(new, state, update)
            states.append(state)
        return states

    def _parts(self, sums: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sums of both gates, and those of the candidate."""
        gates, candidate = torch.split(sums, [2 * self.units, self.units], -1)
        return gates, candidate

    def _norms(self, of: str, sums: Tensor) -> Tensor:
        gates, candidate = self._parts(sums)
        normalized = [self.norm(f"gates_{of}", gates), self.norm(f"candidate_{of}", candidate)]
        return torch.cat(normalized, -1)


class LstmCell(Cell):
    """Long short-term memory: c <- f c + i a(g) and h <- o a(c), where a is the activation.

    i, f and o are sigmoids of W x + U h + b, and g is such a sum. Normalized are, each by itself:
    W x of all gates together, U h of all gates together, and c on its way to h.

    References:
        Hochreiter & Schmidhuber 1997; Gers et al. 2000 for f; Ba, Kiros & Hinton 2016, supplement.
    """

    gates = ("input", "forget", "candidate", "output")

    @classmethod
    def normalized(cls) -> Mapping[str, int]:
        return {"input": 4, "state": 4, "cell": 1}

    def forward(self, sequence: Tensor) -> list[Tensor]:
        of_inputs, of_state = self.split()
        read = self.products.linear(sequence, of_inputs, self.bias if self.plain else None)
        if not self.plain:
            read = self.norm("input", read) + self.bias
        state, states = self.start(sequence), []
        memory = state
        for step in read.unbind(1):
            if self.plain:
                sums = self.products.addmm(step, state, of_state)
            else:
                sums = step + self.norm("state", self.products.matmul(state, of_state))
            into, kept, candidate, out = sums.chunk(4, 1)
            new = into.sigmoid() * self.activated(candidate)
            memory = torch.addcmul(new, kept.sigmoid(), memory)
            state = out.sigmoid() * self.activation(self.norm("cell", memory))
            states.append(state)
        return states


CELLS: dict[str, type[Cell]] = {"simple": SimpleCell, "gru": GruCell, "lstm": LstmCell}
