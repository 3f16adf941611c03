"""docs/howto/adding-an-activation.md, followed in a copy of the repository."""

from pathlib import Path

import pytest

from tests.support.worked_examples import blocks, copy_repository

CHECKS = [
    "tests/service/catalog/test_registries.py",
    "tests/workers/training/test_assembly.py::test_entries_and_functions_have_each_other[activation]",
    "tests/workers/training/test_assembly.py::test_a_function_takes_its_entrys_parameters_and_defaults_none",
    "tests/workers/nn/test_activations.py",
    "tests/service/mean_field/test_moments.py::test_values_and_slopes_are_those_that_train",
    "tests/service/mean_field/test_moments.py"
    "::test_an_activation_that_the_theory_does_not_know_has_no_moments",
]


@pytest.mark.slow
def test_the_worked_example_works(tmp_path: Path) -> None:
    copy = copy_repository(tmp_path)
    entry, function, registered, reference, theory, known = blocks("adding-an-activation.md")
    functions = "workers/nn/activations.py"
    copy.insert(
        "service/catalog/activations.py",
        entry,
        at_the_end_of="ENTRIES: tuple[ActivationEntry, ...] = (",
    )
    copy.insert(functions, f"{function}\n\n", before="ACTIVATIONS: dict")
    copy.insert(
        functions,
        registered,
        at_the_end_of="ACTIVATIONS: dict[str, Callable[..., ActivationFor]] = {",
    )
    copy.insert("tests/workers/nn/test_activations.py", reference, at_the_end_of="CASES = [")
    theories = "service/mean_field/activations.py"
    copy.insert(theories, f"{theory}\n\n", before="#: From an activation's parameters")
    copy.insert(
        theories,
        known,
        at_the_end_of="NONLINEARITIES: dict[str, Callable[..., Nonlinearity]] = {",
    )
    said = copy.run(*CHECKS)
    assert said.startswith("0\n"), said
    assert "test_values_and_derivatives[dtype0-1e-12-penalized_tanh-0.25] PASSED" in said
