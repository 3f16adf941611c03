"""Packs: many networks of one shape, trained as one batched job.

The members of a pack share their shape, the data and the kinds of their parts; every number may
be a member's own. Tensors are named and shaped with a leading K, the members: (K, B, I) are the
inputs of a dense layer, B samples a member.

What a member computes does not depend on its neighbours, nor on how many there are, to the last
bit on a CPU. That asks for care:

- matrices are multiplied by ``baddbmm``, each on its own, and begin at multiples of 64 bytes
  (``dense``); a lone member is given a twin, for torch turns a batch of one into another kernel
  (``workers.training.lanes``);
- element-wise functions work on whole vectors: in what is left of a tensor at its end torch takes
  other instructions, whose last bits differ (``aligned``);
- a row of parameters, gradients or moments is worked through on its own, since what differs
  between members is broadcast along it;
- one thread computes: where threads share a tensor depends on its size.
"""
