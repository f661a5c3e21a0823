"""``vidstyle plan``, ``paint`` and ``join`` from the command line."""

from pathlib import Path

import pytest

from tests.cli.test_main import run
from tests.clips import ffmpeg, stream_hashes


@pytest.fixture
def cut_film(tmp_path: Path) -> Path:
    """Two shots of six frames and a tone."""
    path = tmp_path / "clip.mp4"
    halves = "testsrc=size=64x48:rate=25:duration=0.24[a];mandelbrot=size=64x48:rate=25,trim=duration=0.24[b]"
    sound = "sine=frequency=440:duration=0.48[s]"
    ffmpeg("-filter_complex", f"{halves};[a][b]concat[v];{sound}", "-map", "[v]", "-map", "[s]", path)
    return path


def hashes(film: Path) -> bytes:
    return ffmpeg("-i", film, "-map", "0:v", "-f", "framemd5", "-")


def test_shots_that_are_painted_one_by_one_make_the_same_film(
    cut_film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, out = tmp_path / "whole.mp4", tmp_path / "out.mp4"
    assert run(capsys, cut_film, *fast, "-o", whole)[0] == 0
    code, text, lines = run(capsys, "plan", cut_film, *fast, "-o", out)
    folder = tmp_path / "out.mp4.vidstyle"
    assert (code, text) == (0, f"{folder}\n2\n"), lines
    code, _, lines = run(capsys, "join", folder)
    assert code == 1
    assert "0, 1" in lines[-1]
    assert lines[-1].endswith("[VS523]")
    for shot in (1, 0):
        assert run(capsys, "paint", folder, str(shot))[0] == 0
    code, text, lines = run(capsys, "join", folder)
    assert (code, text) == (0, f"{out}\n"), lines
    assert lines[-1].startswith("painted 12 frames")
    assert hashes(out) == hashes(whole)
    assert stream_hashes(out) == stream_hashes(whole)
    assert not folder.exists()


def test_a_planned_film_can_be_painted_by_the_plain_command(
    cut_film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    assert run(capsys, "plan", cut_film, *fast, "-o", out)[0] == 0
    assert run(capsys, "paint", tmp_path / "out.mp4.vidstyle", "1")[0] == 0
    code, _, lines = run(capsys, cut_film, *fast, "-o", out)
    assert code == 0
    assert any(line.startswith("6 frames already painted, in ") for line in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["paint", "FOLDER", "2"], "[VS524]"),
        (["paint", "NOWHERE", "0"], "[VS516]"),
        (["join", "NOWHERE"], "[VS516]"),
    ],
)
def test_what_is_not_there_is_told(
    cut_film: Path,
    fast: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    out = tmp_path / "out.mp4"
    assert run(capsys, "plan", cut_film, *fast, "-o", out)[0] == 0
    names = {"FOLDER": str(tmp_path / "out.mp4.vidstyle"), "NOWHERE": str(tmp_path / "nowhere")}
    code, _, lines = run(capsys, *(names.get(word, word) for word in words))
    assert code == 1
    assert lines[-1].endswith(message)
    assert not (tmp_path / "nowhere").exists()


def test_a_plan_is_for_films(photo: Path, fast: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, _, lines = run(capsys, "plan", photo, *fast)
    assert code == 2
    assert "[VS103]" in lines[-1]


def test_a_join_does_not_replace_a_film_unasked(
    cut_film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, folder = tmp_path / "out.mp4", tmp_path / "out.mp4.vidstyle"
    assert run(capsys, "plan", cut_film, *fast, "-o", out)[0] == 0
    for shot in "01":
        assert run(capsys, "paint", folder, shot)[0] == 0
    out.write_bytes(b"mine")
    code, _, lines = run(capsys, "join", folder)
    assert code == 1
    assert "[VS402]" in lines[-1]
    assert out.read_bytes() == b"mine"
    assert run(capsys, "join", folder, "--overwrite")[0] == 0
    assert out.stat().st_size > 100
