"""A disk that is full at any write: one sentence, nothing lost, and with room again the same command ends."""

import contextlib
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.test_kills import Jobs, pixels

ROOM = 4 << 20  # bytes of the small disk

# What is said where a segment, a checkpoint, the whole file or a rewritten copy finds no room.
WITHOUT_ROOM = {"VS342", "VS411", "VS419", "VS430", "VS438", "VS440", "VS443", "VS444", "VS448", "VS515"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="small disks are made by Linux's mount and rlimits")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "stderr"


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory, log: Path) -> Iterator[Jobs]:
    jobs = Jobs(tmp_path_factory.mktemp("full"), log)
    yield jobs
    jobs.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk, in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", place], capture_output=True)
    if made.returncode:
        pytest.skip("no small file system can be mounted here, which takes root")
    yield place
    subprocess.run(["umount", place], check=True)


def refused(jobs: Jobs, log: Path, out: Path, passes: int, how: str = "-") -> str:
    """Runs a job that has to fail; its sentence."""
    before = log.stat().st_size
    assert jobs.run(out, passes, how) == 1
    said = log.read_text()[before:]
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    assert not out.exists()
    return said.strip()


def fill(disk: Path, left: int) -> Path:
    """A file that leaves so many bytes of a disk."""
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        file.write(bytes(max(0, free.f_bavail * free.f_frsize - left)))
    return ballast


def room_before_each_write(jobs: Jobs, disk: Path, passes: int) -> list[int]:
    """The bytes that are taken when each file of a job, in turn, is about to be written; and some more at the end."""
    out = disk / "kept.mp4"
    assert jobs.run(out, passes, "k") == 0
    files = [path for path in (disk / "kept.mp4.vidstyle").rglob("*") if path.is_file()]
    files.sort(key=lambda path: path.stat().st_mtime_ns)
    sizes = [0, *(path.stat().st_blocks * 512 for path in files), 4096, 4096, 4096]
    shutil.rmtree(disk / "kept.mp4.vidstyle")
    out.unlink()
    return list(itertools.accumulate(size for size in sizes if size or not sizes.index(size)))


@pytest.mark.parametrize(("passes", "writes"), [(1, 10), (2, 5)])
def test_full_at_each_write(jobs: Jobs, log: Path, disk: Path, passes: int, writes: int) -> None:
    failed = 0
    for number, left in enumerate(room_before_each_write(jobs, disk, passes)):
        out = disk / f"out{number}.mp4"
        ballast, before = fill(disk, left), log.stat().st_size
        if jobs.run(out, passes) != 0:
            said = log.read_text()[before:]
            assert said.count("\n") == 1, said
            assert set(re.findall(r"VS\d{3}", said)) & WITHOUT_ROOM, said
            assert not out.exists()
            failed += 1
            ballast.unlink()
            assert jobs.run(out, passes) == 0
        assert pixels(out) == jobs.whole[passes]
        ballast.unlink(missing_ok=True)
        assert [path.name for path in disk.iterdir()] == [out.name]
        out.unlink()
    assert failed >= writes


@pytest.mark.parametrize("largest", [0, 10, 1000, 2000, 5000, 20_000, 50_000, 100_000])
def test_no_file_may_be_large(jobs: Jobs, log: Path, tmp_path: Path, largest: int) -> None:
    out = tmp_path / "out.mp4"
    said = refused(jobs, log, out, 1, f"f{largest}")
    assert "too large" in said or "signal" in said, said
    assert jobs.run(out, 1) == 0
    assert pixels(out) == jobs.whole[1]
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
