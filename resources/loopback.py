"""The names under which a machine reaches itself, and its ports there."""

import random
import socket
from itertools import islice

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
HOST = "127.0.0.1"
# Below the ports that the kernel gives to clients, of which one may take a port before its server is up.
SERVER_PORTS = range(20_000, 32_000)


def listens(port: int) -> bool:
    """Whether something takes connections at a port."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def free_ports(count: int) -> list[int]:
    """Ports that nothing uses at the moment, each another."""
    ports = random.SystemRandom().sample(SERVER_PORTS, len(SERVER_PORTS))
    return list(islice((port for port in ports if not listens(port)), count))


def free_port() -> int:
    """A port that nothing uses at the moment."""
    return free_ports(1)[0]
