"""How much memory this process may take: what the machine has, or the least that a group of processes above it may.

And what it doesn't need any more, given back.
"""

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def memory_bytes() -> int:
    """The memory that this process may take, others aside: in a container, or a limited service, what that may."""
    of_machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([of_machine, *_limits(_OWN_GROUPS, _GROUPS)])


def give_back_freed() -> None:
    """Give the system back what this process has freed and the C library keeps for later, where that is glibc.

    Arrays of up to 32 MB that are freed leave holes that it keeps: 90 MB more after each training in one process.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _limits(own: Path, groups: Path) -> Iterator[int]:
    """The limits of the process's control groups and of all above them, of version 1 and 2; a word is no limit."""
    for line in own.read_text().splitlines() if own.exists() else ():
        _, controllers, group = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        folder, limit = (groups / "memory", "memory.limit_in_bytes") if controllers else (groups, "memory.max")
        for above in (PurePosixPath(group), *PurePosixPath(group).parents):
            file = folder / above.relative_to("/") / limit
            if file.exists() and (text := file.read_text().strip()).isdigit():
                yield int(text)
