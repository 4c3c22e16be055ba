"""A server in this process that takes no client but this one, once it is connected.

Sail's Spark Connect port has neither a token nor a Unix socket (0.7.2), and whoever can connect reads and writes files
with this process's rights. The kernel is told to drop what arrives at the listening socket from now on; the connection
that is open goes on. Linux alone has this; elsewhere the port stays open to the machine's other users.
"""

import ctypes
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path

ATTACH_FILTER = 26  # SO_ATTACH_FILTER, which the module `socket` does not name
DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # one instruction of classic BPF: return 0 bytes


def refuse_others(port: int) -> bool:
    """Let the process's listening socket on a port drop every further connection; whether one was found."""
    closed = False
    for number in _descriptors():
        with suppress(OSError), _as_socket(number) as found:
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and found.getsockname()[1] == port:
                program = ctypes.create_string_buffer(DROP_ALL)
                found.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, struct.pack("HL", 1, ctypes.addressof(program)))
                closed = True
    return closed


def _as_socket(number: int) -> socket.socket:
    """A copy of a descriptor as a socket. Raises `OSError`, and keeps no copy, where it is none."""
    copy = os.dup(number)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


def _descriptors() -> list[int]:
    folder = Path("/proc/self/fd")
    return [int(entry.name) for entry in folder.iterdir()] if folder.is_dir() else []
