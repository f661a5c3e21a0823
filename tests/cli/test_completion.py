"""Completion: the script is installed, and bash completes by it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_main import assert_one_line, run

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    line = " ".join(f"'{word}'" for word in ("vidstyle", *words))
    code = f'source "{script}"; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _vidstyle; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "--norc", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_bash_completes_commands_options_values_and_files(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, lines = run(capsys, "--install-completion", "--shell", "bash")
    assert (code, len(lines)) == (0, 1)
    script = Path(out.strip())
    assert str(script) in (home / ".bashrc").read_text()
    (home / "clip.mp4").touch()
    assert completed(script, "rep") == ["report"]
    assert completed(script, "cl") == ["clip.mp4"]
    assert {"--style", "--strength"} <= {*completed(script, "clip.mp4", "--st")}
    assert completed(script, "clip.mp4", "--preset", "d") == ["draft"]


@pytest.mark.parametrize(("shell", "wanted"), [("zsh", "#compdef vidstyle"), ("fish", "complete -c vidstyle")])
def test_the_script_of_another_shell_is_written_where_it_is_wanted(
    shell: str, wanted: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, lines = run(capsys, "--install-completion", "--shell", shell, "-o", "script")
    assert (code, out, lines) == (0, f"{home / 'script'}\n", [])
    assert wanted in (home / "script").read_text()
    assert [path.name for path in home.iterdir()] == ["script"]


def test_a_shell_that_is_not_known_is_asked_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZSH_VERSION", "BASH_VERSION", "FISH_VERSION", "SHELL"):
        monkeypatch.delenv(name, raising=False)
    words = [sys.executable, "-m", "vidstyle", "--install-completion"]  # the process that starts it is no shell
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line(done.stderr.splitlines(), "[VS126]")
    assert not list(home.iterdir())
