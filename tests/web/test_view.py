"""What the page shows, as HTML."""

import re
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from tests.web.conftest import QUICK
from vidstyle.web.job_folder import BEFORE, BEFORE_VIDEO, FIRST_LOOK, LATEST, LOCK, Status
from vidstyle.web.job_store import JobStore
from vidstyle.web.view import CURVE, curve, job_html, list_html, rows_of, shown

EVIL = '<img src=x onerror="alert(1)">'


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs")


def test_what_people_and_files_say_is_escaped(store: JobStore, photo: Path, style: Path) -> None:
    named = photo.rename(photo.with_name("<b>bold.png"))
    name = store.submit(named, [style], QUICK)
    Status("failed", EVIL).write(store.place(name))
    for html in (job_html(shown(store, name)), job_html(EVIL), list_html(rows_of(store, [name, EVIL]))):
        assert "<b>" not in html
        assert EVIL not in html
    assert store.view(name).ticket.in_words("source.png", markup=True) == "&lt;b&gt;bold.png"
    assert "&lt;b&gt;bold in the style of stripes" in job_html(shown(store, name))


def test_texts_about_files_have_the_names_that_people_know(store: JobStore, photo: Path, style: Path) -> None:
    named = photo.rename(photo.with_name("source.png of ours.png"))
    ticket = store.view(store.submit(named, [style], QUICK)).ticket
    told = ticket.in_words("source.png and style1.png are damaged; measuring painting.png, not mysource.png")
    assert ticket.in_words("<h1>source.png</h1>", markup=True) == "<h1>source.png of ours.png</h1>"
    assert told == f"{named.name} and {style.name} are damaged; measuring the painting, not mysource.png"


def test_the_place_in_the_queue_is_told(store: JobStore, photo: Path, style: Path) -> None:
    _, second = (store.submit(photo, [style], QUICK) for _ in range(2))
    assert store.view(second).turn == 2
    assert "number 2 in the queue" in job_html(shown(store, second))


def test_jobs_that_are_gone_are_told_or_left_out(store: JobStore) -> None:
    html = job_html(shown(store, "x" * 22))
    assert 'data-code="VS525"' in html
    assert "[VS" not in html
    assert rows_of(store, ["x" * 22, "../..", None, 7]) == []
    assert "<a" not in list_html([])


def test_a_job_that_is_done_is_compared_and_downloaded(store: JobStore, film: Path, style: Path) -> None:
    place = store.place(name := store.submit(film, [style], QUICK))
    Status("done", "painted", 1.0, losses=(2.0, 1.0)).write(place)
    for file in ("painting.mp4", LATEST, BEFORE, BEFORE_VIDEO):
        (place / file).write_bytes(b"pixels")
    html = job_html(shown(store, name))
    urls = re.findall(rf'"/jobs/{name}/([a-z0-9.]*)[?]\d+"', html)
    assert urls == ["painting.mp4", BEFORE_VIDEO, "painting.mp4"]
    assert 'data-state="done"' in html
    assert 'download="clip_stripes.mp4"' in html
    assert "<polyline" in html


@given(st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=50))
def test_the_curve_stays_inside_its_frame(losses: list[float]) -> None:
    points = curve(losses)
    assert len(points) == len(losses)
    assert all(0 <= x <= CURVE[0] and 0 <= y <= CURVE[1] for x, y in points)


def test_a_falling_loss_is_a_falling_line() -> None:
    heights = [y for _, y in curve([1.0, 0.1, 0.01])]
    assert heights == sorted(heights)
    assert curve([1.0]) == []


def test_the_first_look_gives_way_to_the_painting(store: JobStore, photo: Path, style: Path) -> None:
    place = store.place(name := store.submit(photo, [style], QUICK))
    Status("painting", "painting", 0.5).write(place)
    with FileLock(place / LOCK):  # it is worked on
        (place / FIRST_LOOK).write_bytes(b"pixels")
        assert "first look" in job_html(shown(store, name))
        (place / LATEST).write_bytes(b"pixels")
        html = job_html(shown(store, name))
    assert "first look" not in html
    assert f"/jobs/{name}/{LATEST}" in html
