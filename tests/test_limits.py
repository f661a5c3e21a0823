"""How large files may be."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.clips import clip, ffmpeg
from tests.images import clouds
from tests.refusals import refused
from vidstyle.cli import main as cli
from vidstyle.images import load_image, save_image
from vidstyle.limits import LIMITS, NO_LIMITS, Limits
from vidstyle.video.masks import open_mask
from vidstyle.video.probe import probe
from vidstyle.video.reader import open_video


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_limits_are_generous() -> None:
    LIMITS.check_size("an 8K frame", (4320, 7680))
    LIMITS.check_length("two hours at 60", 2 * 3600 * 60, 2 * 3600)
    LIMITS.check_bytes("a photo", 50_000_000)
    for check in (NO_LIMITS.check_bytes, lambda name, n: NO_LIMITS.check_length(name, n, n)):
        check("anything", 10**15)


@pytest.mark.parametrize(
    ("limits", "code", "facts"),
    [
        (Limits(pixels=1199), "VS325", ("photo.png", "40 x 30", "1,199", "--no-limits")),
        (Limits(bytes=10), "VS329", ("photo.png", "10")),
    ],
)
def test_images(photo: Path, limits: Limits, code: str, facts: tuple[str, ...]) -> None:
    with refused(code, *facts):
        load_image(photo, limits)
    with refused(code, *facts), open_mask(photo, (3, 4), limits=limits):
        pass
    assert load_image(photo, NO_LIMITS).rgb.shape == (3, 30, 40)


def test_films(tmp_path: Path) -> None:
    film = clip(tmp_path / "film.mp4", count=12, size=(48, 64))
    assert probe(film, Limits(pixels=48 * 64)).size == (48, 64)
    with refused("VS325", "film.mp4", "64", "48", "100"):
        probe(film, Limits(pixels=100))
    with refused("VS328", "0 minutes"):
        probe(film, Limits(still=0.01))
    for limits, code, fact in ((Limits(frames=5), "VS327", "12"), (Limits(seconds=0.3), "VS326", "")):
        with refused(code, fact):
            open_video(film, limits=limits)
        open_video(film, limits=limits, end=0.2).close()  # the part that is painted counts


def test_animations(tmp_path: Path) -> None:
    film = clip(tmp_path / "film.mp4", count=12, size=(48, 64))
    for ending in ("gif", "webp"):
        ffmpeg("-i", film, "-an", tmp_path / f"film.{ending}")
        with refused("VS327", "5"):
            probe(tmp_path / f"film.{ending}", Limits(frames=5))
        with refused("VS325", "64", "48"):
            probe(tmp_path / f"film.{ending}", Limits(pixels=100))


def test_the_command_lifts_them(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vidstyle.jobs.spec.LIMITS", Limits(pixels=100))
    fast = "--steps 1 --scales 1 --weights selftaught --style-layers conv1_1 --content-layers conv1_1 --loss sums"
    out = photo.with_name("out.png")
    save_image(photo, clouds(30, 40))
    words = [str(photo), "--style", str(photo), "-o", str(out), *fast.split()]
    assert cli.main(words) == 1
    assert "[VS325]" in capsys.readouterr().err
    assert cli.main([*words, "--no-limits"]) == 0
    assert out.exists()
