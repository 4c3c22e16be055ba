"""How much memory a process may take: the machine's, or less where a control group says so; and giving it back."""

import os
import platform
from pathlib import Path

import pytest

from resources import memory

MACHINE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of control groups, empty; the process is in `/service/part`."""
    own = tmp_path / "own"
    own.write_text("4:cpu,cpuacct:/service\n3:memory:/service/part\n0::/service/part\n")
    monkeypatch.setattr(memory, "_OWN_GROUPS", own)
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "groups")
    return tmp_path / "groups"


def limit(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n")


def test_without_a_limit_it_is_what_the_machine_has(groups: Path) -> None:
    assert memory.memory_bytes() == MACHINE
    limit(groups / "service/part/memory.max", "max")
    limit(groups / "memory/memory.limit_in_bytes", str(2**63 - 4096))
    assert memory.memory_bytes() == MACHINE


@pytest.mark.parametrize(
    "file",
    [
        *("memory.max", "service/memory.max", "service/part/memory.max"),
        *("memory/memory.limit_in_bytes", "memory/service/part/memory.limit_in_bytes"),
    ],
)
def test_the_limit_of_any_group_above_the_process_holds(file: str, groups: Path) -> None:
    limit(groups / file, "4096")
    assert memory.memory_bytes() == 4096


def test_without_control_groups_it_is_what_the_machine_has(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_OWN_GROUPS", groups / "none")
    assert memory.memory_bytes() == MACHINE


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library gives back what is freed by itself")
def test_what_was_freed_between_things_that_are_kept_is_given_back() -> None:
    blocks = [bytearray(64 * 1024) for _ in range(2_000)]
    kept = blocks[::20]
    del blocks
    before = resident_mib()
    memory.give_back_freed()
    assert resident_mib() < before - 80
    assert len(kept) == 100


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
