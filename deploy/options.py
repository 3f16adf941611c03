"""The command line of a program that is run from the repository."""

import argparse


def program(name: str, about: str | None) -> argparse.ArgumentParser:
    """Begin the options of ``python -m name``; ``--help`` tells what its module's text does."""
    return argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
