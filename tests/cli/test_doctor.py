"""What the doctor finds, and how it says so."""

import json
from pathlib import Path

import pytest

from tests.images import random_tensors
from vidstyle.cli import doctor
from vidstyle.cli import main as cli
from vidstyle.core.weights import imagenet_file, keep
from vidstyle.video.hardware import INTERFACES, problem_of


def findings(capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, dict[str, str]]:
    assert cli.main(["doctor", "--json"]) == code
    return {one["name"]: one for one in json.loads(capsys.readouterr().out)}


def test_a_machine_that_passes_the_tests_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    found = findings(capsys)
    assert not [one for one in found.values() if one["state"] == "fault"]
    for name in ("system", "packages", "device", "memory", "ffmpeg", "OpenCV", "window", "cameras", "weights", "video"):
        assert found[name]["found"]
    assert ("docs/speed.md" in found["device"]["advice"]) == (found["device"]["found"].startswith("cpu"))
    works = any(not problem_of(interface, codec) for interface, codecs in INTERFACES.items() for codec in codecs)
    assert found["encoders"]["state"] == ("ok" if works else "note")
    assert {"disk: this folder", "disk: temporary", "disk: cache"} <= set(found)
    assert all(one["advice"] for one in found.values() if one["state"] != "ok" and one["name"] != "memory")
    assert found["painting"]["state"] == "ok"
    assert "the loss fell from" in found["painting"]["found"]


def test_lines_for_people(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECKS", {name: doctor.CHECKS[name] for name in ("packages", "weights")})
    assert cli.main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok     system    vidstyle ")
    assert any(line.startswith("note   weights   the ImageNet weights are not stored here") for line in lines)
    assert any("-> vidstyle weights fetch" in line for line in lines)


def test_weights_that_are_kept_and_broken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECKS", {"weights": doctor.CHECKS["weights"]})
    imagenet_file().parent.mkdir(parents=True)
    keep(random_tensors("conv1_1"), imagenet_file())
    assert findings(capsys)["weights"]["found"].startswith("ImageNet weights, SHA-256 ")
    imagenet_file().write_bytes(imagenet_file().read_bytes()[:-1] + b"\x01")
    assert cli.main(["doctor"]) == 1
    said = capsys.readouterr()
    assert "fault  weights" in said.out
    assert "-> delete the file" in said.out
    assert said.err.endswith("[VS801]\n")


def test_an_ffmpeg_that_lacks_what_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "ffmpeg"
    other.write_text("#!/bin/sh\necho ffmpeg version 1.0\n")
    other.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(other))
    monkeypatch.setattr(doctor, "CHECKS", {name: doctor.CHECKS[name] for name in ("ffmpeg", "painting")})
    found = findings(capsys, code=1)
    assert "ffmpeg version 1.0" in found["ffmpeg"]["found"]
    assert "libx264" in found["ffmpeg"]["found"]
    assert "IMAGEIO_FFMPEG_EXE" in found["ffmpeg"]["advice"]
    assert found["painting"]["state"] == "fault"


def test_an_ffmpeg_that_is_not_there_is_one_line_everywhere(
    film: Path, fast: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    assert cli.main([str(film), *fast]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[-1].startswith("vidstyle: ffmpeg cannot be started (/nowhere/ffmpeg: No such file or directory); ")
    assert "unset IMAGEIO_FFMPEG_EXE" in said[-1]


def test_what_nobody_thought_of_is_a_fault_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ImportError("libGL.so.1: no such file\nsecond line")

    monkeypatch.setattr(doctor, "CHECKS", {"OpenCV": broken})
    found = findings(capsys, code=1)["OpenCV"]
    assert (found["state"], found["found"]) == ("fault", "ImportError: libGL.so.1: no such file second line")


@pytest.mark.parametrize("width", [80, 100])
def test_on_a_terminal_lines_are_wrapped_between_words_into_columns(width: int) -> None:
    found = [
        doctor.Finding("system", "ok", "short"),
        doctor.Finding("disk: this folder", "note", "many words " * 20, "do this " * 20),
    ]
    lines = list(doctor._lines(found, width))
    assert lines[0] == "ok     system             short"
    assert 60 < max(map(len, lines)) <= width
    assert {line[:25].strip() for line in lines[2:]} == {""}
    assert (
        " ".join(" ".join(line[26:].split()) for line in lines[1:])
        == f"{'many words ' * 20}-> {'do this ' * 20}".strip()
    )
    assert len(list(doctor._lines(found, float("inf")))) == 3
