"""``vidstyle report`` from the command line."""

from pathlib import Path

import pytest

from tests.cli.test_main import run


def painted(capsys: pytest.CaptureFixture[str], film: Path, fast: list[str], *words: str) -> tuple[int, str, list[str]]:
    return run(capsys, film, *fast, *words)


def judging(filters: Path) -> list[str]:
    return ["--weights", str(filters), "--style-layers", "conv1_1", "--content-layers", "conv2_1"]


def test_a_film_is_measured(
    film: Path, style: Path, filters: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert painted(capsys, film, fast)[0] == 0
    words = ["report", tmp_path / "clip_stripes.mp4", "--source", film, "--style", style, *judging(filters)]
    code, out, _ = run(capsys, *words)
    page, figures = (tmp_path / f"clip_stripes_report.{ending}" for ending in ("html", "json"))
    assert (code, out) == (0, f"{page}\n{figures}\n")
    code, _, lines = run(capsys, *words)
    assert code == 1
    assert [line.startswith(f"vidstyle: {page} ") and line.endswith("[VS402]") for line in lines] == [True]
    assert run(capsys, *words, "--overwrite")[0] == 0


def test_a_job_can_report(film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = painted(capsys, film, fast, "--report")
    assert (code, out.splitlines()) == (0, [str(tmp_path / f"clip_stripes{x}") for x in (".mp4", "_report.html")])


def test_a_report_needs_all_that_it_compares(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, lines = run(capsys, "report", film)
    assert code == 2
    assert "[VS102]" in lines[0]


def test_reports_are_for_films(photo: Path, fast: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, _, lines = run(capsys, photo, *fast, "--report")
    assert code == 1
    assert "[VS219]" in lines[-1]


def test_a_missing_film_is_told(film: Path, style: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, lines = run(capsys, "report", tmp_path / "none.mp4", "--source", film, "--style", style)
    assert (code, lines) == (1, [f"vidstyle: {tmp_path / 'none.mp4'}: no such file; check the name [VS304]"])
