"""What a program sets for its process: threads that wait quietly, as many as may run, and memory that is kept.

Matters of programs, not of the library, since they hold for all of a process. What the user has set stays.
"""

import ctypes
import math
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

# How threads of GNU's and LLVM's OpenMP wait at a barrier. By default they spin for milliseconds, and beside any other
# program they keep the thread that they wait for off the processor. To spin hardly at all costs a
# program that is alone a quarter of its time (docs/measurements.md, "Threads that wait").
QUIET = {"GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
_WAITING = {*QUIET, "OMP_WAIT_POLICY"}
_THREADS = "OMP_NUM_THREADS"

CONTROL_GROUPS, OWN_GROUP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
FAST_CORES = Path("/sys/devices/cpu_core/cpus")  # of a hybrid processor, such as 0-15

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names and numbers of glibc's malloc.h
LARGEST_BLOCK = 32 << 20  # bytes: what glibc takes as M_MMAP_THRESHOLD at most


def prepare_process() -> None:
    """Sets the variables of `quiet_threads` and `thread_limit`. To be called before torch is imported."""
    os.environ.update({**quiet_threads(os.environ), **thread_limit(os.environ)})


def quiet_threads(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that let threads wait quietly; none where the `environment` says how they wait."""
    return {} if _WAITING & environment.keys() else dict(QUIET)


def thread_limit(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable that keeps OpenMP to the processors that this process may use.

    None where the `environment` says how many threads there are, or where OpenMP finds the number itself.
    """
    usable = usable_processors()
    return {} if _THREADS in environment or usable == len(_allowed()) else {_THREADS: str(usable)}


def usable_processors(groups: Path = CONTROL_GROUPS, own: Path = OWN_GROUP, fast_cores: Path = FAST_CORES) -> int:
    """How many processors painting may use at once, at least 1.

    Those that the process is allowed (as by taskset), of a hybrid processor only the fast ones, since all wait for the
    slowest at each barrier, and no more than the time that a container is given.

    Args:
        groups: the folder of Linux's control groups, version 1 or 2.
        own: the file that says which group of version 2 is this process's.
        fast_cores: the file that lists the fast cores.
    """
    allowed = _allowed()
    fast = allowed & _listed(_text(fast_cores))
    quota = min(map(_quota, _groups(groups, own)))
    return max(1, math.ceil(min(len(fast or allowed), quota)))


def _allowed() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def _groups(groups: Path, own: Path) -> list[Path]:
    """The process's control group and those around it, each of which may have a limit."""
    found = re.search(r"^0::/(.*)$", _text(own), re.MULTILINE)
    parts = Path(found[1]) if found else Path()
    return [groups / part for part in (parts, *parts.parents)]


def _quota(group: Path) -> float:
    """Processors' worth of time that the control group has; infinite without a limit."""
    words = _text(group / "cpu.max").split() or [
        _text(group / "cpu" / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")
    ]
    numbers = [int(word) for word in words if word.isdecimal()]
    return numbers[0] / numbers[1] if len(numbers) == 2 and all(numbers) else math.inf


def _listed(ranges: str) -> set[int]:
    """The numbers of a list such as ``0-7,16``."""
    found = re.findall(r"(\d+)(?:-(\d+))?", ranges)
    return {number for first, last in found for number in range(int(first), int(last or first) + 1)}


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def keep_freed_memory() -> bool:
    """Keeps what is freed for the next use, where the C library is glibc; whether it is.

    A step frees hundreds of megabytes that the next step asks for. By default glibc gives them back to the system in
    between, and getting them again page by page takes about a seventh of the time of a step on the CPU.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)) and bool(mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
