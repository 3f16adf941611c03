"""``python -m workers.datasets NAME``: get a data set's files onto this machine, before any run."""

import argparse
import sys

from workers.datasets.dataset import DatasetError
from workers.datasets.fashion_mnist import fashion_mnist
from workers.datasets.loading import data_folder

#: Data sets whose files are fetched, each with its function and its sizes.
FETCHED = {"fashion_mnist": (fashion_mnist, 60_000, 10_000)}


def main() -> None:
    """Fetch and verify the files of a data set; those that are here are only verified."""
    parser = argparse.ArgumentParser(prog="python -m workers.datasets", description=__doc__)
    parser.add_argument("name", choices=sorted(FETCHED))
    read, train_size, test_size = FETCHED[parser.parse_args().name]
    try:
        samples = read(data_folder(), train_size=train_size, test_size=test_size)
    except DatasetError as error:
        sys.exit(str(error))
    found = len(samples.train_labels), len(samples.test_labels)
    sys.stdout.write(
        f"The files are here: {found[0]:,} samples to train and {found[1]:,} to test.\n"
    )


if __name__ == "__main__":
    main()
