"""Training: from a run's configuration to its history.

Knows the spec and the science library, and no queue, database or web. ``training.solo.train`` is a
generator that a test consumes as a list; ``training.jobs`` puts it and packs of runs behind one
interface for workers.
"""
