"""Shared flag: how a worker's parent process and its child tell each other one fact."""

import mmap


class SharedFlag:
    """One byte of memory shared by a parent process and the children it forks.

    A flag and not a signal: the exception that a signal raises can strike anywhere, also in the
    middle of a commit.
    """

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        """Set the flag, for good. Safe in a signal handler."""
        self._byte[0] = 1

    def is_set(self) -> bool:
        """Whether the flag was set, by either process."""
        return self._byte[0] == 1
