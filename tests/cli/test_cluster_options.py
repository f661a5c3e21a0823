"""Many machines and many clips from the command line."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_main import run
from vidstyle.video.probe import probe


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--task-cpus", "2"], "VS118"),
        (["--task-gpus", "1"], "VS118"),
        (["--storage", "s3://films"], "VS118"),
        (["--preview", "--ray"], "VS119"),
        (["--dry-run", "--ray"], "VS119"),
        (["--ray"], "VS120"),  # `fast` says --device cpu
    ],
)
def test_words_that_do_not_fit(
    film: Path, fast: list[str], words: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, lines = run(capsys, film, *fast, *words)
    assert code == 2
    assert f"[{error}]" in lines[-1]


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: vidstyle[cluster]")
def test_a_cluster_of_this_machine_is_begun_where_there_is_none(film: Path, fast: list[str], tmp_path: Path) -> None:
    """As a user would: another process, whose output is all there is to see."""
    words = [word for word in fast if word not in ("--device", "cpu")]
    command = [sys.executable, "-m", "vidstyle", str(film), *words, "-o", str(tmp_path / "out.mp4"), "--ray"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'out.mp4'}\n"
    assert probe(tmp_path / "out.mp4").frame_count == probe(film).frame_count
    assert done.stderr.splitlines()[-1].startswith("painted 6 frames")
    assert "ray" not in done.stderr.lower()


def test_a_folder_of_clips(film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "clips"
    place.mkdir()
    (place / "a.mp4").write_bytes(film.read_bytes())
    (place / "b.mp4").write_bytes(b"no film")
    code, out, lines = run(capsys, place, *fast)
    assert (code, out) == (1, f"{tmp_path / 'clips_stripes'}\n")
    assert "video 1/2: a.mp4" in lines
    assert lines[-2].startswith("failed: b.mp4")
    assert lines[-1].startswith("vidstyle: 1 video could not be painted; the others are in ")
