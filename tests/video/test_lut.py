"""3D LUTs: the colours of a film go through one, and nothing else is taken for one."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from tests.clips import clip, quarters
from vidstyle.errors import SourceError
from vidstyle.jobs.events import Listener
from vidstyle.jobs.manifest import settings_key
from vidstyle.jobs.spec import JobSpec
from vidstyle.settings.settings import Settings
from vidstyle.video.lut import check_lut
from vidstyle.video.reader import open_video

INVERTED = [(1 - r, 1 - g, 1 - b) for b, g, r in product((0, 0.5, 1), repeat=3)]  # red is the fastest
MIXED = [(b, r, g) for b, g, r in product((0, 0.5, 1), repeat=3)]


def cube(colours: list[tuple[float, float, float]]) -> str:
    rows = "\n".join(" ".join(map(str, colour)) for colour in colours)
    return f'TITLE "test"\n# made here\nLUT_3D_SIZE 3\n\n{rows}\n'


@pytest.mark.parametrize("name", ["plain.cube", "it's a [b]:c,d;e\\f %d.cube"])
def test_the_colours_of_a_film_go_through_it(tmp_path: Path, name: str) -> None:
    lut = tmp_path / name
    source = clip(tmp_path / "a.mp4", count=2)
    with open_video(source) as film:
        plain = quarters(next(iter(film)).image)
    found = []
    for colours in (INVERTED, MIXED):
        lut.write_text(cube(colours))
        check_lut(lut)
        with open_video(source, lut=lut, work=tmp_path / "work") as film:
            found.append(quarters(next(iter(film)).image))
    for before, inverted, mixed in zip(plain, *found, strict=True):
        assert inverted == pytest.approx([255 - value for value in before], abs=3)
        assert mixed == pytest.approx([before[2], before[0], before[1]], abs=3)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\xff" * 500,
        cube(INVERTED[:-1]).encode(),
        cube(INVERTED).replace("0.5", "nan").encode(),
        cube(INVERTED).replace("0.5", "one").encode(),
        cube(INVERTED).replace("3D_SIZE 3", "3D_SIZE 999").encode(),
        cube(INVERTED).replace("3D_SIZE", "1D_SIZE").encode(),
    ],
)
def test_what_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.cube"
    path.write_bytes(data)
    with pytest.raises(SourceError) as caught:
        check_lut(path)
    assert caught.value.code in ("VS373", "VS314")


def test_a_job_notices_that_it_is_another(tmp_path: Path, style: Path) -> None:
    lut, source = tmp_path / "a.cube", clip(tmp_path / "a.mp4", count=2)
    keys = []
    for colours in (INVERTED, MIXED):
        lut.write_text(cube(colours))
        job = JobSpec.of(source, [style], tmp_path / "out.mp4", Settings(lut=str(lut)))
        assert lut in job.files
        keys.append(settings_key(job, Listener()))
    assert {name for name in keys[0] if keys[0][name] != keys[1][name]} == {"the file of --lut"}
