"""Names the contract promises that no worker can train yet.

The one place that knows them: a spec naming one is answered 422 "not available yet".
When an entry lands in its axis' module, its name leaves this table.
"""

from collections.abc import Mapping

PLANNED: Mapping[str, frozenset[str]] = {
    "dataset": frozenset({"fashion_mnist", "digits", "circles", "moons", "ball", "churn"}),
    "preprocessing": frozenset({"zero_center", "standardize", "pca", "whiten"}),
    "model": frozenset({"mlp"}),
    "activation": frozenset(
        {
            "identity",
            "prelu",
            "silu",
            "swish",
            "mish",
            "softplus",
            "softsign",
            "hard_sigmoid",
            "hard_tanh",
            "relu6",
            "maxout",
        }
    ),
    "initializer": frozenset({"truncated_normal", "fan_in_uniform", "orthogonal", "lsuv"}),
    "normalization": frozenset({"batch", "layer", "instance", "group", "switchable"}),
    "clipping": frozenset({"per_parameter_norm", "adaptive"}),
    "optimizer": frozenset({"adamw", "rmsprop", "adagrad"}),
    "schedule": frozenset({"step", "cosine", "warmup"}),
}
