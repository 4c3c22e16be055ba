"""Python's search for objects that hold each other and nobody else, made rare: it finds next to none here."""

import atexit
import gc

# Of containers that are new: 700 to 2,000 by default, by the version of Python.
NEW_OBJECTS = 50_000


def search_rarely() -> None:
    """Search after `NEW_OBJECTS` new ones, and not when the process ends.

    Importing the platform makes 280,000 objects, which stay: of 2.4 s that it took to import and to leave,
    1.1 went into searching them.
    """
    gc.set_threshold(NEW_OBJECTS, 20, 100)
    atexit.register(gc.freeze)
