"""The licences of the installed packages are listed from their metadata."""

from importlib.metadata import PathDistribution, distributions

import pytest

from deploy.licences import licence_of, licences, vulnerabilities


def test_every_installed_package_is_listed_once_and_most_state_a_licence():
    rows = licences(distributions())
    stated = {name.lower(): licence for name, _, licence in rows}
    assert len(stated) == len(rows) > 50
    assert "MIT" in stated["fastapi"]
    assert "BSD" in stated["torch"]
    unknown = [name for name, licence in stated.items() if licence == "not stated"]
    assert len(unknown) < len(rows) / 10, unknown


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (["License-Expression: MIT", "License: other"], "MIT"),
        (
            [
                "Classifier: License :: OSI Approved",
                "Classifier: License :: OSI Approved :: BSD License",
                "License: text",
            ],
            "BSD License",
        ),
        (["License: Apache 2"], "Apache 2"),
        ([f"License: {'Permission is hereby granted. ' * 5}"], "not stated"),
        ([], "not stated"),
    ],
)
def test_the_best_statement_counts(tmp_path, lines, licence):
    folder = tmp_path / "one-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("\n".join(["Name: one", "Version: 1.0", *lines, ""]))
    assert licence_of(PathDistribution(folder)) == licence


def test_a_line_for_each_vulnerability():
    found = {
        "dependencies": [
            {"name": "fine", "version": "1", "vulns": []},
            {
                "name": "old",
                "version": "2",
                "vulns": [
                    {"id": "PYSEC-1", "fix_versions": ["2.1"]},
                    {"id": "PYSEC-2", "fix_versions": []},
                ],
            },
            {"name": "skipped", "skip_reason": "not there"},
        ]
    }
    assert vulnerabilities(found) == [
        "old 2: PYSEC-1, mended in 2.1",
        "old 2: PYSEC-2, mended in no version yet",
    ]
