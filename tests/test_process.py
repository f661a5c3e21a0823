"""What a program sets for its process."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidstyle.process import QUIET, quiet_threads, thread_limit, usable_processors

PAGES = 8192  # of 4 KiB: 32 MB in blocks

ASK_AGAIN = f"""
import resource
from vidstyle.process import keep_freed_memory
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


def cores() -> int:
    return len(os.sched_getaffinity(0))


def prepared(code: str, *before: str, **environment: str) -> str:
    """What a program prints that is prepared, in an environment without a word about threads."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    words = [*before, sys.executable, "-c", f"from vidstyle.process import prepare_process; prepare_process(); {code}"]
    ran = subprocess.run(words, capture_output=True, check=True, text=True, env={**plain, **environment})
    return ran.stdout.strip()


def test_threads_wait_quietly() -> None:
    assert prepared("import os; print(os.environ['GOMP_SPINCOUNT'])") == QUIET["GOMP_SPINCOUNT"]


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_what_the_user_says_of_waiting_stays(name: str) -> None:
    assert quiet_threads({"HOME": "/"}) == QUIET
    assert quiet_threads({name: "7"}) == {}


def test_the_number_of_threads_that_the_user_says_stays(tmp_path: Path) -> None:
    assert thread_limit({"OMP_NUM_THREADS": "64"}) == {}


@pytest.mark.skipif(not shutil.which("taskset"), reason="there is no taskset")
def test_torch_has_as_many_threads_as_processors_are_allowed() -> None:
    assert prepared("import torch; print(torch.get_num_threads())", "taskset", "--cpu-list", "0") == "1"


@given(quota=st.integers(1000, 6_400_000), period=st.integers(1000, 1_000_000))
def test_a_limit_of_time_is_a_number_of_processors(
    quota: int, period: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    group = tmp_path_factory.mktemp("group")
    (group / "cpu.max").write_text(f"{quota} {period}\n")
    wanted = max(1, min(cores(), -(-quota // period)))
    assert usable_processors(group, group / "none", group / "none") == wanted
    (group / "cpu.max").unlink()
    (group / "cpu").mkdir()
    (group / "cpu/cpu.cfs_quota_us").write_text(f"{quota}\n")
    (group / "cpu/cpu.cfs_period_us").write_text(f"{period}\n")
    assert usable_processors(group, group / "none", group / "none") == wanted


def test_a_limit_of_a_group_around_counts(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "own").write_text("0::/a/b\n")
    (tmp_path / "a/cpu.max").write_text("100000 100000\n")
    (tmp_path / "a/b/cpu.max").write_text("max 100000\n")
    assert usable_processors(tmp_path, tmp_path / "own", tmp_path / "none") == 1


@pytest.mark.parametrize("text", ["", "max 100000\n", "-1\n", "0 0\n", "nonsense"])
def test_without_a_limit_all_processors_are_used(tmp_path: Path, text: str) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert usable_processors(tmp_path, tmp_path / "none", tmp_path / "none") == cores()


def test_only_the_fast_cores_of_a_hybrid_processor_are_used(tmp_path: Path) -> None:
    first = min(os.sched_getaffinity(0))
    (tmp_path / "cpus").write_text(f"{first},4000-4010\n")
    assert usable_processors(tmp_path, tmp_path / "none", tmp_path / "cpus") == 1
    (tmp_path / "cpus").write_text("4000-4010\n")  # none of them is allowed
    assert usable_processors(tmp_path, tmp_path / "none", tmp_path / "cpus") == cores()
