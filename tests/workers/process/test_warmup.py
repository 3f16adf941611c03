"""What a worker does before it reports for work."""

import subprocess
import sys

from tests.support.paths import ROOT

PROGRAM = """
import sys
import torch
import workers.execution.runner
from service.specs.expansion import expand
from service.specs.limits import Limits
from service.specs.spec import ExperimentSpec
from workers.datasets.loading import load
from workers.process.warmup import warm_up
from workers.training.solo import SoloTraining

before = torch.get_rng_state()
warm_up()
assert torch.equal(torch.get_rng_state(), before)
known = set(sys.modules)
spec = {"activation": "gelu", "dataset": {"name": "mnist", "train_size": 128, "test_size": 1}}
(run,) = expand(ExperimentSpec.model_validate(spec), Limits())
training = SoloTraining(run.config, 0, load(run.config.dataset), torch.device("cpu"))
training.train_step(training.streams.order(1, 128))
print(sorted(name for name in set(sys.modules) - known if name.startswith("torch.")))
"""


def test_after_the_warm_up_a_first_step_imports_nothing_more_of_torch():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
