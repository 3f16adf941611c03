"""Training: one run from its configuration to its history.

Knows the spec and the science library, and no queue, database or web. ``train`` in
``training.trainer`` is a generator that a test consumes as a list.
"""
