"""Events for programs, read from a real process, as docs/jobs.md describes them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import vidstyle
from tests.cli.test_stylize import frames_of, stopped_by  # noqa: F401 (a fixture)
from tests.clips import ffmpeg
from vidstyle.cli.event_stream import EventStream
from vidstyle.errors import TEXTS, PaintingError

ROWS = re.findall(
    r"^\| `(\w+)` \| [^|]+ \| (.*) \|$",
    (Path(vidstyle.__file__).parents[1] / "docs" / "jobs.md").read_text(),
    re.MULTILINE,
)
FIELDS = {event: set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", fields))) for event, fields in ROWS}
ENDS = {"finished", "failed", "stopped"}
OF_PAINTING = {"frames", "seconds", "weights", "weights_sha256"}  # fields of ``finished`` after painting


def run_with_events(*words: object) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, events and standard error of the command with ``--json``."""
    command = [sys.executable, "-m", "vidstyle", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, events_in(done.stdout), done.stderr


def events_in(output: str) -> list[dict[str, Any]]:
    """All lines of an output, each of which is an event with the fields that the docs say."""
    events = [json.loads(line) for line in output.splitlines()]
    for event in events:
        fields = FIELDS[event["event"]]
        assert {*event} - {"event"} in (fields, fields - OF_PAINTING), event
    assert [event["event"] in ENDS for event in events] == [False] * (len(events) - 1) + [True]
    return events


def of(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


def test_a_video_starts_with_an_estimate_makes_progress_and_is_finished(
    film: Path, fast: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.mp4"
    code, events, errors = run_with_events(film, *fast, "-o", out, "--log-losses", tmp_path / "losses.csv")
    assert (code, errors) == (0, "")
    (started,), progress = of(events, "started"), of(events, "progress")
    assert (started["source"], started["output"], started["kind"]) == (str(film), str(out), "video")
    assert (started["count"], started["unit"], started["shots"], started["rate"]) == (6, "frame", 1, 25.0)
    assert (started["width"], started["height"]) == (64, 48)
    assert started["estimated_seconds"] > 0
    assert [event["done"] for event in progress if event["step"] is None] == [1, 2, 3, 4, 5, 6]
    assert progress[-1]["seconds_left"] == 0
    assert events[-1]["files"] == [str(out), str(tmp_path / "losses.csv")]
    assert events[-1]["frames"] == 6


def test_files_of_a_folder_that_fail_are_events_and_so_are_the_others(
    film: Path, fast: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    film.rename(folder / "a.mp4")
    (folder / "b.mp4").write_text("no video")
    code, events, errors = run_with_events(folder, *fast)
    assert (code, len(errors.splitlines())) == (1, 2)
    assert [(event["number"], event["count"]) for event in of(events, "file")] == [(1, 2), (2, 2)]
    (failed,) = of(events, "file_failed")
    assert (failed["source"], failed["code"], failed["facts"]) == (str(folder / "b.mp4"), "VS347", {"name": "b.mp4"})
    assert (events[-1]["event"], events[-1]["code"]) == ("failed", "VS802")
    assert events[-1]["files"] == [str(tmp_path / "many_stripes")]


def test_images_that_fail_and_warnings_are_events_and_lines(photo: Path, fast: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    photo.rename(folder / "a.png")
    (folder / "b.png").write_bytes(b"no image")
    code, events, errors = run_with_events(folder, *fast)
    assert code == 1
    assert [event["source"] for event in of(events, "file_failed")] == [str(folder / "b.png")]
    assert of(events, "started")[0]["unit"] == "image"
    (warning,) = of(events, "warning")
    assert "--frame-steps" in warning["text"]
    assert errors.splitlines()[0] == f"warning: {warning['text']}"


@pytest.mark.parametrize(
    ("words", "exit_code", "code", "facts"),
    [
        (["none.mp4"], 1, "VS304", {"path": "none.mp4", "what": "file or folder", "hint": "check the name"}),
        (["none.mp4", "--dry-run", "--preview"], 2, "VS114", {}),
    ],
)
def test_an_error_is_the_last_event_with_its_code_and_facts(
    words: list[str], exit_code: int, code: str, facts: dict[str, str]
) -> None:
    found, events, errors = run_with_events(*words)
    assert (found, len(events), len(errors.splitlines())) == (exit_code, 1, 1)
    assert (events[0]["code"], events[0]["facts"]) == (code, facts)
    assert events[0]["text"] == TEXTS[code].format(**facts)


def test_what_cannot_be_parsed_gives_no_event() -> None:
    done = subprocess.run([sys.executable, "-m", "vidstyle", "a.mp4", "--json", "--nothing"], capture_output=True)
    assert (done.returncode, done.stdout) == (2, b"")


def test_a_stop_is_the_last_event(
    stopped_by: tuple[int, int],  # noqa: F811 (a fixture)
    fast: list[str],
    tmp_path: Path,
) -> None:
    number, code = stopped_by
    source = tmp_path / "long.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=12", source)
    words = [sys.executable, "-m", "vidstyle", str(source), *fast, "-o", str(tmp_path / "out.mp4"), "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as job:
        assert job.stdout
        lines = []
        for line in job.stdout:
            lines.append(line)
            if json.loads(line).get("done") == 3:
                os.kill(job.pid, number)
                break
        lines += job.stdout
    events = events_in("".join(lines))
    assert (job.returncode, events[-1]["event"]) == (code, "stopped")
    assert events[-1]["frames"] == frames_of(Path(events[-1]["partial"])) >= 3
    assert 0 <= events[-1]["kept"] <= events[-1]["frames"]


def test_numbers_that_are_none_become_null(capsys: pytest.CaptureFixture[str]) -> None:
    error = PaintingError("VS604", total=float("nan"))
    with pytest.raises(PaintingError), EventStream().until_the_end():
        raise error
    assert json.loads(capsys.readouterr().out)["facts"] == {"total": None}


def test_a_reader_that_leaves_ends_the_job(film: Path, fast: list[str]) -> None:
    words = [sys.executable, "-m", "vidstyle", str(film), *fast, "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as job:
        assert job.stdout
        job.stdout.close()
        _, errors = job.communicate(timeout=60)
    assert (job.returncode, errors) == (1, b"")
