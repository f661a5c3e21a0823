import platform
import subprocess
import sys

import pytest

PAGES = 8192  # of 4 KiB: 32 MB in blocks

ASK_AGAIN = f"""
import resource
from vidstyle.cli.process_memory import keep_freed_memory
if {{keep}}:
    assert keep_freed_memory()
for _ in range(4):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [bytearray({{size}}) for _ in range({PAGES} * 4096 // {{size}})]
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    del blocks
print(faults)
"""


def faults(keep: bool, size: int) -> int:
    ran = subprocess.run(
        [sys.executable, "-c", ASK_AGAIN.format(keep=keep, size=size)], capture_output=True, check=True, text=True
    )
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
@pytest.mark.parametrize("size", [100_000, 4_000_000])
def test_freed_memory_is_used_again_without_a_page_fault(size: int) -> None:
    assert faults(keep=False, size=size) > PAGES / 2
    assert faults(keep=True, size=size) < PAGES / 10
