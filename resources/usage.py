"""What a piece of work took of this machine: time, processors, memory.

Of Spark's workers on other machines nothing is known here.
"""

import os
import resource
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

_KIB_A_MIB = 1024
_RESET_PEAK = "5"  # see proc(5): the peak becomes what the process has now
_HERE = "self"


@dataclass(frozen=True)
class Used:
    """Seconds that passed, seconds of processors, and the most memory at any time, in MiB."""

    wall_seconds: float
    cpu_seconds: float
    peak_memory_mib: float


@dataclass
class Meter:
    """Measures one piece of work after the other: this process, its children that ended and, with `spark`, the JVM.

    That is Spark's driver, and with a local master its workers too. It is the child of this process or, under
    spark-submit, its parent. A measurement takes 0.1 ms, with Spark 4 ms until its JVM was found.
    """

    spark: bool = False
    _jvm: psutil.Process | None = field(default=None, init=False)
    _began: float = field(default=0.0, init=False)
    _cpu: float = field(default=0.0, init=False)

    def begin(self) -> None:
        """Begin to measure; what was begun before is forgotten."""
        for process in (_HERE, *self._jvm_id()):
            with suppress(OSError):  # not on Linux, or not allowed: the peak is then the process's since it began
                Path(f"/proc/{process}/clear_refs").write_text(_RESET_PEAK)
        self._cpu, self._began = self._cpu_seconds(), time.perf_counter()

    def end(self) -> Used:
        """What was used since the last `begin`."""
        wall = time.perf_counter() - self._began
        cpu = self._cpu_seconds() - self._cpu
        return Used(wall, max(cpu, 0.0), sum(_peak_mib(process) for process in (_HERE, *self._jvm_id())))

    def _cpu_seconds(self) -> float:
        cpu = sum(os.times()[:4])
        if (jvm := self._found_jvm()) is not None:
            with suppress(psutil.Error):  # it ended meanwhile
                of_it = jvm.cpu_times()
                cpu += of_it.user + of_it.system
        return cpu

    def _jvm_id(self) -> list[str]:
        jvm = self._found_jvm()
        return [] if jvm is None else [str(jvm.pid)]

    def _found_jvm(self) -> psutil.Process | None:
        if self.spark and (self._jvm is None or not self._jvm.is_running()):
            self._jvm = _jvm()
        return self._jvm


def _jvm() -> psutil.Process | None:
    here = psutil.Process()
    with suppress(psutil.Error):
        above = here.parent()
        near = [*here.children(recursive=True), *([above] if above else [])]
        return next((process for process in near if process.name() == "java"), None)
    return None


def _peak_mib(process: str) -> float:
    """The most memory that a process had since its peak was reset, or since it began."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / _KIB_A_MIB
    if process != _HERE:
        return 0.0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (_KIB_A_MIB**2 if sys.platform == "darwin" else _KIB_A_MIB)
