"""Whether a process still has a file open for writing: what decides that a file is complete, where it can be known.

The kernel grants a lease on a file for reading only while nobody has it open for writing, memory maps included. Where
it grants none for another reason (another user's file, a file system without leases), the open files of all processes
are looked through. What neither can tell is unknown: other users' processes, and writers on other machines of a file
system that is shared.
"""

import errno
import fcntl
import os
import signal
from contextlib import suppress
from enum import Enum
from functools import cached_property
from pathlib import Path

PROCESSES, MOUNTS = Path("/proc"), Path("/proc/self/mountinfo")
# Their writers may be on another machine or outside of a virtual one, so nothing here sees all of them.
SHARED = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "ceph", "afs", "lustre", "gpfs", "beegfs", "vboxsf"}
SHARED_PREFIXES = ("fuse", "fakeowner", "grpcfuse", "osxfs")


class Writers(Enum):
    """Whether someone has a file open for writing."""

    NONE = "none"
    SOME = "some"
    UNKNOWN = "unknown"


class Look:
    """One look at files that lie still or don't; what costs more than a call is read once for all of them."""

    def writers(self, handle: int) -> Writers:
        """Of a regular file, by a descriptor that is open for reading alone."""
        shared = _filesystem_of(handle, self._filesystems) in self._shared_filesystems
        if not shared:
            with suppress(_CannotTellError):
                return Writers.SOME if _lease_is_refused(handle) else Writers.NONE
        found = os.fstat(handle)
        if (found.st_dev, found.st_ino) in self._open_files[0]:
            return Writers.SOME
        return Writers.NONE if self._open_files[1] and not shared else Writers.UNKNOWN

    @cached_property
    def _filesystems(self) -> dict[str, str]:
        """{"major:minor": type} of what is mounted; empty where there is no /proc."""
        found = {}
        with suppress(OSError):
            for line in MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
                before, _, after = line.partition(" - ")
                found[before.split()[2]] = after.split()[0]
        return found

    @cached_property
    def _shared_filesystems(self) -> frozenset[str]:
        types = set(self._filesystems.values())
        return frozenset(name for name in types if name in SHARED or name.startswith(SHARED_PREFIXES))

    @cached_property
    def _open_files(self) -> tuple[frozenset[tuple[int, int]], bool]:
        """The files (device, inode) that processes have open for writing, and whether all processes could be asked."""
        found, all_asked = set(), PROCESSES.is_dir()
        with suppress(OSError):
            for process in os.listdir(PROCESSES):
                if process.isdigit():
                    try:
                        found |= _written_by(PROCESSES / process)
                    except PermissionError:
                        all_asked = False
                    except OSError:  # it ended meanwhile
                        continue
        return frozenset(found), all_asked


class _CannotTellError(Exception):
    """No lease was granted, for a reason that says nothing of writers."""


def _lease_is_refused(handle: int) -> bool:
    # Who opens the file for writing while the lease is held sends its holder a signal. SIGIO, the default, would end
    # this process; SIGURG is ignored unless someone asks for it.
    try:
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            return True
        raise _CannotTellError from None
    except AttributeError:  # not Linux
        raise _CannotTellError from None
    fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _written_by(process: Path) -> set[tuple[int, int]]:
    found = set()
    for descriptor in os.listdir(process / "fd"):
        with suppress(FileNotFoundError):
            facts = (process / "fdinfo" / descriptor).read_text().split()
            flags = int(facts[facts.index("flags:") + 1], 8)
            if flags & os.O_ACCMODE != os.O_RDONLY:
                file = (process / "fd" / descriptor).stat()
                found.add((file.st_dev, file.st_ino))
    return found


def _filesystem_of(handle: int, filesystems: dict[str, str]) -> str | None:
    device = os.fstat(handle).st_dev
    return filesystems.get(f"{os.major(device)}:{os.minor(device)}")
