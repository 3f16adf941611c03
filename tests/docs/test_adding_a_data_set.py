"""docs/howto/adding-a-data-set.md, followed in a copy of the repository."""

from pathlib import Path

import pytest

from tests.support.worked_examples import blocks, copy_repository

LOADING = "workers/datasets/loading.py"
DRAWN = "tests/workers/datasets/test_drawn_datasets.py"
ASSEMBLY = "tests/workers/training/test_assembly.py"
PAIRED = f"{ASSEMBLY}::test_entries_and_functions_have_each_other[dataset]"
CHECKS = ("tests/service/catalog/test_registries.py", PAIRED, DRAWN)


@pytest.mark.longest
def test_the_worked_example_works(tmp_path: Path) -> None:
    copy = copy_repository(tmp_path)
    entry, module, imported, registered, drawn, test = blocks("adding-a-data-set.md")
    copy.insert(
        "service/catalog/datasets.py", entry, at_the_end_of="ENTRIES: tuple[DatasetEntry, ...] = ("
    )
    printed = copy.run(PAIRED)
    assert printed.startswith("1\n"), "the entry passes without its function"
    copy.write("workers/datasets/spirals.py", module)
    copy.insert(LOADING, imported, before="\n#: Functions from the data folder")
    copy.insert(
        LOADING, registered, at_the_end_of="DATASETS: dict[str, Callable[..., Samples]] = {"
    )
    copy.replace(DRAWN, 'DRAWN = ["circles", "moons", "ball", "friedman"]\n', drawn)
    copy.insert(DRAWN, f"{test}\n\n", before="def test_the_ball_is_filled_evenly")
    printed = copy.run(*CHECKS)
    assert printed.startswith("0\n"), printed
    assert "test_fewer_points_are_the_first_of_more[spirals] PASSED" in printed
    assert "test_spirals_unwind_to_a_line_with_one_class_on_either_side PASSED" in printed
