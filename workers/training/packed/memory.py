"""Memory: how many members of a pack can be trained at once."""

import math

import torch

from service.specs.memory import IDLE_BYTES
from service.specs.resolution import input_shape, network_of
from service.specs.spec import RunConfig
from workers.training.machine_memory import MachineMemory
from workers.training.solo import EVALUATION_BATCH

#: Memory that the steps of a pack may take on a CPU: so much, or half of what there is.
CPU_BYTES = 2**30

#: Tensors of the size of the z-values that a step keeps: activations, masks and gradients.
_TENSORS_PER_VALUE = 6

#: Tensors of the size of the parameters: the row, its gradient, its slots and the network.
_TENSORS_PER_PARAMETER = 6

_FLOAT32_BYTES = 4


def members_that_fit(config: RunConfig, device: torch.device) -> int:
    """Return how many members a pack's step has memory for, at least one; an estimate.

    Args:
        config: of any member.
        device: where to train: half of the free memory of a CUDA device is used.
    """
    network = network_of(config.dataset, config.model, config.activation)
    per_sample = math.prod(input_shape(config.dataset)) + _TENSORS_PER_VALUE * network.values
    samples = max(config.batch_size, EVALUATION_BATCH[device.type])
    elements = samples * per_sample + _TENSORS_PER_PARAMETER * network.parameters
    available = _cpu_bytes() if device.type == "cpu" else _free_bytes(device) // 2
    return max(1, available // (_FLOAT32_BYTES * elements))


def _cpu_bytes() -> int:
    return min(CPU_BYTES, (MachineMemory().limit_bytes() - IDLE_BYTES) // 2)


def _free_bytes(device: torch.device) -> int:
    """Return the free bytes of a CUDA device, with those that torch keeps for its next tensors."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept
