"""Jobs in folders: taken, painted in turn, cancelled, and found again."""

import os
import signal
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from tests.web.conftest import QUICK, until
from vidstyle.core.temporal import MOST_EFFORT
from vidstyle.errors import JobError, SettingsError, SinkError, SourceError
from vidstyle.images import load_image
from vidstyle.video.probe import probe
from vidstyle.web.job_folder import (
    AFTER_VIDEO,
    BEFORE,
    BEFORE_VIDEO,
    LATEST,
    MAKING,
    PROCESS,
    STATUS,
    TICKET,
    Status,
    Ticket,
)
from vidstyle.web.job_store import DAY, TRIES, UPLOADS, JobStore
from vidstyle.web.view import rows_of

SLOW = {**QUICK, "steps": 2000}


@pytest.fixture
def store(tmp_path: Path):  # type: ignore[no-untyped-def]
    made = JobStore(tmp_path / "jobs", device="cpu")
    yield made
    made.close()


def tended(store: JobStore, name: str, state: str) -> bool:
    store.tend()
    return store.status(name).state == state


def test_an_image_is_painted(store: JobStore, photo: Path, style: Path) -> None:
    name = store.submit(photo, [style], {**QUICK, "steps": 3}, animated=True)
    assert store.status(name) == Status()
    until(lambda: tended(store, name, "done"))
    place, status = store.place(name), store.status(name)
    assert load_image(place / "painting.png").rgb.shape == (3, 48, 64)
    assert all((place / file).stat().st_size for file in (LATEST, BEFORE, MAKING))
    assert len(status.losses) == 3
    assert status.progress == 1
    assert "1 image" in status.note


def test_a_film_is_painted_with_a_report(store: JobStore, film: Path, style: Path) -> None:
    name = store.submit(film, [style], QUICK, report=True)
    until(lambda: tended(store, name, "done"))
    painting, before = (probe(store.place(name) / file) for file in ("painting.mp4", BEFORE_VIDEO))
    assert painting.size == before.size == (48, 64)
    assert painting.frame_count == before.frame_count
    report = (store.place(name) / "report.html").read_text()
    assert f"<h1>{film.name} in the style of {style.name}</h1>" in report
    assert "source.mp4" not in report
    assert 6 <= len(store.status(name).losses) <= 6 * MOST_EFFORT


def test_an_animation_and_its_painting_are_compared_as_videos(store: JobStore, tmp_path: Path, style: Path) -> None:
    frames = np.stack([np.full((48, 64, 3), level, np.uint8) for level in (200, 20, 90)])
    iio.imwrite(tmp_path / "blink.gif", frames, duration=100, loop=0)
    name = store.submit(tmp_path / "blink.gif", [style], QUICK)
    until(lambda: tended(store, name, "done"))
    before, after = (probe(store.place(name) / file) for file in (BEFORE_VIDEO, AFTER_VIDEO))
    assert before.frame_count == after.frame_count == 3
    assert before.seconds == after.seconds == pytest.approx(0.3)


def test_one_at_a_time_in_the_order_of_asking(store: JobStore, photo: Path, style: Path) -> None:
    names = [store.submit(photo, [style], SLOW) for _ in range(3)]
    store.tend()
    assert [store.status(name).state for name in names] == ["painting", "waiting", "waiting"]
    assert store.queue() == names[1:]
    store.cancel(names[0])
    store.tend()
    assert [store.status(name).state for name in names] == ["cancelled", "painting", "waiting"]


def test_cancelled_jobs_end_and_can_resume(store: JobStore, photo: Path, style: Path) -> None:
    name = store.submit(photo, [style], SLOW)
    until(lambda: tended(store, name, "painting") and store.status(name).losses)
    process = int((store.place(name) / PROCESS).read_text())
    store.cancel(name)
    assert store.status(name).state == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert not (store.place(name) / "painting.png").exists()
    store.resume(name)
    assert store.status(name).state == "waiting"


def test_a_killed_worker_is_started_again(store: JobStore, film: Path, style: Path) -> None:
    name = store.submit(film, [style], {**QUICK, "steps": 400, "frame_steps": 40})
    until(lambda: tended(store, name, "painting") and store.status(name).losses)
    os.killpg(int((store.place(name) / PROCESS).read_text()), signal.SIGKILL)
    until(lambda: store.status(name).state == "waiting")
    until(lambda: tended(store, name, "done"))
    assert probe(store.place(name) / "painting.mp4").size == (48, 64)


