"""Jobs that are killed, at any moment and around each write, end with the frames of one that was not."""

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clips import ffmpeg
from tests.images import clouds, random_tensors
from vidstyle.core.weights import save_filters
from vidstyle.images import save_image

FRAMES, CUT = 14, 8
KILLS = 100
KILLED = -9


class Jobs:
    """A process that starts a job and kills it."""

    def __init__(self, folder: Path, log: Path | None = None) -> None:
        self.folder, self.kills = folder, 0
        source, style, weights = folder / "clip.mp4", folder / "style.png", folder / "filters.safetensors"
        first, second = (np.uint8(clouds(24, 32, seed=s, grain=8).permute(1, 2, 0) * 255) for s in (1, 2))
        images = np.stack([np.roll(first if i < CUT else second, i, 1) for i in range(FRAMES)])
        raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "32x24", "-r", "24000/1001", "-i", "-")
        tone = ("-f", "lavfi", "-i", "sine=frequency=440:duration=0.6")
        ffmpeg(*raw, *tone, "-c:v", "libx264", "-crf", "10", "-c:a", "aac", source, data=images.tobytes())
        save_image(style, clouds(24, 32, seed=4, grain=4))
        save_filters(random_tensors("conv2_1"), weights)
        words = [sys.executable, "-m", "tests.jobs.killed", str(source), str(style), str(weights)]
        with open(log or os.devnull, "w") as said:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": said if log else None}
            self._process = subprocess.Popen(words, text=True, **pipes)
        self.whole = {passes: self._whole(passes) for passes in (1, 2)}

    def _whole(self, passes: int) -> bytes:
        out = self.folder / f"whole{passes}.mp4"
        assert self.run(out, passes) == 0
        return pixels(out)

    def run(self, out: Path, passes: int, how: str = "-") -> int:
        """The exit code; -9 for killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{out} {passes} {how}\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        self.kills += code == KILLED
        return code

    def close(self) -> None:
        self._process.communicate()


def pixels(film: Path) -> bytes:
    return ffmpeg("-i", film, "-map", "0:v", "-f", "framemd5", "-")


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    jobs = Jobs(tmp_path_factory.mktemp("kills"))
    yield jobs
    jobs.close()


def finished(jobs: Jobs, out: Path, passes: int, hows: Iterable[str]) -> None:
    """Runs a job that is killed as `hows` say, then to its end; looks at the output after every run."""
    for how in hows:
        code = jobs.run(out, passes, how)
        assert code in (0, KILLED)
        assert code != 0 or out.exists()
        if out.exists():
            assert pixels(out) == jobs.whole[passes]
            break
    else:
        if not out.exists():  # it stands there as soon as the last write is done
            assert jobs.run(out, passes) == 0
        assert pixels(out) == jobs.whole[passes]
    clear(out)


def clear(out: Path) -> None:
    out.unlink(missing_ok=True)
    shutil.rmtree(out.with_name(f"{out.name}.vidstyle"), ignore_errors=True)


def test_a_hundred_kills_at_random_moments(jobs: Jobs) -> None:
    chance, before, ended = random.Random(0), jobs.kills, 0
    while jobs.kills - before < KILLS:
        passes = chance.choice([1, 1, 1, 2])
        longest = chance.choice([0.1, 0.25, 0.6])
        finished(jobs, jobs.folder / "out.mp4", passes, (f"{chance.uniform(0, longest):.3f}" for _ in range(8)))
        ended += 1
    assert ended >= KILLS / 8
    assert not [path for path in jobs.folder.iterdir() if path.name.startswith((".", "out"))]


WRITES = st.builds(lambda number, side: f"w{number}{side}", st.integers(1, 9), st.sampled_from(["", "+"]))


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hows=st.lists(WRITES, min_size=2, max_size=5), passes=st.sampled_from([1, 2]))
def test_kills_around_any_writes(jobs: Jobs, hows: list[str], passes: int) -> None:
    clear(jobs.folder / "out.mp4")
    finished(jobs, jobs.folder / "out.mp4", passes, hows)


@pytest.mark.parametrize("side", ["", "+"])
def test_a_kill_around_each_write(jobs: Jobs, side: str) -> None:
    out, number = jobs.folder / "each.mp4", 1
    while jobs.run(out, 1, f"w{number}{side}") == KILLED:
        finished(jobs, out, 1, [])
        number += 1
    assert pixels(out) == jobs.whole[1]
    assert number > 12  # model, manifest, and two or three for each of five segments
    clear(out)


@pytest.mark.parametrize(("name", "first"), [("images", "images"), ("images.%02d.png", "images.01.png")])
def test_kills_of_a_job_that_writes_images(jobs: Jobs, name: str, first: str) -> None:
    """A folder is whole or not there; images of a pattern that a kill left are the job's own when it goes on."""
    place = jobs.folder / f"killed{len(name)}"
    place.mkdir()
    assert jobs.run(place / f"whole.{name}" if "%" in name else place / "whole", 1) == 0
    whole = images_in(place, "whole")
    assert len(whole) == FRAMES
    for how in ("w5", "w11+", "w9", "w8", "w16"):  # the last ones while images are written to be moved
        assert jobs.run(place / name, 1, how) == KILLED
        assert not (place / first).exists()
    if "%" in name:
        assert jobs.run(place / name, 1, "w20") == KILLED
        assert (place / first).exists()
    assert jobs.run(place / name, 1) == 0
    assert images_in(place, "images") == whole
    assert not list(place.glob(".*"))
    assert not list(place.glob("*.vidstyle"))
    shutil.rmtree(place)


def images_in(place: Path, name: str) -> list[bytes]:
    """What the images in a folder, or those that begin with its name, hold."""
    return [path.read_bytes() for path in sorted((*place.glob(f"{name}/*"), *place.glob(f"{name}.*.png")))]
