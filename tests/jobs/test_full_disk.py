"""A disk that is full at any write: one sentence, nothing lost, and with room again the same command ends."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jobs.test_kills import Jobs, pixels

ROOM = 4 << 20  # bytes of the small disk
TRIES = 32

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


@pytest.mark.parametrize("passes", [1, 2])
def test_whatever_room_there_is(jobs: Jobs, log: Path, disk: Path, passes: int) -> None:
    """The less room, the earlier a write fails; each of at least ten different ones does."""
    failed_with: set[frozenset[str]] = set()
    needed = 0
    for attempt in range(TRIES):
        out = disk / f"out{attempt}.mp4"
        left = attempt * 4096 if attempt < TRIES // 2 else needed + (attempt - TRIES // 2) * 8192
        ballast = fill(disk, left)
        before = log.stat().st_size
        if jobs.run(out, passes) == 0:
            assert pixels(out) == jobs.whole[passes]
            needed = 0
        else:
            said = log.read_text()[before:]
            assert said.count("\n") == 1, said
            assert any(words in said for words in ("No space left", "make room")), said
            assert not out.exists()
            work = disk / f"{out.name}.vidstyle"
            done = (path.relative_to(work).as_posix() for path in work.rglob("*") if path.is_file())
            failed_with.add(frozenset(name for name in done if "scratch" not in name and ".part" not in name))
            needed = max(needed, sum(path.stat().st_size for path in work.rglob("*") if path.is_file()))
            ballast.unlink()
            assert jobs.run(out, passes) == 0
            assert pixels(out) == jobs.whole[passes]
        ballast.unlink(missing_ok=True)
        assert [path.name for path in disk.iterdir()] == [out.name]
        out.unlink()
    print(passes, len(failed_with), sorted(map(sorted, failed_with)))
    assert len(failed_with) >= (10 if passes == 1 else 3)


@pytest.mark.parametrize("largest", [0, 10, 1000, 2000, 5000, 20_000, 50_000, 100_000])
def test_no_file_may_be_large(jobs: Jobs, log: Path, tmp_path: Path, largest: int) -> None:
    out = tmp_path / "out.mp4"
    said = refused(jobs, log, out, 1, f"f{largest}")
    assert "too large" in said or "signal" in said, said
    assert jobs.run(out, 1) == 0
    assert pixels(out) == jobs.whole[1]
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
