"""The tables of docs/inputs.md, row by row: every bad input ends as its row says, and leaves nothing behind."""

import contextlib
import os
import re
import tempfile
import threading
import time
from pathlib import Path

import pytest

from tests import clips
from tests.bad_inputs import CASES, Case, encoded
from tests.images import random_tensors
from vidstyle.cli import main as cli
from vidstyle.core.weights import save_filters
from vidstyle.video.probe import probe

DOCS = Path(__file__).resolve().parents[2] / "docs" / "inputs.md"
LONGEST = 30.0  # seconds: a refusal takes less than five, a painting of twelve frames too; the machine may be slow
SEVERAL = ("read as far as it goes, or refused",)


def table() -> dict[str, tuple[str, str]]:
    """The rows of all tables: the input, what it is, and what is said."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.*?) ?\|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    return {row: (kind, said) for row, kind, said in rows if row != "Input"}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The good files that cases are made of."""
    place = tmp_path_factory.mktemp("parts")
    clips.with_sound(place / "clip.mp4", clips.clip(place / "silent.mkv", size=(48, 64)), seconds=0.48)
    save_filters(random_tensors("conv2_1"), place / "filters.safetensors")
    good = {name: (place / name).read_bytes() for name in ("clip.mp4", "filters.safetensors")}
    return {**good, "style.png": encoded("PNG", (32, 32)), "photo.png": encoded("PNG")}


def test_there_are_enough_and_each_row_that_refuses_has_one() -> None:
    assert len(CASES) >= 80
    assert len({case.name for case in CASES}) == len(CASES)
    rows = table()
    assert {case.row for case in CASES} <= set(rows)
    refused = {row for row, (kind, _) in rows.items() if kind == "refused"}
    elsewhere = {"a drive that does not respond for 30 s, or gives no frame for 120 s"}  # tests/test_files.py
    assert refused - elsewhere <= {case.row for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ends_as_the_table_says(
    case: Case,
    parts: dict[str, bytes],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, temporary = tmp_path / "place", tmp_path / "temporary"
    place.mkdir()
    temporary.mkdir()
    for name, data in parts.items():
        (place / name).write_bytes(data)
    words = case.make(place)
    before = {path: path.read_bytes() if path.is_file() else b"" for path in place.rglob("*") if not path.is_symlink()}
    threads = set(threading.enumerate())
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(place)
    began = time.monotonic()
    code = cli.main(words)
    took = time.monotonic() - began
    out, err = capfd.readouterr()
    assert took < LONGEST
    assert "Traceback" not in out + err
    kind, said = table()[case.row]
    if kind in SEVERAL:
        kind = "refused" if code else "read"
    new = {path for path in place.rglob("*") if not path.is_symlink()} - set(before)
    if kind == "refused":
        assert code in (1, 2), err
        assert not [path for path in new if path.suffix not in (".lock", ".owner")]
        lines = [line for line in err.splitlines() if line.startswith("vidstyle: ")]
        assert len(lines) == 1, err
        assert len(re.sub("a{200,}", "", lines[0])) < 400, "a sentence, not a page"
        assert out == ""
        codes = re.findall(r"VS\d{3}", said)
        assert not codes or re.search(rf"\[({'|'.join(codes)})\]$", lines[0]), lines[0]
    else:
        assert code == 0, err
        assert {path.relative_to(place).as_posix() for path in new} <= {"out.mp4", "out.png", "out.gif"}
        assert len(new) == 1
    assert all(path.read_bytes() == data for path, data in before.items() if path.is_file())
    assert not list(temporary.iterdir())
    assert not children()
    assert {t for t in threading.enumerate() if t.name.startswith("vidstyle")} <= threads


def children() -> list[str]:
    """Processes that this one has started and that still run."""
    found = []
    for task in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError):  # a thread that ends meanwhile
            found += task.read_text().split()
    return [n for n in found if "ffmpeg" in (Path("/proc") / n / "cmdline").read_text(errors="replace")]


@pytest.mark.parametrize("count", [4, 9])
def test_what_is_cut_off_is_told_and_kept(
    count: int, parts: dict[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A cut clip has as many frames as are whole, and the number is told."""
    (tmp_path / "clip.mp4").write_bytes(parts["clip.mp4"])
    whole = tmp_path / "whole.mkv"
    clips.ffmpeg("-i", tmp_path / "clip.mp4", "-an", "-c:v", "mjpeg", "-q:v", 2, whole)
    data = whole.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * (2 * count + 1) // 24])
    info = probe(tmp_path / "cut.mkv")
    assert abs(info.frame_count - count) <= 1
    assert any(f"it holds {info.frame_count} of about 12 frames" in remark for remark in info.remarks)
