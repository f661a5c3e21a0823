"""Jobs in folders: taken, painted in turn, cancelled, and found again."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.apps.web.conftest import QUICK, until
from vidstyle.apps.web.desk import (
    AFTER,
    BEFORE,
    DAY,
    LATEST,
    MAKING,
    PROCESS,
    STATUS,
    TRIES,
    UPLOADS,
    Desk,
    Status,
    Ticket,
)
from vidstyle.apps.web.view import job_view, jobs_list
from vidstyle.errors import JobError, SettingsError, SinkError, SourceError
from vidstyle.media.images import load_picture
from vidstyle.media.probe import probe

SLOW = {**QUICK, "steps": 2000}


@pytest.fixture
def desk(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = Desk(tmp_path / "jobs", device="cpu")
    yield made
    made.close()


def tended(desk: Desk, name: str, state: str) -> bool:
    desk.tend()
    return desk.status(name).state == state


def test_a_picture_is_painted(desk: Desk, photo: Path, style: Path) -> None:
    name = desk.submit(photo, [style], {**QUICK, "steps": 3})
    assert desk.status(name) == Status()
    until(lambda: tended(desk, name, "done"))
    place, status = desk.place(name), desk.status(name)
    assert load_picture(place / "painting.png").image.shape == (3, 48, 64)
    assert all((place / file).stat().st_size for file in (LATEST, BEFORE, AFTER, MAKING))
    assert len(status.losses) == 3
    assert status.progress == 1
    assert "painted 1 picture" in status.note


def test_a_film_is_painted_with_a_report(desk: Desk, film: Path, style: Path) -> None:
    name = desk.submit(film, [style], QUICK, report=True)
    until(lambda: tended(desk, name, "done"))
    assert probe(desk.place(name) / "painting.mp4").size == (48, 64)
    assert "<html" in (desk.place(name) / "report.html").read_text()
    assert len(desk.status(name).losses) == 6


def test_one_at_a_time_in_the_order_of_asking(desk: Desk, photo: Path, style: Path) -> None:
    names = [desk.submit(photo, [style], SLOW) for _ in range(3)]
    desk.tend()
    assert [desk.status(name).state for name in names] == ["painting", "waiting", "waiting"]
    assert desk.queue() == names[1:]
    desk.cancel(names[0])
    desk.tend()
    assert [desk.status(name).state for name in names] == ["cancelled", "painting", "waiting"]


def test_cancelled_jobs_end_and_can_go_on(desk: Desk, photo: Path, style: Path) -> None:
    name = desk.submit(photo, [style], SLOW)
    until(lambda: tended(desk, name, "painting") and desk.status(name).losses)
    process = int((desk.place(name) / PROCESS).read_text())
    desk.cancel(name)
    assert desk.status(name).state == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert not (desk.place(name) / "painting.png").exists()
    desk.go_on(name)
    assert desk.status(name).state == "waiting"


def test_a_killed_worker_is_started_again(desk: Desk, film: Path, style: Path) -> None:
    name = desk.submit(film, [style], {**QUICK, "steps": 400, "frame_steps": 40})
    until(lambda: tended(desk, name, "painting") and desk.status(name).losses)
    os.killpg(int((desk.place(name) / PROCESS).read_text()), signal.SIGKILL)
    until(lambda: desk.status(name).state == "waiting")
    until(lambda: tended(desk, name, "done"))
    assert probe(desk.place(name) / "painting.mp4").size == (48, 64)


def test_a_worker_that_is_killed_again_and_again_is_given_up(desk: Desk, photo: Path, style: Path) -> None:
    """Its first words are no progress: what it never gets beyond would hold up the queue for ever."""
    name = desk.submit(photo, [style], SLOW)
    for _ in range(TRIES):
        until(lambda: tended(desk, name, "painting") and (desk.place(name) / PROCESS).exists())
        until(lambda: desk.status(name).note != "starting")
        os.killpg(int((desk.place(name) / PROCESS).read_text()), signal.SIGKILL)
        until(lambda: desk.status(name).state == "waiting")
    assert tended(desk, name, "failed")


def test_a_job_that_cannot_be_started_holds_up_no_other(
    desk: Desk, photo: Path, style: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = (desk.submit(photo, [style], QUICK) for _ in range(2))
    (desk.place(bad) / STATUS).unlink()
    (desk.place(bad) / STATUS).mkdir()  # as if it were not ours to write
    desk.at_once = 2
    until(lambda: tended(desk, good, "done"))
    assert f"job {bad} cannot be started" in caplog.text


def test_a_spoilt_job_is_one_line_and_goes(desk: Desk, photo: Path, style: Path) -> None:
    spoilt, name = (desk.submit(photo, [style], QUICK) for _ in range(2))
    (desk.place(spoilt) / "ticket.json").write_text('{"styles": [], "colour": "red"}')
    assert "this job is spoilt" in job_view(desk, spoilt)
    assert name in jobs_list(desk, [spoilt, name])
    assert list(desk.names()) == [name]
    os.utime(desk.folder / spoilt, (0, 0))
    desk.clean()
    assert not (desk.folder / spoilt).exists()
    assert (desk.folder / name).exists()


def test_what_ended_well_while_it_was_cancelled_is_done(desk: Desk, photo: Path, style: Path) -> None:
    name = desk.submit(photo, [style], QUICK)
    desk._stop = lambda name: Status("done", "painted").write(desk.place(name))  # type: ignore[method-assign]
    desk.cancel(name)
    assert desk.status(name).state == "done"


def test_a_worker_that_always_ends_without_a_word_is_given_up(desk: Desk, photo: Path, style: Path) -> None:
    name = desk.submit(photo, [style], SLOW)
    Status("painting", tries=TRIES).write(desk.place(name))
    assert tended(desk, name, "failed")
    assert "ended without a word" in desk.status(name).note


def test_another_desk_finds_the_jobs_of_the_one_before(desk: Desk, photo: Path, style: Path) -> None:
    name = desk.submit(photo, [style], SLOW)
    desk.tend()
    desk.close()
    other = Desk(desk.folder, device="cpu")
    assert list(other.names()) == [name]
    assert other.status(name).state == "waiting"


def test_a_desk_leaves_workers_of_others_alone(desk: Desk, photo: Path, style: Path) -> None:
    name = desk.submit(photo, [style], SLOW)
    until(lambda: tended(desk, name, "painting") and desk.status(name).losses)
    other = Desk(desk.folder, device="cpu")
    assert other.status(name).state == "painting"
    other.tend()
    assert (desk.place(name) / PROCESS).read_text() == str(desk._workers[name].pid)


def test_old_jobs_are_removed_and_running_ones_kept(desk: Desk, photo: Path, style: Path) -> None:
    old, running, young = (desk.submit(photo, [style], SLOW) for _ in range(3))
    desk.cancel(old)
    until(lambda: tended(desk, running, "painting") and desk.status(running).losses)
    assert desk.clean(time.time() + 6 * DAY) == []
    os.utime(desk.folder / young / STATUS, (time.time() + 8 * DAY,) * 2)
    assert desk.clean(time.time() + 8 * DAY) == [old]
    assert list(desk.names()) == [running, young]


def test_jobs_that_wait_are_kept_however_old(desk: Desk, photo: Path, style: Path) -> None:
    """The server may have been away for longer than jobs are kept."""
    name = desk.submit(photo, [style], SLOW)
    assert desk.clean(time.time() + 100 * DAY) == []
    desk.cancel(name)
    assert desk.clean(time.time() + 100 * DAY) == [name]


def test_uploads_go_after_a_day(desk: Desk) -> None:
    file = desk.folder / UPLOADS / "0123" / "clip.mp4"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"frames")
    desk.clean(time.time() + DAY / 2)
    assert file.exists()
    desk.clean(time.time() + 2 * DAY)
    assert not file.exists()


@pytest.mark.parametrize("ticket", ["", "{}", "[]", '{"made_at": 1, "styles": []}', "\0"])
def test_a_spoilt_folder_holds_up_no_job(desk: Desk, photo: Path, style: Path, ticket: str) -> None:
    spoilt = desk.folder / ("x" * 22)
    spoilt.mkdir()
    (spoilt / "ticket.json").write_text(ticket)
    name = desk.submit(photo, [style], QUICK)
    assert list(desk.names()) == desk.queue() == [name]


def test_what_finds_no_room_leaves_nothing(desk: Desk, photo: Path, style: Path) -> None:
    """The system lets no file grow beyond some bytes, as on a full disk."""
    resource = pytest.importorskip("resource", reason="limits of files are set as on Unix")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    try:
        with pytest.raises(SinkError, match="make room in the folder of jobs"):
            desk.submit(photo, [style], QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(desk.folder.iterdir())


@pytest.mark.parametrize("name", ["", "..", "../x", "/etc/passwd", "a" * 22, "x/../../y", None, 7, ".hidden"])
def test_only_jobs_have_places(desk: Desk, name: object) -> None:
    with pytest.raises(JobError, match="there is no such job"):
        desk.place(name)


def test_what_cannot_be_painted_leaves_nothing(desk: Desk, tmp_path: Path, photo: Path, style: Path) -> None:
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\n{photo}\n#EXT-X-ENDLIST\n")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("words")
    for source, styles, settings, words in (
        (playlist, [style], QUICK, "source.mp4"),
        (photo, [], QUICK, "no style is chosen"),
        (photo, [tmp_path / "broken.png"], QUICK, "style1.png"),
        (tmp_path / "notes.txt", [style], QUICK, "notes.txt: cannot be read here"),
        (photo, [style], {**QUICK, "init": "/etc/passwd"}, "a page starts from content or random only"),
        (photo, [style], {**QUICK, "weights": str(photo)}, "a page takes filters by name only"),
        (photo, [style], {**QUICK, "strength": 7}, "--strength should be"),
    ):
        with pytest.raises((SourceError, SettingsError), match=words) as caught:
            desk.submit(source, styles, settings)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
    assert not list(desk.folder.iterdir())


def test_a_painting_that_fails_is_one_line(desk: Desk, photo: Path, style: Path) -> None:
    name = desk.submit(photo, [style], QUICK)
    (desk.place(name) / "style1.png").write_bytes(b"no picture any more")
    until(lambda: tended(desk, name, "failed"))
    note = desk.status(name).note
    assert "style1.png" in note
    assert str(desk.folder) not in note
    assert "\n" not in note


def test_a_status_that_is_torn_counts_as_none(desk: Desk, photo: Path, style: Path) -> None:
    name = desk.submit(photo, [style], QUICK)
    (desk.place(name) / STATUS).write_text('{"state": "pain')
    assert desk.status(name) == Status()
    ticket = json.loads((desk.place(name) / "ticket.json").read_text())
    assert Ticket.read(desk.place(name)).title == ticket["title"] == "photo like stripes"
