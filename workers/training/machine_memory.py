"""Memory of this process' machine or container: how much there is, and who was killed for it.

Without torch: a worker's parent process uses it, too. Linux tells both in files; on other systems
the machine's memory is what ``os.sysconf`` says, and nobody is known to be killed for memory.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Of each version of control groups: the limit, and the file that counts the processes killed.
_VERSION_2 = ("memory.max", "memory.events")
_VERSION_1 = ("memory.limit_in_bytes", "memory.oom_control")

#: The name of the counter, in those files and in /proc/vmstat.
_COUNTER = "oom_kill"


@dataclass(frozen=True)
class MachineMemory:
    """The memory that this process may use, by the files of the kernel.

    Attributes:
        groups: where the control groups are mounted.
        proc: where the kernel tells of processes.
    """

    groups: Path = Path("/sys/fs/cgroup")
    proc: Path = Path("/proc")

    def limit_bytes(self) -> int:
        """Return the least of the machine's memory and the limits of this process' groups."""
        limits = [_machine_bytes()]
        for folder, (limit, _) in self._folders():
            text = _content(folder / limit).strip()
            if text.isdecimal():  # "max": no limit
                limits.append(int(text))
        return min(limits)

    def kills(self) -> int:
        """Return how many processes were killed for want of memory so far; only a rise matters.

        Those of this process' group are counted, whether its limit or the machine's was reached;
        where no group tells, those of the machine.
        """
        files = [*(folder / names[1] for folder, names in self._folders()), self.proc / "vmstat"]
        return next((count for file in files if (count := _counted(_content(file))) is not None), 0)

    def _folders(self) -> Iterator[tuple[Path, tuple[str, str]]]:
        """Yield the folders of this process' groups, up to the root, with their files' names.

        A container may see its own group as the root, under the path that the host knows it by.
        """
        for line in _content(self.proc / "self/cgroup").splitlines():
            number, controllers, path = line.split(":", 2)
            if number == "0":
                root, names = self.groups, _VERSION_2
            elif "memory" in controllers.split(","):
                root, names = self.groups / "memory", _VERSION_1
            else:
                continue
            parts = Path(path).parts[1:]
            for length in range(len(parts), -1, -1):
                yield root.joinpath(*parts[:length]), names


def _machine_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _counted(content: str) -> int | None:
    """Return the counter of a file of lines of name and number; None where it is missing."""
    lines = (line.split() for line in content.splitlines())
    counts = (int(words[1]) for words in lines if len(words) == 2 and words[0] == _COUNTER)
    return next(counts, None)


def _content(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
