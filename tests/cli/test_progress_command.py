"""``vidstyle progress`` and ``--progress-gif``."""

import re
from pathlib import Path

import pytest

from tests.cli.test_main import assert_one_line, run
from vidstyle.cli import options
from vidstyle.cli.messages import GRADE_WORDS, flipbook_line
from vidstyle.video.flipbook import FLIPBOOK_ENDINGS, Extent, Flipbook
from vidstyle.video.probe import probe


def test_the_making_of_an_image(photo: Path, fast: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    fast[fast.index("--content-layers") + 1] = "conv2_1"
    code, out, lines = run(capsys, "progress", photo, *fast, "--beside", "--curve")
    gif = photo.with_name("photo_stripes.gif")
    assert (code, out) == (0, f"{gif}\n"), lines
    assert not photo.with_name("photo_stripes.png").exists()
    height, width = probe(gif).size
    assert height == 48
    assert width > 64
    assert lines[2].endswith(f"; to {gif}")
    assert lines[1].startswith("photo.png in the style of stripes.png: 1 image at 64x48, about ")
    assert "writing the animation" in lines
    assert lines[-1].startswith("photo_stripes.gif: ")
    assert lines[-1].endswith(f": 10 frames, {width} pixels across, 256 colours")


def test_the_help_has_only_what_an_image_uses(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "progress", "--help")
    shown = set(re.findall(r"--[a-z][a-z-]*", out))
    assert code == 0
    assert {"--steps", "--strength", "--keep-colors", "--mask", "--curve"} <= shown
    assert not shown & {
        "--every",
        "--flow",
        "--loop",
        "--codec",
        "--chunk-frames",
        "--encoder",
        "--frame-steps",
        "--lut",
    }


@pytest.mark.parametrize("ending", FLIPBOOK_ENDINGS)
def test_an_image_and_its_making(
    photo: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    file, painting = tmp_path / f"a{ending}", tmp_path / "photo_stripes.png"
    fast[fast.index("--steps") : fast.index("--scales")] = ["--steps", "9"]
    code, out, lines = run(capsys, photo, *fast, "--progress-gif", file, "--max-mb", 0.02, "-q")
    assert (code, out, lines) == (0, f"{painting}\n{file}\n", [])
    assert painting.exists()
    assert file.stat().st_size <= 20_000


@pytest.mark.parametrize(
    ("words", "code", "wanted"),
    [
        ("photo.png --curve", 2, "add --progress-gif FILE"),
        ("photo.png --progress-gif a.gif --dry-run", 2, "[VS106]"),
        ("photo.png --progress-gif a.png", 1, "use .gif or .webp or .mp4"),
        ("photo.png --progress-gif a.gif --max-mb -1", 1, "--max-mb must be above 0"),
        ("clip.mp4 --progress-gif a.gif", 1, "[VS266]"),
        ("progress clip.mp4", 1, "[VS266]"),
        ("progress photo.png -o a.jpg", 1, "use .gif or .webp or .mp4"),
        ("progress photo.png --width 8", 1, "--width must be 64 or more"),
        ("progress phto.png", 1, "did you mean photo.png?"),
        ("progress photo.png -o there.gif", 1, "[VS402]"),
        ("progress", 2, "IMAGE"),
    ],
)
def test_what_cannot_be_shown_is_told_in_one_line(
    film: Path,
    photo: Path,
    fast: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    code: int,
    wanted: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.gif").write_bytes(b"mine")
    before = set(tmp_path.iterdir())
    found, out, lines = run(capsys, *words.split(), *fast)
    assert (found, out) == (code, "")
    assert_one_line(lines, wanted)
    assert set(tmp_path.iterdir()) == before


def test_what_was_lowered_is_told() -> None:
    full, kept = Extent(60, 512, 256), Extent(40, 384, 128)
    line = flipbook_line(Flipbook(Path("a/progress.gif"), full, kept, 1_900_000, 2_000_000))
    assert line == (
        "progress.gif: 1.9 MB: 40 of 60 frames, 384 of 512 pixels across, 128 colours instead of 256, "
        "to stay under 2 MB"
    )
    whole = flipbook_line(Flipbook(Path("a.mp4"), Extent(60, 512, 18), Extent(60, 512, 18), 500_000, 2_000_000))
    assert whole == "a.mp4: 500 kB: 60 frames, 512 pixels across, CRF 18"


def test_the_endings_are_those_of_the_library() -> None:
    assert options.FLIPBOOK_ENDINGS == FLIPBOOK_ENDINGS == tuple(GRADE_WORDS)
