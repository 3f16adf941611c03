"""List the licences of the installed packages, and known vulnerabilities: ``make licences``.

    python -m deploy.licences [--vulnerabilities]

Licences are what each package's metadata say. Vulnerabilities come from pip-audit, which is not
among our dependencies: it is asked where it is installed and reaches its data, and otherwise a
sentence says what to do. The exit status is 1 where a vulnerability is known.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from typing import Any

_CLASSIFIER = "License :: "
_UNKNOWN = "not stated"

#: A longer text is the licence itself, not its name.
_LONGEST_NAME = 60


def main() -> None:
    """Print the list, or the vulnerabilities."""
    parser = argparse.ArgumentParser(prog="python -m deploy.licences", description=__doc__)
    parser.add_argument(
        "--vulnerabilities", action="store_true", help="list known vulnerabilities instead"
    )
    if parser.parse_args().vulnerabilities:
        sys.exit(_tell_vulnerabilities())
    rows = licences(distributions())
    width = max(len(f"{name} {version}") for name, version, _ in rows)
    for name, version, licence in rows:
        print(f"{f'{name} {version}':<{width}}  {licence}")


def licences(installed: Iterable[Distribution]) -> list[tuple[str, str, str]]:
    """Return name, version and licence of each package, by name."""
    rows = {(found.metadata["Name"], found.version, licence_of(found)) for found in installed}
    return sorted(rows, key=lambda row: row[0].lower())


def licence_of(package: Distribution) -> str:
    """Return a package's licence: its expression (PEP 639), classifiers or field."""
    metadata = package.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = metadata.get_all("Classifier") or []
    names = [
        line.rpartition(" :: ")[2]
        for line in classifiers
        if line.startswith(_CLASSIFIER) and not line.endswith(":: OSI Approved")
    ]
    if names:
        return ", ".join(names)
    stated = "".join(metadata.get_all("License") or []).strip().partition("\n")[0]
    return stated if 0 < len(stated) <= _LONGEST_NAME else _UNKNOWN


def _tell_vulnerabilities() -> int:
    """Print what pip-audit knows; return the exit status."""
    if importlib.util.find_spec("pip_audit") is None:
        print("pip-audit is not installed: `pip install pip-audit`, then run this again.")
        return 0
    answer = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"],
        check=False,
        capture_output=True,
        text=True,
    )
    try:
        found = json.loads(answer.stdout)
    except json.JSONDecodeError:
        reason = answer.stderr.strip().splitlines() or ["it said nothing."]
        print(f"pip-audit did not reach its data: {reason[-1]}")
        return 0
    known = vulnerabilities(found)
    print("\n".join(known) or "No known vulnerability.")
    return 1 if known else 0


def vulnerabilities(found: dict[str, Any]) -> list[str]:
    """Return a line for each vulnerability of pip-audit's answer."""
    return [
        f"{package['name']} {package['version']}: {known['id']}, mended in "
        f"{', '.join(known['fix_versions']) or 'no version yet'}"
        for package in found["dependencies"]
        for known in package.get("vulns", [])
    ]


if __name__ == "__main__":
    main()
