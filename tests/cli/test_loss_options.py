"""``--log-losses`` and ``--plot-losses``."""

import csv
import json
from pathlib import Path

import pytest

from tests.cli.test_main import assert_one_line, run
from vidstyle.cli import options
from vidstyle.core.temporal import PaintedFrame
from vidstyle.evaluation import loss_record as losses
from vidstyle.jobs.events import Listener


def test_the_losses_of_an_image_are_written_and_drawn(
    photo: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, plot = tmp_path / "losses.csv", tmp_path / "losses.png"
    assert fast[:2] == ["--steps", "1"]
    words = ["--steps", "4", *fast[2:], "--log-losses", table, "--plot-losses", plot]
    code, out, lines = run(capsys, photo, *words)
    assert (code, out.splitlines()[1:]) == (0, [str(table), str(plot)]), lines
    with table.open() as file:
        rows = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(file)]
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    for row in rows:
        assert row["style_conv1_1"] + row["content_conv1_1"] == pytest.approx(row["total"])
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_the_losses_of_a_film_are_those_of_its_frames(
    film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, plot, out = tmp_path / "losses.json", tmp_path / "losses.svg", tmp_path / "out.mp4"
    words = [film, *fast, "-o", out, "--quiet", "--log-losses", table, "--plot-losses", plot]
    assert run(capsys, *words) == (0, f"{out}\n{table}\n{plot}\n", [])
    assert [row["frame"] for row in json.loads(table.read_text())["frames"]] == list(range(6))
    code, _, lines = run(capsys, *words)
    assert code == 1
    assert_one_line(lines, "losses.json ", "[VS402]")


def test_what_there_is_stays_when_it_is_stopped(
    film: Path,
    fast: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop_at_the_third(self: Listener, painted: PaintedFrame) -> None:
        if painted.frame.index == 3:
            raise KeyboardInterrupt

    words = [film, *fast, "--quiet", "--log-losses", tmp_path / "losses.csv", "--plot-losses", tmp_path / "losses.svg"]
    with monkeypatch.context() as patch:
        patch.setattr("vidstyle.cli.console.JobConsole.frame", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            run(capsys, *words)
    lines = capsys.readouterr().err.splitlines()
    partial = tmp_path / "losses.partial.csv"
    assert lines[-2:] == [f"the losses so far: {partial}", f"the losses so far: {tmp_path / 'losses.partial.svg'}"]
    assert len(partial.read_text().splitlines()) == 1 + 3
    assert not (tmp_path / "losses.csv").exists()
    code, out, lines = run(capsys, *words)
    assert (code, out.splitlines()[1:]) == (0, [str(word) for word in words[-3::2]]), lines


@pytest.mark.parametrize(
    ("words", "code", "wanted"),
    [
        ("clip.mp4 --log-losses a.txt", 1, "[VS414]"),
        ("clip.mp4 --plot-losses a.pdf", 1, "[VS414]"),
        ("clip.mp4 --log-losses none/a.csv", 1, "[VS417]"),
        ("clip.mp4 --plot-losses photo.png", 1, "[VS402]"),
        ("clip.mp4 --plot-losses stripes.png --overwrite", 1, "[VS406]"),
        ("photo.png -o a.png --plot-losses a.png", 1, "[VS406]"),
        (". --log-losses a.csv", 2, "[VS104]"),
        ("*.png --log-losses a.csv", 2, "[VS104]"),
        ("clip.mp4 --log-losses a.csv --preview", 2, "[VS116]"),
        ("clip.mp4 --plot-losses a.svg --dry-run", 2, "[VS116]"),
        ("clip.mp4 --log-losses a.csv --ray", 2, "[VS117]"),
    ],
)
def test_what_cannot_be_logged_is_refused_in_one_line(
    words: str,
    code: int,
    wanted: str,
    film: Path,
    photo: Path,
    fast: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(film.parent)
    before = {file: file.read_bytes() for file in film.parent.iterdir()}
    quick = [word for word in fast if word not in ("--device", "cpu")]
    found, out, lines = run(capsys, *words.split(), *quick)
    assert (found, out) == (code, "")
    assert_one_line(lines, wanted)
    assert {file: file.read_bytes() for file in film.parent.iterdir()} == before


def test_the_endings_are_those_of_the_library() -> None:
    assert (options.TABLE_ENDINGS, options.PLOT_ENDINGS) == (losses.TABLE_ENDINGS, losses.PLOT_ENDINGS)
