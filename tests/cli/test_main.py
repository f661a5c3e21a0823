"""The command line: help, exit codes and the one line that an error is."""

import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from vidstyle import __version__
from vidstyle.cli import main as cli
from vidstyle.cli.stylize import COMMAND_NAMES
from vidstyle.settings.presets import PRESETS
from vidstyle.settings.settings import Settings

WEIGHTS = ("status", "fetch", "import", "teach")
HEAVY = ("torch", "torchvision", "cv2", "scenedetect", "numpy", "PIL")


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, list[str]]:
    """Exit code, standard output, lines of standard error."""
    code = cli.main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err.splitlines()


def assert_one_line(lines: list[str], *wanted: str) -> None:
    assert len(lines) == 1, lines
    assert lines[0].startswith("vidstyle: ")
    for words in wanted:
        assert words in lines[0]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from vidstyle.cli.main import main; main(['--help']);"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "--style" in done.stdout


def test_a_typing_error_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from vidstyle.cli.main import main; main(['nothing.mp4', '--style', 'x.png']);"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "[]"


def test_help_shows_every_option_with_its_default_and_panel(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    text = " ".join(out.replace("│", " ").split())
    assert code == 0
    for option in fields(Settings):
        assert f"--{option.name.replace('_', '-')} " in text
        assert option.metadata["help"] in text
        assert f"─ {option.metadata['group']} ─" in text
    for words in ("[default: 0.5]", "[default: 20]", *PRESETS, "weights", "Examples:", "--style monet.jpg"):
        assert words in text


def test_no_arguments_give_three_examples_and_where_help_is(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, errors = run(capsys)
    lines = out.splitlines()
    examples = [shlex.split(re.split("   +", line.strip())[0])[1:] for line in lines if line.startswith("  vidstyle ")]
    assert (code, errors, len(examples)) == (0, [], 3)
    for words in examples:
        cli.app.parse_args(words, exit_on_error=False, print_error=False)
    assert "vidstyle --help" in out
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version") == (0, f"{__version__}\n", [])


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "vidstyle", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{__version__}\n"


def test_command_names_are_those_that_hints_know() -> None:
    assert {name for name in cli.app if not name.startswith("-")} == set(COMMAND_NAMES)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("a.mp4 --stpes 3", "Did you mean --steps?"),
        ("a.mp4 --steps many", "--steps"),
        ("a.mp4 --loss sum", 'Did you mean "sums"?'),
        ("a.mp4 --preset drafd", 'Did you mean "draft"?'),
        ("a.mp4 monet.jpg", "each style after --style"),
        ("a.mp4 -o x.mp4 -o y.mp4", "multiple times"),
        ("a.mp4 --from soon", "is not a time"),
        ("a.mp4 --at 3", "[VS113]"),
        ("a.mp4 --dry-run --preview", "[VS114]"),
        ("a.mp4 --style", "requires an argument"),
        ("a.mp4 --at 3", "Try 'vidstyle --help'"),
        ("weights imprt", "Did you mean import?"),
        ("weights teach", "Try 'vidstyle weights teach --help'"),
        ("webcam --camera 0", "Try 'vidstyle webcam --help'"),
    ],
)
def test_wrong_usage_is_2(words: str, wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, lines = run(capsys, *words.split())
    assert (code, out) == (2, "")
    assert_one_line(lines, wanted, "Try 'vidstyle ")


def test_a_style_is_needed(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, lines = run(capsys, film)
    assert code == 2
    assert_one_line(lines, "[VS212]")


def test_an_empty_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "", "--style", "x.png")[0] == 2


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("wieghts", "did you mean the command 'vidstyle weights'?"),
        ("clpi.mp4", "did you mean clip.mp4?"),
        ("quite-another.mov", "check the name"),
        ("clip.mp4 --style strips.png", "did you mean stripes.png?"),
        ("clip.mp4 --style stripes.png --init contnet", "did you mean content?"),
        ("clip.mp4 --style stripes.png --weights imgenet", "did you mean imagenet?"),
    ],
)
def test_a_name_that_is_not_there_gets_the_nearest(
    words: str,
    wanted: str,
    film: Path,
    style: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(film.parent)
    code, out, lines = run(capsys, *words.split())
    assert (code, out) == (1, "")
    assert_one_line(lines, wanted)


def test_what_cannot_be_painted_is_one_line(
    film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("not a video")
    before = sorted(tmp_path.iterdir())
    for words in (
        [text],
        [film, "-o", tmp_path / "out.xyz"],
        [film, "-o", film],
        [film, "-o", tmp_path / "style.png" / "deep" / "out.mp4"],
        [film, "--from", "5", "--to", "3"],
        [film, "--from", "1:00"],
        [film, "--log-file", tmp_path / "none" / "log"],
        [film, "--strength", "2"],
    ):
        code, out, lines = run(capsys, *words, "--quiet", *fast)
        assert (code, out) == (1, ""), lines
        assert_one_line(lines)
        assert sorted(tmp_path.iterdir()) == before


def test_a_device_that_is_not_here(film: Path, style: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, lines = run(capsys, film, "-s", style, "--device", "abacus")
    assert code == 1
    assert_one_line(lines, "[VS207]")


def test_a_precision_that_the_device_cannot_do_is_one_line(
    film: Path, style: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, (line,) = run(capsys, film, "-s", style, "--device", "cpu", "--precision", "tf32")
    assert code == 1
    assert "[VS290]" in line


def test_an_output_that_exists_stays(
    film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    out.write_text("precious")
    code, _, lines = run(capsys, film, "-o", out, *fast)
    assert code == 1
    assert_one_line(lines, "[VS402]")
    assert out.read_text() == "precious"


def failing(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("vidstyle.api.run", fail)


def test_a_fault_is_one_line_with_its_traceback_in_the_log(
    film: Path, fast: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(ZeroDivisionError("no\nway"), monkeypatch)
    code, _, lines = run(capsys, film, "--log-file", tmp_path / "log", *fast)
    assert code == 1
    assert_one_line(lines, "ZeroDivisionError: no way", "this is a fault of vidstyle")
    assert "Traceback" in (tmp_path / "log").read_text()


def test_the_traceback_is_shown_where_it_is_wanted(
    film: Path, fast: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(ZeroDivisionError(), monkeypatch)
    monkeypatch.setenv("VIDSTYLE_DEBUG", "1")
    assert any("Traceback" in line for line in run(capsys, film, *fast)[2])


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (MemoryError(), 1, "use a smaller --size"),
        (cli.StopSignal(2), 130, "stopped"),
        (OSError(28, "No space left on device", "out.mp4"), 1, "out.mp4: No space left on device"),
        (cli.StopSignal(15), 143, "stopped"),
    ],
)
def test_other_ends(
    error: BaseException,
    code: int,
    words: str,
    film: Path,
    fast: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failing(error, monkeypatch)
    found, out, lines = run(capsys, film, *fast)
    assert (found, out) == (code, "")
    assert_one_line(lines, words)


@pytest.mark.parametrize("command", ["", "--install-completion", *COMMAND_NAMES, *(f"weights {n}" for n in WEIGHTS)])
def test_each_help_ends_in_examples_of_its_own_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *command.split(), "--help")
    _, _, examples = out.partition("\nExamples:\n")
    lines = examples.rstrip().splitlines()
    assert (code, lines[0].startswith("  vidstyle ")) == (0, True)
    assert lines[0].split()[1:][: len(command.split())] == command.split()
    for line in lines:
        assert len(line) <= 80
        cli.app.parse_args(line.partition("vidstyle ")[2].split(), exit_on_error=False, print_error=False)
