"""How often Python searches for garbage in a process of the platform."""

import subprocess
import sys

CODE = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > 0))
import reco_assets
print(gc.get_threshold()[0], gc.get_freeze_count() > 0)
"""


def test_every_door_of_the_platform_searches_rarely_and_not_at_its_end() -> None:
    told = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True).stdout

    assert told.split() == ["50000", "False", "True"]
