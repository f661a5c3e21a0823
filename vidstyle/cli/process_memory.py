"""How the process deals with memory: a matter of programs, not of the library, since it holds for all of a process."""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names and numbers of glibc's malloc.h
LARGEST = 32 << 20  # bytes: what glibc takes as M_MMAP_THRESHOLD at most


def keep_freed_memory() -> bool:
    """Keeps what is freed for the next use, where the C library is glibc; whether it is.

    A step frees hundreds of megabytes that the next step asks for. By default glibc gives them back to the system
    in between, and getting them again page by page takes about a seventh of the time of a step on the CPU.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST)) and bool(mallopt(M_TRIM_THRESHOLD, 2**31 - 1))
