"""``--settings`` and ``--save-settings``."""

from pathlib import Path

import pytest

from tests.cli.test_main import assert_one_line, run
from tests.cli.test_options import parsed
from vidstyle.cli.settings_options import Chosen
from vidstyle.settings.settings import Settings
from vidstyle.settings.toml import load_settings


def chosen(*words: str) -> Chosen:
    return Chosen.of({name: value for name, value in parsed(*words).items() if name != "source"})


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    file = tmp_path / "my.toml"
    file.write_text('preset = "fine"\nsteps = 40\nstrength = 0.7\n')
    return file


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ((), Settings(steps=40, frame_steps=10, every=1, strength=0.7)),
        (("--strength", "0.2"), Settings(steps=40, frame_steps=10, every=1, strength=0.2)),
        (("--preset", "draft"), Settings(steps=40, frame_steps=1, strength=0.7)),
        (("--preset", "standard", "--steps", "9"), Settings(steps=9, strength=0.7)),
    ],
)
def test_a_file_wins_over_presets_and_the_command_line_over_both(
    words: tuple[str, ...], wanted: Settings, mine: Path
) -> None:
    assert chosen("--settings", str(mine), *words).settings == wanted
    assert chosen(*words, "--settings", str(mine)).settings == wanted


def test_what_a_file_says_counts_as_given(mine: Path) -> None:
    given = chosen("--settings", str(mine), "--steps", "9", "--seed", "1").given
    assert given == {"preset": "fine", "steps": 9, "strength": 0.7, "seed": 1}


def test_what_is_chosen_is_saved_and_makes_the_same_settings(
    film: Path, mine: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, again, out = tmp_path / "saved.toml", tmp_path / "again.toml", tmp_path / "out.mp4"
    mine.write_text("frame-steps = 1\nsteps = 1\nflow = 'none'\nlook-back = '1,3'\nstability = 5\n")
    words = [film, *fast[4:], "-o", out]  # steps and frame steps come from the file
    code, printed, lines = run(capsys, *words, "--settings", mine, "--save-settings", saved, "--seed", "3")
    assert (code, printed) == (0, f"{out}\n"), lines
    assert f"settings written to {saved}" in lines
    assert "warning: --look-back is not used: --flow is none" in lines
    text = saved.read_text()
    assert "seed = 3\n" in text
    assert "stability = 5.0\n" in text
    assert "preset" not in text
    assert "strength" not in text
    words = [film, *fast[-4:], "-o", out, "--overwrite"]  # no more than the style and the filters
    code, _, lines = run(capsys, *words, "--settings", saved, "--save-settings", again)
    assert code == 0, lines
    assert again.read_text() == text


def test_the_name_of_the_preset_is_saved(mine: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.toml"
    chosen("--settings", str(mine), "--preset", "draft", "--save-settings", str(saved)).save()
    assert saved.read_text().splitlines()[1:] == ['preset = "draft"', "strength = 0.7", "steps = 40"]


def test_settings_are_saved_once_and_the_same_command_goes_on(mine: Path, tmp_path: Path) -> None:
    words = ("--preset", "fine", "--save-settings", str(tmp_path / "saved.toml"))
    chosen(*words).save()
    chosen(*words).save()
    assert load_settings(tmp_path / "saved.toml") == Settings.preset("fine")


@pytest.mark.parametrize(
    ("words", "code", "wanted"),
    [
        ("--settings bad.toml", 1, "VS249"),
        ("--settings none.toml", 1, "VS251"),
        ("--settings my.toml --preset paper", 1, "VS202"),
        ("--settings my.toml --preset fien", 2, 'Did you mean "fine"?'),
        ("--settings my.toml --save-settings my.toml", 1, "VS402"),
        ("--save-settings new.txt", 1, "VS414"),
        ("--save-settings none/new.toml", 1, "VS417"),
        ("--save-settings new.toml --from 5 --to 3", 1, "VS217"),
    ],
)
@pytest.mark.parametrize("command", [(), ("plan",)], ids=["paint", "plan"])
def test_what_is_wrong_is_one_line_and_writes_nothing(
    command: tuple[str, ...],
    words: str,
    code: int,
    wanted: str,
    film: Path,
    style: Path,
    mine: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(mine.parent)
    Path("bad.toml").write_text("frame-stesp = 5\n")
    before = sorted(Path.cwd().iterdir())
    found, out, lines = run(capsys, *command, film, "--style", style, *words.split())
    assert (found, out) == (code, "")
    assert_one_line(lines, wanted)
    assert sorted(Path.cwd().iterdir()) == before


def test_a_dry_run_saves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, lines = run(capsys, "clip.mp4", "--dry-run", "--save-settings", "new.toml")
    assert code == 2
    assert_one_line(lines, "[VS115]")


def test_a_plan_takes_and_saves_settings(
    film: Path, mine: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine.write_text("seed = 3\n")
    saved = tmp_path / "saved.toml"
    code, out, lines = run(capsys, "plan", film, *fast, "--settings", mine, "--save-settings", saved)
    assert (code, len(out.splitlines())) == (0, 2), lines
    assert load_settings(saved).seed == 3