def test_a_worker_that_is_killed_again_and_again_is_given_up(store: JobStore, photo: Path, style: Path) -> None:
    """Its first words are no progress: what it never gets beyond would hold up the queue for ever."""
    name = store.submit(photo, [style], SLOW)
    for _ in range(TRIES):
        until(lambda: tended(store, name, "painting") and (store.place(name) / PROCESS).exists())
        until(lambda: store.status(name).note)
        os.killpg(int((store.place(name) / PROCESS).read_text()), signal.SIGKILL)
        until(lambda: store.status(name).state == "waiting")
    assert tended(store, name, "failed")


def test_a_job_that_cannot_be_started_holds_up_no_other(
    store: JobStore, photo: Path, style: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = (store.submit(photo, [style], QUICK) for _ in range(2))
    (store.place(bad) / STATUS).unlink()
    (store.place(bad) / STATUS).mkdir()  # as if it were not ours to write
    store.at_once = 2
    until(lambda: tended(store, good, "done"))
    assert f"job {bad} cannot be started" in caplog.text


def test_a_spoilt_job_is_one_line_and_goes(store: JobStore, photo: Path, style: Path) -> None:
    spoilt, name = (store.submit(photo, [style], QUICK) for _ in range(2))
    (store.place(spoilt) / TICKET).write_text('{"styles": [], "colour": "red"}')
    with pytest.raises(JobError) as caught:
        store.view(spoilt)
    assert caught.value.code == "VS526"
    assert [row[0] for row in rows_of(store, [spoilt, name])] == [name]
    assert list(store.names()) == [name]
    os.utime(store.folder / spoilt, (0, 0))
    store.clean()
    assert not (store.folder / spoilt).exists()
    assert (store.folder / name).exists()


def test_what_ended_well_while_it_was_cancelled_is_done(store: JobStore, photo: Path, style: Path) -> None:
    name = store.submit(photo, [style], QUICK)
    store._stop = lambda name: Status("done", "painted").write(store.place(name))  # type: ignore[method-assign]
    store.cancel(name)
    assert store.status(name).state == "done"


def test_a_worker_that_always_ends_without_a_word_is_given_up(store: JobStore, photo: Path, style: Path) -> None:
    name = store.submit(photo, [style], SLOW)
    Status("painting", tries=TRIES).write(store.place(name))
    assert tended(store, name, "failed")
    assert store.status(name).note.endswith("[VS527]")


def test_another_desk_finds_the_jobs_of_the_one_before(store: JobStore, photo: Path, style: Path) -> None:
    name = store.submit(photo, [style], SLOW)
    store.tend()
    store.close()
    other = JobStore(store.folder, device="cpu")
    assert list(other.names()) == [name]
    assert other.status(name).state == "waiting"


def test_a_desk_leaves_workers_of_others_alone(store: JobStore, photo: Path, style: Path) -> None:
    name = store.submit(photo, [style], SLOW)
    until(lambda: tended(store, name, "painting") and store.status(name).losses)
    other = JobStore(store.folder, device="cpu")
    assert other.status(name).state == "painting"
    other.tend()
    assert (store.place(name) / PROCESS).read_text() == str(store._workers[name].pid)


def test_files_of_a_job_are_lent_under_the_names_that_people_know(store: JobStore, photo: Path, style: Path) -> None:
    name = store.submit(photo, [style, style], QUICK)
    source, styles = store.lend(name)
    assert [path.name for path in (source, *styles)] == [photo.name, style.name, style.name]
    assert [path.read_bytes() for path in (source, *styles)] == [path.read_bytes() for path in (photo, style, style)]
    assert store.folder / UPLOADS in source.parents
    ticket = Ticket.read(store.place(name))
    assert ticket.download(ticket.out) == "photo_stripes_stripes.png"
    assert ticket.download(MAKING) == "photo_stripes_stripes_progress.gif"
    with pytest.raises(JobError):
        store.lend("x" * 22)


def test_old_jobs_are_removed_and_running_ones_kept(store: JobStore, photo: Path, style: Path) -> None:
    old, running, young = (store.submit(photo, [style], SLOW) for _ in range(3))
    store.cancel(old)
    until(lambda: tended(store, running, "painting") and store.status(running).losses)
    assert store.clean(time.time() + 6 * DAY) == []
    os.utime(store.folder / young / STATUS, (time.time() + 8 * DAY,) * 2)
    assert store.clean(time.time() + 8 * DAY) == [old]
    assert list(store.names()) == [running, young]


def test_jobs_that_wait_are_kept_however_old(store: JobStore, photo: Path, style: Path) -> None:
    """The server may have been away for longer than jobs are kept."""
    name = store.submit(photo, [style], SLOW)
    assert store.clean(time.time() + 100 * DAY) == []
    store.cancel(name)
    assert store.clean(time.time() + 100 * DAY) == [name]


def test_uploads_go_after_a_day(store: JobStore) -> None:
    file = store.folder / UPLOADS / "0123" / "clip.mp4"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"frames")
    store.clean(time.time() + DAY / 2)
    assert file.exists()
    store.clean(time.time() + 2 * DAY)
    assert not file.exists()


