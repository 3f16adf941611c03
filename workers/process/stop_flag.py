"""Stop flag: how a worker's parent process asks its child to stop training."""

import mmap


class StopFlag:
    """One byte of memory shared by a parent process and the children it forks.

    A flag and not a signal: the exception that a signal raises can strike anywhere, also in the
    middle of a commit. The training reads the flag between two steps.
    """

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        """Ask for the stop, for good. Safe in a signal handler."""
        self._byte[0] = 1

    def is_set(self) -> bool:
        """Whether the stop was asked for."""
        return self._byte[0] == 1
