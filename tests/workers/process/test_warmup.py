"""What a worker does before it reports for work."""

import subprocess
import sys

from tests.support.paths import ROOT

PROGRAM = """
import sys
import torch
from service.door import Limits
from service.expansion import expand
from service.spec import ExperimentSpec
from workers import datasets, runner
from workers.warmup import warm_up

before = torch.get_rng_state()
warm_up()
assert torch.equal(torch.get_rng_state(), before)
known = set(sys.modules)
spec = {"activation": "gelu", "dataset": {"name": "mnist", "train_size": 128, "test_size": 1}}
(run,) = expand(ExperimentSpec.model_validate(spec), Limits())
from workers.training.trainer import Training
training = Training(run.config, 0, datasets.load(run.config.dataset), torch.device("cpu"))
training._train_step(training.streams.order(1, 128))
print(sorted(each for each in set(sys.modules) - known if each.startswith("torch.")))
"""


def test_after_the_warm_up_a_first_step_imports_nothing_more_of_torch():
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"
