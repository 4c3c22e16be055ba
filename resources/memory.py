"""How much memory this process may take: what the machine has, or the least that a group of processes above it may."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def memory_bytes() -> int:
    """The memory that this process may take, others aside: in a container, or a limited service, what that may."""
    of_machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([of_machine, *_limits(_OWN_GROUPS, _GROUPS)])


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
