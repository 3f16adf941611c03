"""docs/howto/adding-an-activation.md, followed in a copy of the repository."""

from pathlib import Path

from tests.support.worked_examples import blocks, copy_repository

CHECKS = [
    "tests/service/catalog/test_registries.py",
    "tests/workers/training/test_assembly.py::test_entries_and_functions_have_each_other[activation]",
    "tests/workers/training/test_assembly.py::test_a_function_takes_its_entrys_parameters_and_defaults_none",
    "tests/workers/nn/test_activations.py",
]


def test_the_worked_example_works(tmp_path: Path) -> None:
    copy = copy_repository(tmp_path)
    entry, function, registered, reference = blocks("adding-an-activation.md")
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
    said = copy.run(*CHECKS)
    assert said.startswith("0\n"), said
    assert "test_values_and_derivatives[dtype0-1e-12-celu-0.5] PASSED" in said
