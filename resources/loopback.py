"""The names under which a machine reaches itself."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
