"""`reco` is stopped in one line while it still imports its libraries."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STOPPED = """
import sys

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Stop())
"""
LOADED = """
import sys
before = set(sys.modules)
import reco_assets.cli.entry
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))
"""


def python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "start",
    [
        ["import runpy", "runpy.run_module('reco_assets.cli', run_name='__main__')"],
        ["from reco_assets.cli.entry import main", "main()"],
    ],
)
def test_ctrl_c_while_libraries_are_imported_is_one_line_and_130(start: Sequence[str]) -> None:
    ended = python("-c", "\n".join([STOPPED, *start]))
    assert ended.returncode == 130
    assert ended.stderr.splitlines() == [
        "stopped by Ctrl-C: what was not finished is as it was before. Start it again."
    ]


def test_the_entry_imports_nothing_but_the_standard_library_and_the_platforms_own() -> None:
    assert python("-c", LOADED).stdout.split() == ["reco_assets", "resources"]
