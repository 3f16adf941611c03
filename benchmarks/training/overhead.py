"""What the service adds to one run's training: queue, records, checkpoints, layer statistics.

The recipe's mnist_cnn by one worker on all cores. The share is the time from the POST to the end
that is seen, over the run's own ``epoch_seconds`` (training and validation). What a run has to do
once weighs the more the fewer epochs there are, so the target is of the whole recipe: 60,000 images
and 12 epochs.
"""

from benchmarks.http.serving import Service
from benchmarks.peers.keras_comparison import RECIPE, epoch_seconds, sample, trained
from benchmarks.table import Row

IMAGES, EPOCHS = 60_000, 12
_MOST_PERCENT = 5

OVERHEAD = "share of queue, records, checkpoints and statistics in a run"


def measure(images: int, epochs: int) -> list[Row]:
    """Train once; a smaller run than the recipe's is told and held to nothing."""
    with Service() as service:
        service.api()
        service.worker()
        spec = RECIPE | {"dataset": sample(images), "epochs": epochs, "seeds": [0]}
        seconds, (run_id,) = trained(service, spec)
        training = sum(epoch_seconds(service, run_id))
    percent = 100 * (seconds / training - 1)
    what = f"{OVERHEAD} of {epochs} epochs ({images:,} images)"
    shown = f"{percent:.1f}% ({seconds - training:.1f} s beside {training:.1f} s)"
    whole = images >= IMAGES and epochs >= EPOCHS
    target = f"at most {_MOST_PERCENT}%" + ("" if whole else " of the whole recipe")
    return [Row(what, shown, target=target, holds=percent <= _MOST_PERCENT if whole else None)]
