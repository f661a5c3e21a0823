"""What the page shows, as HTML."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.conftest import QUICK
from vidstyle.web.job_store import JobStore, Status
from vidstyle.web.page import CURVE, curve, job_view, jobs_list

EVIL = '<img src=x onerror="alert(1)">'


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs")


def test_what_people_and_files_say_is_escaped(store: JobStore, photo: Path, style: Path) -> None:
    named = photo.rename(photo.with_name("<b>bold.png"))
    name = store.submit(named, [style], QUICK)
    Status("failed", EVIL).write(store.place(name))
    for html in (job_view(store, name), jobs_list(store, [name, EVIL])):
        assert "<b>" not in html
        assert EVIL not in html
    assert "&lt;b&gt;bold like stripes" in job_view(store, name)


def test_the_place_in_the_queue_is_told(store: JobStore, photo: Path, style: Path) -> None:
    _, second = (store.submit(photo, [style], QUICK) for _ in range(2))
    assert "Waiting, number 2 in the queue." in job_view(store, second)


def test_jobs_that_are_gone_are_told_or_left_out(store: JobStore) -> None:
    assert "there is no such job" in job_view(store, "x" * 22)
    assert "none yet" in jobs_list(store, ["x" * 22, "../.."])


@given(st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=50))
def test_the_curve_stays_inside_its_frame(losses: list[float]) -> None:
    points = re.search(r'points="([^"]*)"', curve(losses))
    assert points
    pairs = [tuple(map(float, point.split(","))) for point in points[1].split()]
    assert len(pairs) == len(losses)
    assert all(0 <= x <= CURVE[0] and 0 <= y <= CURVE[1] for x, y in pairs)


def test_a_falling_loss_is_a_falling_line() -> None:
    points = re.search(r'points="([^"]*)"', curve([1.0, 0.1, 0.01]))
    assert points
    heights = [float(point.split(",")[1]) for point in points[1].split()]
    assert heights == sorted(heights)
    assert curve([1.0]) == ""
