"""How a worker's parent tells its child to give the run back."""

import mmap


class StopFlag:
    """One byte of memory shared by a parent and the children it forks.

    A flag rather than a signal: a signal's exception can strike anywhere, also in the middle of
    a commit; a flag is looked at between two steps of the training.
    """

    def __init__(self) -> None:
        self._byte = mmap.mmap(-1, 1)

    def set(self) -> None:
        """Ask for the stop. Safe in a signal handler; there is no way back."""
        self._byte[0] = 1

    def is_set(self) -> bool:
        """Say whether the stop was asked for."""
        return self._byte[0] == 1
