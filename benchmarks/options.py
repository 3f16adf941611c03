"""The command line of a benchmark that is run on its own."""

import argparse


def program(name: str, about: str | None) -> argparse.ArgumentParser:
    """Return a parser for ``python -m name``, whose ``--help`` begins with ``about``."""
    return argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