@pytest.mark.parametrize("ticket", ["", "{}", "[]", '{"made_at": 1, "styles": []}', "\0"])
def test_a_spoilt_folder_holds_up_no_job(store: JobStore, photo: Path, style: Path, ticket: str) -> None:
    spoilt = store.folder / ("x" * 22)
    spoilt.mkdir()
    (spoilt / TICKET).write_text(ticket)
    name = store.submit(photo, [style], QUICK)
    assert list(store.names()) == store.queue() == [name]


def test_what_finds_no_room_leaves_nothing(store: JobStore, photo: Path, style: Path) -> None:
    """The system lets no file grow beyond some bytes, as on a full disk."""
    resource = pytest.importorskip("resource", reason="limits of files are set as on Unix")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    try:
        with pytest.raises(SinkError) as caught:
            store.submit(photo, [style], QUICK)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.code == "VS449"
    assert not list(store.folder.iterdir())


@pytest.mark.parametrize("name", ["", "..", "../x", "/etc/passwd", "a" * 22, "x/../../y", None, 7, ".hidden"])
def test_only_jobs_have_places(store: JobStore, name: object) -> None:
    with pytest.raises(JobError) as caught:
        store.place(name)
    assert caught.value.code == "VS525"


def test_what_cannot_be_painted_leaves_nothing(store: JobStore, tmp_path: Path, photo: Path, style: Path) -> None:
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\n{photo}\n#EXT-X-ENDLIST\n")
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "notes.txt").write_text("words")
    for source, styles, settings, code, named in (
        (playlist, [style], QUICK, "VS346", playlist.name),
        (photo, [], QUICK, "VS359", ""),
        (photo, [tmp_path / "broken.png"], QUICK, "VS317", "broken.png"),
        (tmp_path / "notes.txt", [style], QUICK, "VS360", "notes.txt"),
        (photo, [style], {**QUICK, "init": "/etc/passwd"}, "VS268", "init"),
        (photo, [style], {**QUICK, "weights": str(photo)}, "VS268", "weights"),
        (photo, [style], {**QUICK, "strength": 7}, "VS244", "--strength"),
    ):
        with pytest.raises((SourceError, SettingsError)) as caught:
            store.submit(source, styles, settings)  # type: ignore[arg-type]
        assert caught.value.code == code
        assert named in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not list(store.folder.iterdir())


def test_a_painting_that_fails_is_one_line(store: JobStore, photo: Path, style: Path) -> None:
    name = store.submit(photo, [style], QUICK)
    (store.place(name) / "style1.png").write_bytes(b"no image any more")
    until(lambda: tended(store, name, "failed"))
    note = store.status(name).note
    assert note.startswith(style.name)
    assert str(store.folder) not in note
    assert "\n" not in note


def test_a_status_that_is_torn_counts_as_none(store: JobStore, photo: Path, style: Path) -> None:
    name = store.submit(photo, [style], QUICK)
    (store.place(name) / STATUS).write_text('{"state": "pain')
    assert store.status(name) == Status()
    assert Ticket.read(store.place(name)).title == "photo in the style of stripes"
